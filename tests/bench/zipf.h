/* SPDX-License-Identifier: MIT */
/* zipf.h - ranks that are drawn by Zipf's law, and a permutation that scatters them
 *
 * The generator is that of Gray et al., "Quickly generating billion-record synthetic
 * databases" (1994), which YCSB uses too.
 */
#ifndef ZIPF_H
#define ZIPF_H

#include "bench.h"

#define ZIPF_THETA 0.99

struct zipf {
	uint64_t n;
	double alpha, zetan, eta;
};

void zipf_init(struct zipf *zipf, uint64_t n);
/* From 0 to n - 1, and 0 the most often. */
uint64_t zipf_next(const struct zipf *zipf, uint64_t *random);

/* A permutation of 0 to n - 1, without a table. */
struct scatter {
	uint64_t n, seed;
	unsigned bits;
};

void scatter_init(struct scatter *scatter, uint64_t n, uint64_t seed);
uint64_t scatter_of(const struct scatter *scatter, uint64_t i);

#endif /* ZIPF_H */
