/* SPDX-License-Identifier: MIT */
/* rate.h - what was counted between two looks: a second, and how long faults took
 *
 * Counters only grow; what is less than it was belongs to another pager, and is taken for nothing.
 * Locking: none.
 */
#ifndef SPILL_RATE_H
#define SPILL_RATE_H

#include "observe/stats.h"

/* ns, CLOCK_MONOTONIC. */
uint64_t rate_now(void);
void rate_sleep_until(uint64_t ns);

/* A second, if it took so many ns. */
double rate(uint64_t before, uint64_t after, uint64_t ns);

/* So many ns a part of the faults of some kinds did not take longer than; NAN: there were none. */
#define RATE_KIND(kind) (1u << (kind))
#define RATE_ALL_KINDS (RATE_KIND(LATENCY_KINDS) - 1)
double rate_latency(const struct stats *before, const struct stats *after, unsigned kinds,
		    double part);

#endif
