/* SPDX-License-Identifier: MIT */
/* rate.h - what was counted between two looks: how much a second, and how long faults took
 *
 * Counters only grow.  One that has become smaller belongs to another pager, and counts as nothing.
 * Locking: none.
 */
#ifndef SPILL_RATE_H
#define SPILL_RATE_H

#include "observe/stats.h"

/* ns, CLOCK_MONOTONIC. */
uint64_t rate_now(void);
void rate_sleep_until(uint64_t ns);

/* The rate a second, if this took ns nanoseconds. */
double rate(uint64_t before, uint64_t after, uint64_t ns);

/* The ns within which this part of the faults of some kinds was served; NAN: there were none. */
#define RATE_KIND(kind) (1u << (kind))
#define RATE_ALL_KINDS (RATE_KIND(LATENCY_KINDS) - 1)
double rate_latency(const struct stats *before, const struct stats *after, unsigned kinds,
		    double part);

/* How long threads waited for faults of this kind, in threads: 1 if one waited all of the ns. */
double rate_waited(const struct stats *before, const struct stats *after, enum latency_kind kind,
		   uint64_t ns);

#endif
