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

/* The handler takes a buffer, since a recording has begun; or it writes its buffer out and gives it
 * back, since the recording has ended or cannot be written. */
void recording_follow(struct handler *handler);

#endif
