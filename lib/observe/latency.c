/* SPDX-License-Identifier: MIT */
/* latency.c - how long page faults took: see latency.h */
#include "observe/latency.h"

uint64_t latency_value(unsigned bucket)
{
	unsigned power = LATENCY_FIRST_BITS + bucket / 4;
	uint64_t quarter = UINT64_C(1) << (power - 2);

	return (UINT64_C(1) << power) + bucket % 4 * quarter + quarter / 2;
}

uint64_t latency_quantile(const uint64_t counts[LATENCY_BUCKETS], double part)
{
	uint64_t total = 0, seen = 0;
	unsigned bucket = 0;

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		total += counts[i];
	if (!total)
		return 0;
	while (bucket < LATENCY_BUCKETS - 1) {
		seen += counts[bucket];
		if ((double)seen >= part * (double)total)
			break;
		bucket++;
	}
	return latency_value(bucket);
}

uint64_t latency_sum(const uint64_t counts[LATENCY_BUCKETS])
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		sum += counts[i] * latency_value(i);
	return sum;
}
