/* SPDX-License-Identifier: MIT */
/* recording.h - what handlers record, from an order to its end
 *
 * The order lies beside the counters (order.h).  The handler that hears of it makes the pipe.
 * Each handler makes its own buffer (trace.h) when it sees that paging->recording has changed.  The
 * last one to give its buffer back ends the recording.
 *
 * Locking: the state of the order moves by compare-and-swap.  A handler's buffer belongs to its
 * thread.
 */
#ifndef SPILL_RECORDING_H
#define SPILL_RECORDING_H

#include "paging/handler.h"

/* Begins or ends a recording if this pager is meant.  In one of its handlers. */
void recording_obey(struct order *order, struct paging *paging);

/* What recording_look does when something has changed. */
void recording_follow(struct handler *handler);

/* In each of the handler's rounds.  It takes a buffer if a recording has begun.  It writes its
 * buffer out and gives it back if the recording has ended or cannot be written.  Several handlers
 * may find out in the same round that it cannot be written. */
static inline void recording_look(struct handler *handler)
{
	bool recording = handler->paging->recording;
	const struct trace *trace = handler->trace;
	bool followed = trace ? recording && trace->fd >= 0 : !recording;

	if (__builtin_expect(!followed, 0))
		recording_follow(handler);
}

#endif
