/* SPDX-License-Identifier: MIT */
/* minute.h - what was counted in each second of the last minute
 *
 * A count comes with the time in which it came about, and is spread evenly over it: so a minute
 * looks the same whether one looked every tenth of a second, or every tenth second.
 *
 * Invariant: cell[s % MINUTE_SECONDS] is of second s, for those from newest back.
 * Locking: none.
 */
#ifndef SPILL_MINUTE_H
#define SPILL_MINUTE_H

#include <stdint.h>

#define MINUTE_SECONDS 60

struct minute {
	uint64_t newest; /* the second up to which is known what there was; zeros at first */
	struct {
		double count;
		double seconds; /* how much of the second was looked at: 0 to 1 */
	} cell[MINUTE_SECONDS];
};

/* So much was counted from then to then, in ns of one clock; later than what was added before. */
void minute_add(struct minute *minute, uint64_t from, uint64_t to, double count);

/* What there was a second on average, in so many seconds that end so many before the newest has;
 * NAN: nobody looked. */
double minute_rate(const struct minute *minute, unsigned ago, unsigned seconds);

#endif
