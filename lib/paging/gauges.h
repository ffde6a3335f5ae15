/* SPDX-License-Identifier: MIT */
/* gauges.h - what is not counted as it happens, but brought up to date now and then
 *
 * Counters (stats.h) advance where things happen.  Gauges, such as the frames held, are brought up
 * to date beside them: by handlers before they sleep, by evictions some times a second, and by
 * whoever asks.  Recordings contain them too.
 *
 * Locking: none; any thread.
 */
#ifndef SPILL_GAUGES_H
#define SPILL_GAUGES_H

#include "paging/paging.h"

/* Brings the gauges in paging->stats up to date. */
void gauges_publish(struct paging *paging);
/* The same, unless it was just done: then returns the ns after which it is worth doing, otherwise
 * UINT64_MAX. */
uint64_t gauges_publish_soon(struct paging *paging);
/* The same, and memory besides our frames, some times a second. */
void gauges_sample(struct paging *paging);

/* Writes the gauges to the recording: some times a second, or now. */
void gauges_record(struct paging *paging, struct trace *trace, bool now);

#endif
