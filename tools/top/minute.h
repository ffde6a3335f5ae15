/* SPDX-License-Identifier: MIT */
/* minute.h - what was counted in each second of the last minute
 *
 * A count comes with the time in which it arose, and is spread evenly over it.  So a minute looks
 * the same whether one looks every tenth of a second or every ten seconds.
 *
 * Invariant: cell[s % MINUTE_SECONDS] is second s, for the last seconds up to newest.
 * Locking: none.
 */
#ifndef SPILL_MINUTE_H
#define SPILL_MINUTE_H

#include <stdint.h>

#define MINUTE_SECONDS 60

struct minute {
	uint64_t newest; /* the last second that anything is known of; zeros at first */
	struct {
		double count;
		double seconds; /* how much of the second was looked at: 0 to 1 */
	} cell[MINUTE_SECONDS];
};

/* Adds what was counted between two times, in ns of one clock, later than what was added before. */
void minute_add(struct minute *minute, uint64_t from, uint64_t to, double count);

/* The average a second over this many seconds, which end ago seconds before newest; NAN: nobody
 * looked. */
double minute_rate(const struct minute *minute, unsigned ago, unsigned seconds);

#endif
