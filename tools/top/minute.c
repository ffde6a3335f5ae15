/* SPDX-License-Identifier: MIT */
/* minute.c - what was counted in each second of the last minute: see minute.h */
#include "top/minute.h"
#include <math.h>

#define NS 1000000000u

/* Seconds that nobody has reported are empty. */
static void advance(struct minute *minute, uint64_t second)
{
	uint64_t first = minute->newest + 1;

	if (second > minute->newest + MINUTE_SECONDS)
		first = second - MINUTE_SECONDS + 1;
	for (uint64_t s = first; s <= second; s++) {
		minute->cell[s % MINUTE_SECONDS].count = 0;
		minute->cell[s % MINUTE_SECONDS].seconds = 0;
	}
	if (second > minute->newest)
		minute->newest = second;
}

void minute_add(struct minute *minute, uint64_t from, uint64_t to, double count)
{
	uint64_t first = from / NS, last = (to - 1) / NS;

	if (to <= from)
		return;
	advance(minute, last);
	if (last - first >= MINUTE_SECONDS)
		first = last - MINUTE_SECONDS + 1;
	for (uint64_t s = first; s <= last; s++) {
		uint64_t begin = from > s * NS ? from : s * NS;
		uint64_t end = to < (s + 1) * NS ? to : (s + 1) * NS;

		minute->cell[s % MINUTE_SECONDS].count +=
			count * (double)(end - begin) / (double)(to - from);
		minute->cell[s % MINUTE_SECONDS].seconds += (double)(end - begin) / NS;
	}
}

double minute_rate(const struct minute *minute, unsigned ago, unsigned seconds)
{
	double count = 0, looked = 0;

	for (unsigned i = ago; i < ago + seconds && i < MINUTE_SECONDS && i <= minute->newest;
	     i++) {
		count += minute->cell[(minute->newest - i) % MINUTE_SECONDS].count;
		looked += minute->cell[(minute->newest - i) % MINUTE_SECONDS].seconds;
	}
	return looked > 0 ? count / looked : NAN;
}
