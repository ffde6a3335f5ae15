/* SPDX-License-Identifier: MIT */
/* page.h - pages, chunks and masks of pages
 *
 * The page size is read once (page_init, called by every entry to the library).  64 pages make a
 * chunk.  A 64-bit mask says something about each of them: bit i stands for the page at offset i.
 * Runs, holes and counts then take one or two instructions.
 */
#ifndef SPILL_PAGE_H
#define SPILL_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define CHUNK_PAGES 64

extern unsigned page_shift_value;

void page_init(void);

static inline unsigned page_shift(void)
{
	return page_shift_value;
}

static inline size_t page_size(void)
{
	return (size_t)1 << page_shift_value;
}

static inline unsigned chunk_shift(void)
{
	return page_shift_value + 6;
}

static inline size_t chunk_size(void)
{
	return (size_t)1 << chunk_shift();
}

static inline uintptr_t page_round_down(uintptr_t n)
{
	return n & ~(page_size() - 1);
}

static inline uintptr_t page_round_up(uintptr_t n)
{
	return page_round_down(n + page_size() - 1);
}

/* Where the part of [address, end) ends that lies in the chunk of address. */
static inline uintptr_t chunk_part_end(uintptr_t address, uintptr_t end)
{
	uintptr_t next = (address | (chunk_size() - 1)) + 1;

	return next < end ? next : end;
}

/* The pages that so many bytes take, the last one maybe in part. */
static inline size_t pages_of(size_t bytes)
{
	return (bytes + page_size() - 1) >> page_shift();
}

/* The pages [first, first + n) of a chunk; n from 0 to 64. */
static inline uint64_t mask_range(unsigned first, unsigned n)
{
	if (n == 0)
		return 0;
	return (~UINT64_C(0) >> (CHUNK_PAGES - n)) << first;
}

static inline uint64_t mask_bit(unsigned i)
{
	return UINT64_C(1) << i;
}

static inline unsigned mask_count(uint64_t mask)
{
	return (unsigned)__builtin_popcountll(mask);
}

/* The first page of a non-empty mask. */
static inline unsigned mask_first(uint64_t mask)
{
	return (unsigned)__builtin_ctzll(mask);
}

/* The n lowest pages of a mask. */
static inline uint64_t mask_lowest(uint64_t mask, unsigned n)
{
	uint64_t rest = mask;

	while (n-- && rest)
		rest &= rest - 1;
	return mask & ~rest;
}

static inline unsigned mask_last(uint64_t mask)
{
	return CHUNK_PAGES - 1 - (unsigned)__builtin_clzll(mask);
}

/* The number of runs of adjacent pages. */
static inline unsigned mask_runs(uint64_t mask)
{
	return mask_count(mask & ~(mask << 1));
}

/* The lowest run of adjacent pages of a non-empty mask. */
static inline uint64_t mask_first_run(uint64_t mask)
{
	unsigned first = mask_first(mask);
	uint64_t gaps = ~(mask >> first);
	unsigned n = gaps ? mask_first(gaps) : CHUNK_PAGES;

	if (n > CHUNK_PAGES - first)
		n = CHUNK_PAGES - first;
	return mask_range(first, n);
}

/* The run of adjacent pages around page i, which is in the mask. */
static inline uint64_t mask_run_around(uint64_t mask, unsigned i)
{
	uint64_t above = ~mask & ~mask_range(0, i);
	uint64_t below = ~mask & mask_range(0, i);
	unsigned end = above ? mask_first(above) : CHUNK_PAGES;
	unsigned start = below ? mask_last(below) + 1 : 0;

	return mask_range(start, end - start);
}

/* The n lowest runs. */
static inline uint64_t mask_lowest_runs(uint64_t mask, unsigned n)
{
	uint64_t rest = mask;

	while (rest && n--)
		rest &= ~mask_first_run(rest);
	return mask & ~rest;
}

/* The runs as address ranges, where base is the address of page 0; returns their number. */
#define MASK_RUNS_MAX (CHUNK_PAGES / 2)
static inline unsigned mask_ranges(uint64_t mask, char *base, struct iovec ranges[])
{
	unsigned n = 0;

	for (uint64_t run; mask; mask &= ~run) {
		run = mask_first_run(mask);
		ranges[n++] = (struct iovec){ .iov_base = base +
							  ((size_t)mask_first(run) << page_shift()),
					      .iov_len = (size_t)mask_count(run) << page_shift() };
	}
	return n;
}

/* All pages from the lowest to the highest one of a non-empty mask. */
static inline uint64_t mask_span(uint64_t mask)
{
	return mask_range(mask_first(mask), mask_last(mask) - mask_first(mask) + 1);
}

#define mask_for_each(i, mask) \
	for (uint64_t m_ = (mask); m_ && ((i) = mask_first(m_), true); m_ &= m_ - 1)

#endif
