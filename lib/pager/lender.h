/* SPDX-License-Identifier: MIT */
/* lender.h - a thread for a process that has plain memory and relatives
 *
 * A process whose memory is still plain has no handler that hears when another process
 * of its command is short (share.h).  With its first child it gets this thread, which does
 * nothing but wait for the bell; if the process should lend, it arms the pager, whose
 * handlers do the rest, and ends.  In a child of a fork that could not be granted what it
 * inherited, it also looks what is still shared.
 *
 * Invariant: one at most.
 * Locking: it takes (G), as an application thread does.
 */
#ifndef SPILL_LENDER_H
#define SPILL_LENDER_H

#include <stdbool.h>

struct pager;

/* A child is about to begin, or has: starts the thread if there is enough to lend.  Any
 * application thread, not while it holds (G). */
void lender_start(struct pager *pager);

/* In the child of a fork there is none. */
void lender_reset(void);

/* Ends it, if there is one: it may be started again. */
bool lender_stop(void);

#endif
