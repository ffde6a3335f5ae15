/* SPDX-License-Identifier: MIT */
/* test-reads - how many reads from swap space a sequential pass over memory takes: when some pages
 * are already present, and when random updates have scattered the slots
 *
 * Variants: default move
 * Time limit: 60
 */
#include "harness.h"

#define BUDGET (8 * M)
#define CHUNK 64
/* Each page whose number this divides is here already. */
#define STEP 4
/* How often as many pages as there are were updated at random. */
#define TURNOVERS 3

static void advise(const struct area *area, enum spill_advice advice)
{
	CHECK_OK(spill_advise(area->pager, area->base, area->pages * test_page_size(), advice));
}

static uint64_t reads_in_order(const struct area *area)
{
	uint64_t before = pager_stats(area->pager).reads;

	area_check_all(area);
	return pager_stats(area->pager).reads - before;
}

static void end(struct area *area)
{
	spill *s = area->pager;

	area_forget(area);
	pager_check(s);
	pager_close(s);
	case_end();
}

/* A read reaches over the pages that are here. */
static void try_gaps(void)
{
	struct area area;
	uint64_t reads;
	spill *s;

	case_begin("gaps", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, BUDGET / 2);
	area_write_all(&area);
	pager_press(s);
	advise(&area, SPILL_RANDOM);
	/* From the end, in steps that are no chunk's. */
	for (size_t i = area.pages; i >= STEP; i -= STEP)
		area_check(&area, i - STEP);
	advise(&area, SPILL_NORMAL);
	reads = reads_in_order(&area);
	CHECK(reads <= 6 * area.pages / CHUNK, "%llu reads for %zu chunks of which a part was here",
	      (unsigned long long)reads, area.pages / CHUNK);
	printf("  %.1f reads a chunk\n", (double)reads * CHUNK / (double)area.pages);
	end(&area);
}

/* The second time that they are read in order, pages lie side by side. */
static void try_scattered(void)
{
	struct dice dice = dice_new(2);
	struct area area;
	uint64_t scattered, gathered;
	spill *s;

	case_begin("scattered slots", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 2, 2 * BUDGET);
	area_write_all(&area);
	for (size_t n = TURNOVERS * area.pages; n; n--)
		area_update(&area, dice_below(&dice, area.pages));
	scattered = reads_in_order(&area);
	reads_in_order(&area);
	gathered = reads_in_order(&area);
	printf("  %llu reads, then %llu\n", (unsigned long long)scattered,
	       (unsigned long long)gathered);
	CHECK(gathered <= scattered / 2, "%llu reads the third time, %llu the first",
	      (unsigned long long)gathered, (unsigned long long)scattered);
	end(&area);
}

int main(void)
{
	test_begin("reads", 55);
	try_gaps();
	try_scattered();
	return test_end();
}
