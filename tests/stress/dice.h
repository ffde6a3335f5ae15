/* SPDX-License-Identifier: MIT */
/* dice.h - random numbers that a seed repeats (splitmix64); one for each thread */
#ifndef DICE_H
#define DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline struct dice dice_new(uint64_t seed, uint64_t stream)
{
	return (struct dice){ mix(seed) ^ mix(~stream) };
}

static inline uint64_t dice_next(struct dice *dice)
{
	return mix(dice->state += UINT64_C(0x9e3779b97f4a7c15));
}

/* From 0 to n - 1. */
static inline uint64_t dice_below(struct dice *dice, uint64_t n)
{
	return dice_next(dice) % n;
}

/* true once in n times. */
static inline bool dice_once_in(struct dice *dice, uint64_t n)
{
	return dice_below(dice, n) == 0;
}

#endif
