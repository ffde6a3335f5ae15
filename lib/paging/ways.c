/* SPDX-License-Identifier: MIT */
/* ways.c - which of two ways is cheaper on this machine: see ways.h */
#include "paging/ways.h"

/* A flush for each run; and the hash is the first to touch what has moved. */
static uint64_t move_out(const struct prices *p, unsigned runs, unsigned pages)
{
	return price(p, PRICE_MOVE, runs, pages) + price(p, PRICE_TOUCH, 0, pages);
}

/* Protected and discarded with a call each, read run by run. */
static uint64_t copy_out(const struct prices *p, unsigned runs, unsigned pages)
{
	return price(p, PRICE_PROTECT, 1, pages) + price(p, PRICE_READ, runs, pages) +
	       price(p, PRICE_FRAME, 0, pages) + price(p, PRICE_DISCARD, 1, pages);
}

bool ways_depart_by_copy(const struct prices *p, uint64_t mask, uint32_t look)
{
	unsigned runs = mask_runs(mask), pages = mask_count(mask);

	return copy_out(p, runs, pages) + look < move_out(p, runs, pages);
}

static bool moves_out(const struct prices *p, uint64_t mask)
{
	return !ways_depart_by_copy(p, mask, 0);
}

bool ways_fill_by_move(const struct prices *p, uint64_t mask)
{
	unsigned runs = mask_runs(mask), pages = mask_count(mask);
	uint64_t by_move = price(p, PRICE_FRAME, 0, pages) + price(p, PRICE_MOVE, runs, pages);

	return by_move < price(p, PRICE_COPY, runs, pages);
}

/* The program touches the pages either way.  The frames of those that are copied are given back
 * later, with those of other trays. */
bool ways_restore_by_move(const struct prices *p, uint64_t mask)
{
	unsigned runs = mask_runs(mask), pages = mask_count(mask);
	uint64_t by_copy = price(p, PRICE_COPY, runs, pages) + price(p, PRICE_DISCARD, 0, pages);

	return price(p, PRICE_MOVE, runs, pages) < by_copy;
}

static unsigned least(const struct prices *p, bool (*moves)(const struct prices *, uint64_t))
{
	for (unsigned n = 1; n <= CHUNK_PAGES; n++)
		if (moves(p, mask_range(0, n)))
			return n;
	return 0;
}

struct ways ways_of(const struct prices *p)
{
	return (struct ways){
		.move_out = least(p, moves_out),
		.move_back = least(p, ways_restore_by_move),
		.move_in = least(p, ways_fill_by_move),
	};
}
