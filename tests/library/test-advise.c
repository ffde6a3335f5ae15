/* SPDX-License-Identifier: MIT */
/* test-advise - each kind of advice does what spill.h says, and only SPILL_DONT_NEED changes the
 * contents of memory
 *
 * Time limit: 60
 */
#include "harness.h"

#define BUDGET (16 * M)

/* A chunk, and as far as a fault reads ahead in it: all of it, or without MOVE,
 * what a handler has buffers for (a 128th of the budget). */
#define CHUNK 64
#define WINDOW 32
/* Pages that are touched here and there. */
#define SCATTERED 256

/* An armed pager, and an area of which all pages are in swap space. */
static struct area area_swapped(unsigned number, size_t bytes)
{
	spill *s = pager_open(BUDGET);
	struct area area = area_reserve(s, number, bytes);

	area_write_all(&area);
	pager_press(s);
	pager_check(s); /* nothing is in flight any more */
	CHECK(area_count(&area, 0, area.pages, SPILL_SWAPPED) == area.pages,
	      "twice the budget was written, and not all other pages are swapped");
	return area;
}

static void area_end(struct area *area)
{
	spill *s = area->pager;

	area_check_all(area);
	area_forget(area);
	pager_close(s);
	case_end();
}

static void advise(const struct area *area, size_t first, size_t n, enum spill_advice advice)
{
	CHECK(spill_advise(area->pager, area_page(area, first), n * test_page_size(), advice) == 0,
	      "spill_advise(%d): %s", (int)advice, strerror(errno));
}

/* -- do not need ---------------------------------------------------------------- */

/* Ranges of all kinds and states, some of them twice. */
static void try_dont_need(void)
{
	struct dice dice = dice_new(1);
	struct area area;
	spill *s;

	case_begin("do not need", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	area_write_all(&area);
	for (int round = 0; round < 200; round++) {
		size_t first = dice_below(&dice, area.pages);
		size_t n = 1 + dice_below(&dice, round % 2 ? 10 : 300);

		n = n < area.pages - first ? n : area.pages - first;
		advise(&area, first, n, SPILL_DONT_NEED);
		area_zeroed(&area, first, n);
		CHECK(area_count(&area, first, n, SPILL_ABSENT) == n,
		      "discarded pages are not absent");
		area_check(&area, first);
		area_write(&area, dice_below(&dice, area.pages));
		area_check(&area, dice_below(&dice, area.pages));
	}
	area_end(&area);
}

/* Slots of discarded pages can be used again. */
static void try_dont_need_slots(void)
{
	struct spill_stats before, after;
	struct area area;

	case_begin("do not need, slots", 0);
	area = area_swapped(1, 2 * BUDGET);
	before = pager_stats(area.pager);
	advise(&area, 0, area.pages, SPILL_DONT_NEED);
	area_zeroed(&area, 0, area.pages);
	after = pager_stats(area.pager);
	CHECK(before.swap_used - after.swap_used == 2 * BUDGET,
	      "%zu KiB of swap space came free, not %zu KiB",
	      (size_t)(before.swap_used - after.swap_used) / K, 2 * BUDGET / K);
	area_end(&area);
}

static void try_dont_need_unarmed(void)
{
	struct area area;

	case_begin("do not need, before it armed", 0);
	area = area_reserve(pager_open(BUDGET), 1, 4 * M);
	area_write_all(&area);
	advise(&area, 10, 100, SPILL_DONT_NEED);
	area_zeroed(&area, 10, 100);
	CHECK(area_count(&area, 10, 100, SPILL_ABSENT) == 100, "discarded pages are not absent");
	CHECK(!pager_stats(area.pager).armed, "advice armed the pager");
	area_end(&area);
}

/* -- will need, cold --------------------------------------------------------------- */

static void try_will_need(void)
{
	struct spill_stats before, after;
	struct area area;

	case_begin("will need", 0);
	area = area_swapped(1, 2 * BUDGET);
	before = pager_stats(area.pager);
	advise(&area, 100, 500, SPILL_WILL_NEED);
	CHECK(WAIT_FOR(area_count(&area, 100, 500, SPILL_RESIDENT) == 500, 5),
	      "%zu of 500 pages that will be needed came in",
	      area_count(&area, 100, 500, SPILL_RESIDENT));
	for (size_t i = 100; i < 600; i++)
		area_check(&area, i);
	after = pager_stats(area.pager);
	CHECK(after.faults_major == before.faults_major, "pages that came in raise faults");
	CHECK(after.pages_read - before.pages_read == 500, "%zu pages were read for 500",
	      (size_t)(after.pages_read - before.pages_read));
	area_end(&area);
}

/* A hint for more than there is room for does no harm. */
static void try_will_need_all(void)
{
	struct area area;

	case_begin("will need too much", 0);
	area = area_swapped(1, 3 * BUDGET);
	for (int i = 0; i < 100; i++)
		advise(&area, 0, area.pages, SPILL_WILL_NEED);
	area_end(&area);
}

static void try_cold(void)
{
	struct spill_stats before, after;
	struct area area;
	spill *s;

	case_begin("cold", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, BUDGET);
	area_write_all(&area);
	pager_press(s);
	for (size_t i = 0; i < 1000; i++)
		area_update(&area, i);
	before = pager_stats(s);
	advise(&area, 0, 1000, SPILL_COLD);
	CHECK(WAIT_FOR(area_count(&area, 0, 1000, SPILL_RESIDENT) == 0, 5),
	      "%zu of 1000 cold pages stay", area_count(&area, 0, 1000, SPILL_RESIDENT));
	after = pager_stats(s);
	CHECK(after.pages_evicted - before.pages_evicted >= 1000,
	      "the statistics do not show the evictions");
	area_end(&area);
}

/* -- random, sequential --------------------------------------------------------------- */

/* The numbers from 0 to n - 1 in any order. */
static void shuffle(size_t number[], size_t n, struct dice *dice)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = dice_below(dice, i + 1);

		number[i] = number[k];
		number[k] = i;
	}
}

/* Touches n pages here and there, no two of them near each other; each has to be
 * one fault, one read, one page.  Three of them may be a stride apart by chance
 * (one seed in some hundred has such), and then the two that would be next come along. */
static void touch_scattered(const struct area *area, size_t n, unsigned stream)
{
	struct dice dice = dice_new(stream);
	struct spill_stats before = pager_stats(area->pager), after;
	size_t part[SCATTERED];

	/* In an order without a pattern: a stride is one as well. */
	shuffle(part, n, &dice);
	for (size_t k = 0; k < n; k++) {
		size_t size = area->pages / n;

		area_check(area, part[k] * size + dice_below(&dice, size / 2));
	}
	after = pager_stats(area->pager);
	CHECK(after.faults_major - before.faults_major == n, "%zu major faults for %zu pages",
	      (size_t)(after.faults_major - before.faults_major), n);
	CHECK(after.pages_read - before.pages_read <= n + n / 32,
	      "%zu pages were read for %zu faults",
	      (size_t)(after.pages_read - before.pages_read), n);
	CHECK(after.reads - before.reads <= n + n / 32, "%zu reads for %zu faults",
	      (size_t)(after.reads - before.reads), n);
}

/* Without any advice too. */
static void try_scattered(void)
{
	struct area area;

	case_begin("scattered, no advice", 0);
	area = area_swapped(1, 4 * BUDGET);
	pager_forget_streams(area.pager);
	touch_scattered(&area, SCATTERED, 2);
	area_end(&area);
}

/* Even where the pages follow one another. */
static void try_random(void)
{
	struct spill_stats before, after;
	struct area area;

	case_begin("random", 0);
	area = area_swapped(1, 2 * BUDGET);
	advise(&area, 0, area.pages, SPILL_RANDOM);
	before = pager_stats(area.pager);
	for (size_t i = 0; i < 500; i++)
		area_check(&area, i);
	after = pager_stats(area.pager);
	CHECK(after.pages_read - before.pages_read == 500 && after.reads - before.reads == 500,
	      "%zu pages were read in %zu reads, for 500 faults",
	      (size_t)(after.pages_read - before.pages_read), (size_t)(after.reads - before.reads));
	/* And forgotten: pages come in windows again. */
	advise(&area, 0, area.pages, SPILL_NORMAL);
	before = pager_stats(area.pager);
	for (size_t i = 1024; i < 1536; i++)
		area_check(&area, i);
	after = pager_stats(area.pager);
	CHECK(after.faults_major - before.faults_major < 100,
	      "%zu major faults for 512 pages in a row",
	      (size_t)(after.faults_major - before.faults_major));
	area_end(&area);
}

static void try_sequential(void)
{
	struct spill_stats before, after;
	struct area area;
	size_t first;

	case_begin("sequential", 0);
	area = area_swapped(1, 2 * BUDGET);
	/* The first page of a chunk, so that a whole window lies in it. */
	first = (CHUNK - (uintptr_t)area.base / test_page_size() % CHUNK) % CHUNK;
	advise(&area, 0, area.pages, SPILL_SEQUENTIAL);
	before = pager_stats(area.pager);
	area_check(&area, first);
	CHECK(WAIT_FOR(area_count(&area, first, WINDOW, SPILL_RESIDENT) == WINDOW, 5),
	      "%zu pages came with the first fault",
	      area_count(&area, first, WINDOW, SPILL_RESIDENT));
	after = pager_stats(area.pager);
	CHECK(after.faults_major - before.faults_major == 1, "one page raises %zu faults",
	      (size_t)(after.faults_major - before.faults_major));
	/* Zero pages come in windows as well. */
	advise(&area, 2048, 1024, SPILL_DONT_NEED);
	area_zeroed(&area, 2048, 1024);
	before = pager_stats(area.pager);
	for (size_t i = 2048; i < 3072; i++)
		area_write(&area, i);
	after = pager_stats(area.pager);
	CHECK(after.faults_zero - before.faults_zero <= 40, "%zu faults for 1024 pages of zeros",
	      (size_t)(after.faults_zero - before.faults_zero));
	area_end(&area);
}

/* Advice for more ranges than are remembered, and that overlap. */
static void try_many_ranges(void)
{
	struct dice dice = dice_new(3);
	struct area area;

	case_begin("many ranges", 0);
	area = area_swapped(1, 2 * BUDGET);
	for (int i = 0; i < 2000; i++) {
		size_t first = dice_below(&dice, area.pages - 200);

		advise(&area, first, 1 + dice_below(&dice, 200),
		       (enum spill_advice)(dice_below(&dice, 3)));
		area_check(&area, first);
	}
	area_end(&area);
}

int main(void)
{
	test_begin("advise", 50);
	try_dont_need_unarmed();
	try_dont_need();
	try_dont_need_slots();
	try_will_need();
	try_will_need_all();
	try_cold();
	try_scattered();
	try_random();
	try_sequential();
	try_many_ranges();
	return test_end();
}
