/* SPDX-License-Identifier: MIT */
/* loop.h - what a handler does, round by round
 *
 *	work	takes faults and serves them (fault.h); maps what was read (fill.h), enters what was
 *		written (writeback.h); makes room (evict.h); does a little of what was asked for
 *	rest	when nothing is left to do: looks for completions for a while without sleeping,
 *		then sleeps until a fault, a completion or a wake-up comes
 *
 * A fault that cannot be served now stays with the handler, which tries it again in each round.  If
 * nothing helps for a while, the handler decides what gives way: the budget, or the page
 * (out_of_room).
 *
 * Locking: none of its own.  The loop waits in one place, io_wait.
 */
#ifndef SPILL_LOOP_H
#define SPILL_LOOP_H

#include "paging/handler.h"

/* The handler's thread, from its start to paging_stop. */
void loop(void *handler);

#endif
