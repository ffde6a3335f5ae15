/* SPDX-License-Identifier: MIT */
/* watchdog.h - reports a fault that waits too long
 *
 * A disk may stop for seconds or for good, a stopped thread may hold a lock, or a bug of ours may
 * hang.  Then the program waits in a page fault, and nobody sees why.  After
 * spill_options.stall_warning seconds a message names the page, its state, and what it waits for.
 * Other pages are served meanwhile.
 *
 *	each handler, now and then	its reads, its writes, the faults that it has
 *	the others			a handler that does not come round (stall.h)
 *
 * Locking: none; what is read of other handlers is atomic.
 */
#ifndef SPILL_WATCHDOG_H
#define SPILL_WATCHDOG_H

#include "paging/handler.h"

/* Looks, unless it did lately.  The handler has just noted that it is at work (stall_note). */
void watchdog_look(struct handler *handler);

/* How long the handler may sleep before it must look again. */
uint64_t watchdog_sleep(const struct handler *handler);

#endif
