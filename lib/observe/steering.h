/* SPDX-License-Identifier: MIT */
/* steering.h - orders from outside to the running pagers of a command
 *
 * The orders lie in the memfd of the counters (stats.h).  Whoever may look at the process writes
 * them, and rings the bell (bell.h) whose number is there.  One handler of each pager hears it, and
 * obeys.  A pager that starts later looks, too.
 *
 *	spill set ----> [paused][readahead] ----.
 *	spill map ----> [inquiry] --------------+----> bell ----> handler
 *	spill trace --> [order]  ---------------'
 *	(the budget is in the pool, pool.h) ----'
 *
 * Locking: none; each word is exact by itself, and the latest counts.
 */
#ifndef SPILL_STEERING_H
#define SPILL_STEERING_H

#include "observe/inquiry.h"
#include "observe/order.h"

struct steering {
	_Atomic uint64_t bell;	    /* its number; 0: there is none */
	_Atomic uint32_t paused;    /* faults are not served */
	_Atomic uint32_t readahead; /* the longest window in pages, plus 1; 0: the pager decides */
	struct inquiry inquiry;
	struct order order;
};

#endif
