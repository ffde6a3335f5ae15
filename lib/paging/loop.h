/* SPDX-License-Identifier: MIT */
/* loop.h - what a handler does, round by round
 *
 *	work	takes faults and serves them (fault.h); installs what was read (fill.h), enters what was
 *		written (writeback.h); makes room (evict.h); does a little of what was asked for
 *	rest	nothing is left to do: looks for completions without sleeping for a while, then sleeps
 *		until a fault, a completion or a wake-up comes
 *
 * A fault that cannot be served now stays with the handler and is tried in each round.  When nothing
 * helps for a while it decides what gives way (out_of_room): the budget, or the page.
 *
 * Locking: none of its own.  The loop waits in one place, io_wait.
 */
#ifndef SPILL_LOOP_H
#define SPILL_LOOP_H

#include "paging/handler.h"

/* The thread of this handler, from its start to paging_stop. */
void loop(void *handler);

#endif
