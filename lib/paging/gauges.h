/* SPDX-License-Identifier: MIT */
/* gauges.h - what is not counted on the way, brought up to date now and then
 *
 * Counters (stats.h) are advanced where things happen.  Gauges, such as what is held, are copied there:
 * by handlers before they sleep, by evictions some times a second, and by whoever asks.  A recording has
 * them as well.
 *
 * Locking: none; any thread.
 */
#ifndef SPILL_GAUGES_H
#define SPILL_GAUGES_H

#include "paging/paging.h"

/* Brings the gauges in paging->stats up to date. */
void gauges_publish(struct paging *paging);
/* The same, unless that was a moment ago: then gives how many ns later it is worth
 * while; else UINT64_MAX. */
uint64_t gauges_publish_soon(struct paging *paging);
/* The same, and what is held beside our frames, some times a second. */
void gauges_sample(struct paging *paging);

/* Writes the gauges to the recording, some times a second, or now. */
void gauges_record(struct paging *paging, struct trace *trace, bool now);

#endif
