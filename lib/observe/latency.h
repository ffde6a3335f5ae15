/* SPDX-License-Identifier: MIT */
/* latency.h - how long page faults took: a histogram
 *
 * Each power of two of nanoseconds has four buckets, so a quantile read from them is off by at most
 * an eighth of its value.  The first and last buckets also take what lies beyond them: less than
 * 256 ns, and more than 9 minutes.
 *
 * Locking: none; the buckets are atomic, and each is exact by itself.
 */
#ifndef SPILL_LATENCY_H
#define SPILL_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

#define LATENCY_BUCKETS 128
#define LATENCY_FIRST_BITS 8 /* the first bucket begins at 2 to this power, in ns */

struct latency {
	_Atomic uint64_t bucket[LATENCY_BUCKETS];
};

static inline unsigned latency_bucket(uint64_t ns)
{
	unsigned power, bucket;

	if (ns >> LATENCY_FIRST_BITS == 0)
		return 0;
	power = 63 - (unsigned)__builtin_clzll(ns);
	bucket = (power - LATENCY_FIRST_BITS) * 4 + (unsigned)(ns >> (power - 2) & 3);
	return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static inline void latency_note(struct latency *latency, uint64_t ns)
{
	atomic_fetch_add_explicit(&latency->bucket[latency_bucket(ns)], 1, memory_order_relaxed);
}

/* The middle of a bucket, in ns. */
uint64_t latency_value(unsigned bucket);

/* The value, in ns, that this part of all values (0.5: half of them) does not exceed; 0 if there
 * are none.  counts are the buckets, or what each has gained since some earlier time. */
uint64_t latency_quantile(const uint64_t counts[LATENCY_BUCKETS], double part);

/* All values together, in ns. */
uint64_t latency_sum(const uint64_t counts[LATENCY_BUCKETS]);

#endif
