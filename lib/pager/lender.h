/* SPDX-License-Identifier: MIT */
/* lender.h - a thread for a process that has plain memory and relatives
 *
 * A process whose memory is still plain has no handler to hear that another process of its command
 * is short (share.h).  With its first child it gets this thread, which only waits for the bell.  If
 * the process should lend, the thread arms the pager, whose handlers do the rest, and ends.  In a
 * fork's child that could not be granted what it inherited, it also checks what is still shared.
 *
 * Invariant: there is at most one.
 * Locking: takes (G), as an application thread does.
 */
#ifndef SPILL_LENDER_H
#define SPILL_LENDER_H

#include <stdbool.h>

struct pager;

/* A child is about to begin, or has begun: starts the thread if there is enough to lend.  Any
 * application thread, but not while it holds (G). */
void lender_start(struct pager *pager);

/* In a fork's child, where the thread does not exist. */
void lender_reset(void);

/* Ends the thread, if there is one; lender_start may start it again. */
bool lender_stop(void);

#endif
