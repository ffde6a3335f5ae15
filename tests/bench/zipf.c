/* SPDX-License-Identifier: MIT */
/* zipf.c - see zipf.h */
#include <math.h>

#include "zipf.h"

static double zeta(uint64_t n)
{
	double sum = 0;

	for (uint64_t i = 1; i <= n; i++)
		sum += pow(1.0 / (double)i, ZIPF_THETA);
	return sum;
}

void zipf_init(struct zipf *zipf, uint64_t n)
{
	zipf->n = n;
	zipf->alpha = 1 / (1 - ZIPF_THETA);
	zipf->zetan = zeta(n);
	zipf->eta = (1 - pow(2.0 / (double)n, 1 - ZIPF_THETA)) / (1 - zeta(2) / zipf->zetan);
}

/* From 0 up to 1, which it does not reach. */
static double random_unit(uint64_t *random)
{
	return (double)(random_next(random) >> 11) * 0x1p-53;
}

uint64_t zipf_next(const struct zipf *zipf, uint64_t *random)
{
	double u = random_unit(random);
	double uz = u * zipf->zetan;
	uint64_t rank;

	if (uz < 1)
		return 0;
	if (uz < 1 + pow(0.5, ZIPF_THETA))
		return 1;
	rank = (uint64_t)((double)zipf->n * pow(zipf->eta * u - zipf->eta + 1, zipf->alpha));
	return rank < zipf->n ? rank : zipf->n - 1;
}

void scatter_init(struct scatter *scatter, uint64_t n, uint64_t seed)
{
	scatter->n = n;
	scatter->seed = mix(seed);
	scatter->bits = n > 2 ? 64 - (unsigned)__builtin_clzll(n - 1) : 1;
}

/* Steps that can each be undone, on numbers of so many bits. */
static uint64_t stir(const struct scatter *scatter, uint64_t x)
{
	uint64_t mask = (UINT64_C(1) << scatter->bits) - 1;
	unsigned half = (scatter->bits + 1) / 2;

	for (unsigned round = 0; round < 3; round++) {
		x = (x + (scatter->seed >> round)) & mask;
		x = x * UINT64_C(0x9e3779b97f4a7c15) & mask;
		x ^= x >> half;
	}
	return x;
}

/* What comes out beyond n goes in again, until it is below. */
uint64_t scatter_of(const struct scatter *scatter, uint64_t i)
{
	do
		i = stir(scatter, i);
	while (i >= scatter->n);
	return i;
}
