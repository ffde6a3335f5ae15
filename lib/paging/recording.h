/* SPDX-License-Identifier: MIT */
/* recording.h - what handlers record, from an order to its end
 *
 * An order lies beside the counters (record.h).  The handler that hears of it makes the pipe; each
 * handler makes its own buffer (trace.h) when it sees that paging->recording has changed, and the last
 * one to give its buffer back ends the recording.
 *
 * Locking: the state of the order moves by compare-and-swap.  A handler's buffer is its thread's.
 */
#ifndef SPILL_RECORDING_H
#define SPILL_RECORDING_H

#include "paging/handler.h"

/* Begins or ends a recording if this pager is meant; in a handler of it. */
void recording_obey(struct record *record, struct paging *paging);

/* The handler takes its buffer, or writes it out and gives it back: a recording has begun, ended,
 * or cannot be written. */
void recording_follow(struct handler *handler);

#endif
