/* SPDX-License-Identifier: MIT */
/* watchdog.h - a fault that waits too long is told of
 *
 * A disk may stop for seconds or for ever, a lock may be held by a thread that is stopped, and
 * a bug of ours may hang: the program then waits in a page fault, where nobody sees why.  After
 * options.stall_warning seconds one line says which page it is, its state, and what it waits
 * for.  Other pages are served meanwhile.
 *
 *	each handler, now and then	its reads, its writes, the faults that it has
 *	the others			a handler that does not come round (stall.h)
 *
 * Locking: none; what is read of other handlers is atomic.
 */
#ifndef SPILL_WATCHDOG_H
#define SPILL_WATCHDOG_H

#include "paging/handler.h"

/* Looks, if it did not lately.  The handler has just said that it is at work (stall_note). */
void watchdog_look(struct handler *handler);

/* How long the handler may sleep before it has to look again. */
uint64_t watchdog_sleep(const struct handler *handler);

#endif
