/* SPDX-License-Identifier: MIT */
/* steering.h - what is wanted of the pagers of a command, from outside, while it runs
 *
 * It lies in the memfd of the counters (stats.h).  Who may look at the process writes there, and
 * rings the bell (bell.h) whose number is there; one handler of each pager hears it, and does
 * what is wanted.  A pager that starts later looks as well.
 *
 *	spill set ----> [paused][readahead] ----.
 *	spill map ----> [inquiry] --------------+----> bell ----> handler
 *	spill trace --> [record] ---------------'
 *	(the budget is in the pool, pool.h) ----'
 *
 * Locking: none; each word is exact by itself, and the latest counts.
 */
#ifndef SPILL_STEERING_H
#define SPILL_STEERING_H

#include "observe/inquiry.h"
#include "observe/record.h"

struct steering {
	_Atomic uint64_t bell;	    /* its number; 0: there is none */
	_Atomic uint32_t paused;    /* faults are not served */
	_Atomic uint32_t readahead; /* the longest window, in pages, plus 1; 0: as the pager
				       thinks best */
	struct inquiry inquiry;
	struct record record;
};

#endif
