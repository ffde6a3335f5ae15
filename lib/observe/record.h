/* SPDX-License-Identifier: MIT */
/* record.h - a recording that begins, and ends, while the program runs
 *
 * An order for one lies beside the counters (steering.h), for one at a time.  Who wants a
 * recording takes it, fills it in, and rings the bell.  A handler of the pager that is meant makes
 * a pipe and says which; who asked opens it by way of /proc/PID/fd, and has the header of the
 * recording and its events from there (trace.h).  So the program's process opens no file that
 * others name, and does not wait if nobody reads.
 *
 *	asker	takes --> ASKED ............ RUNNING ........ ENOUGH ........ DONE --> leaves
 *	handlers	    `---> BEGINNING ---'  | each takes a  `--------------^ the last one
 *			   or REFUSED		  | buffer		 writes its buffer out
 *
 * Pages that are here would never fault, so first all that is of the sample leaves (watch.h).
 * When nobody has read the pipe for a while the recording ends as well: who asked is gone.
 *
 * Neither side believes the other: each word is read once, and may hold anything.
 *
 * Invariant: from ASKED on the order does not change until RUNNING or REFUSED, and nothing is
 * recorded before the one nor after DONE.
 * Locking: state, which moves by compare-and-swap; asker is the mark (process.h) of who has the
 * order.  An asker that was killed loses it to the next.  A handler's buffer is its own thread's: it
 * makes and frees it when it sees that pager->recording has changed.
 */
#ifndef SPILL_RECORD_H
#define SPILL_RECORD_H

#include <stdatomic.h>
#include <stdint.h>

enum record_state {
	RECORD_NONE,
	RECORD_ASKED,
	RECORD_BEGINNING,
	RECORD_REFUSED,
	RECORD_RUNNING,
	RECORD_ENOUGH,
	RECORD_DONE,
};

struct record {
	_Atomic uint64_t asker; /* 0: nobody */
	_Atomic uint32_t state;
	/* the order */
	_Atomic uint32_t sample; /* chunks */
	_Atomic uint64_t mark;	 /* of the process, */
	_Atomic uint32_t place;	 /* and its pager's slot in the table */
	/* the answer */
	_Atomic int32_t error; /* -errno: why it is refused */
	_Atomic uint64_t pipe; /* its inode */
};

#endif
