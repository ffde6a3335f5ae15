/* SPDX-License-Identifier: MIT */
/* order.h - a recording that begins and ends while the program runs
 *
 * The order for a recording lies next to the counters (steering.h); there is one at a time.  An
 * asker takes the order, fills it in, and rings the bell.  A handler of the pager in question makes
 * a pipe and says which one.  The asker opens it through /proc/PID/fd, and reads from it the
 * recording's header and events (trace.h).  So the program's process opens no file that others
 * name, and does not wait for a reader.
 *
 *	asker	takes --> ASKED ............ RUNNING ........ ENOUGH ........ DONE --> leaves
 *	handlers	    `---> BEGINNING ---'  | each takes a  `--------------^ the last one
 *			   or REFUSED		  | buffer		 writes its buffer out
 *
 * Pages that are present would never fault, so first all pages of the sample are evicted (watch.h).
 * The recording also ends when nobody has read the pipe for a while: the asker is gone.
 *
 * Neither side trusts the other: each word is read once, and may hold anything.
 *
 * Invariant: from ASKED until RUNNING or REFUSED the order does not change.  Nothing is recorded
 * before RUNNING or after DONE.
 * Locking: state, which moves by compare-and-swap.  asker is the mark (process.h) of whoever has
 * the order; if an asker was killed, the next one takes the order over.  A handler's buffer belongs
 * to its thread, which makes it and frees it when it sees that paging->recording has changed.
 */
#ifndef SPILL_ORDER_H
#define SPILL_ORDER_H

#include <stdatomic.h>
#include <stdint.h>

enum order_state {
	ORDER_NONE,
	ORDER_ASKED,
	ORDER_BEGINNING,
	ORDER_REFUSED,
	ORDER_RUNNING,
	ORDER_ENOUGH,
	ORDER_DONE,
};

struct order {
	_Atomic uint64_t asker; /* 0: nobody */
	_Atomic uint32_t state;
	/* the order */
	_Atomic uint32_t sample; /* chunks */
	_Atomic uint64_t mark;	 /* of the process, */
	_Atomic uint32_t place;	 /* and its pager's slot in the table */
	/* the answer */
	_Atomic int32_t error; /* why it is refused: -errno */
	_Atomic uint64_t pipe; /* its inode */
};

#endif
