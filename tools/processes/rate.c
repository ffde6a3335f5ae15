/* SPDX-License-Identifier: MIT */
/* rate.c - what was counted between two looks: see rate.h */
#include "processes/rate.h"
#include <errno.h>
#include <math.h>
#include <time.h>

uint64_t rate_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void rate_sleep_until(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

double rate(uint64_t before, uint64_t after, uint64_t ns)
{
	return after > before ? (double)(after - before) * 1e9 / (double)ns : 0;
}

static void add_counts(uint64_t counts[LATENCY_BUCKETS], const struct latency *before,
		       const struct latency *after)
{
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		uint64_t was = stat_get(&before->bucket[i]), is = stat_get(&after->bucket[i]);

		counts[i] += is > was ? is - was : 0;
	}
}

double rate_latency(const struct stats *before, const struct stats *after, unsigned kinds,
		    double part)
{
	uint64_t counts[LATENCY_BUCKETS] = { 0 }, ns;

	for (unsigned kind = 0; kind < LATENCY_KINDS; kind++)
		if (kinds & RATE_KIND(kind))
			add_counts(counts, &before->latency[kind], &after->latency[kind]);
	ns = latency_quantile(counts, part);
	return ns ? (double)ns : NAN;
}

double rate_waited(const struct stats *before, const struct stats *after, enum latency_kind kind,
		   uint64_t ns)
{
	uint64_t counts[LATENCY_BUCKETS] = { 0 };

	add_counts(counts, &before->latency[kind], &after->latency[kind]);
	return (double)latency_sum(counts) / (double)ns;
}
