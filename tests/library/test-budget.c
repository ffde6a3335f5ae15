/* SPDX-License-Identifier: MIT */
/* test-budget - the budget holds, whoever touches what meanwhile, and can be set at run time
 *
 * Time limit: 90
 */
#include "harness.h"
#include "pager/options.h"
#include "base/page.h"
#include <pthread.h>
#include <stdatomic.h>

#define TOUCHERS 4

static uint64_t held(spill *s)
{
	return pager_stats(s).held;
}

/* Data that were there before the pager armed fit the budget too, however much
 * of it they are, together with what it takes to page them. */
static void try_arming(size_t before)
{
	struct area early, late;
	spill *s;

	case_begin("arming", 0);
	s = pager_open(16 * M);
	early = area_reserve(s, 1, before);
	area_write_all(&early);
	CHECK(before == 16 * M || !pager_stats(s).armed, "it armed while all fits the budget");
	late = area_reserve(s, 2, 16 * M);
	CHECK(pager_stats(s).armed, "it did not arm beyond the budget");
	CHECK(held(s) <= 16 * M, "%zu KiB are held after arming", (size_t)held(s) / K);
	area_write_all(&late);
	area_check_all(&early);
	area_check_all(&late);
	area_forget(&early);
	area_forget(&late);
	pager_close(s);
	case_end();
}

static void try_shrinking(void)
{
	struct area area;
	spill *s;

	case_begin("shrinking", 0);
	s = pager_open(64 * M);
	area = area_reserve(s, 1, 96 * M);
	area_write_all(&area);
	for (size_t budget = 64 * M; budget >= SPILL_BUDGET_MIN; budget /= 2) {
		pager_set_budget(s, budget);
		CHECK(held(s) <= budget, "%zu KiB are held, the budget is %zu KiB now",
		      (size_t)held(s) / K, budget / K);
	}
	area_check_all(&area);
	CHECK(held(s) <= SPILL_BUDGET_MIN, "%zu KiB are held under the least budget",
	      (size_t)held(s) / K);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* To a quarter in one step, all pages dirty. */
static void try_quarter(void)
{
	struct area area;
	spill *s;

	case_begin("to a quarter", 0);
	s = pager_open(64 * M);
	area = area_reserve(s, 1, 128 * M);
	area_write_all(&area);
	pager_set_budget(s, 16 * M);
	CHECK(held(s) <= 16 * M, "%zu KiB are held, the budget is 16 MiB now", (size_t)held(s) / K);
	CHECK(pager_stats(s).budget == 16 * M, "the statistics tell another budget");
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* What fits the larger budget stays in memory from then on. */
static void try_growing(void)
{
	struct spill_stats before;
	struct area area;
	spill *s;

	case_begin("growing", 0);
	s = pager_open(SPILL_BUDGET_MIN);
	area = area_reserve(s, 1, 32 * M);
	area_write_all(&area);
	pager_set_budget(s, 64 * M);
	area_check_all(&area);
	before = pager_stats(s);
	for (int round = 0; round < 3; round++)
		area_check_all(&area);
	CHECK(pager_stats(s).pages_read == before.pages_read,
	      "pages are read again though all fit");
	CHECK(area_count(&area, 0, area.pages, SPILL_RESIDENT) == area.pages,
	      "not all pages are resident though all fit");
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* Shrinking below what is there arms the pager. */
static void try_shrinking_unarmed(void)
{
	struct area area;
	spill *s;

	case_begin("shrinking before it armed", 0);
	s = pager_open(64 * M);
	area = area_reserve(s, 1, 32 * M);
	area_write_all(&area);
	pager_set_budget(s, 48 * M);
	CHECK(!pager_stats(s).armed, "it armed while all fits the budget");
	pager_set_budget(s, 16 * M);
	CHECK(pager_stats(s).armed, "it did not arm");
	CHECK(held(s) <= 16 * M, "%zu KiB are held, the budget is 16 MiB", (size_t)held(s) / K);
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

static void try_least(void)
{
	struct area area;
	spill *s;

	case_begin("below the least", 0);
	s = pager_open(SPILL_BUDGET_MIN);
	CHECK_ERRNO(spill_set_budget(s, SPILL_BUDGET_MIN - 1), EINVAL);
	CHECK_ERRNO(spill_set_budget(s, 0), EINVAL);
	area = area_reserve(s, 1, 16 * M);
	area_write_all(&area);
	CHECK_ERRNO(spill_set_budget(s, SPILL_BUDGET_MIN - 1), EINVAL);
	CHECK(pager_stats(s).budget == SPILL_BUDGET_MIN, "a refused budget was set");
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* -- while others touch ------------------------------------------------------------- */

struct toucher {
	pthread_t thread;
	struct area area;
	struct dice dice;
};

static atomic_bool stop;

static void *touch(void *arg)
{
	struct toucher *t = arg;

	while (!stop) {
		size_t i = dice_below(&t->dice, t->area.pages);

		if (dice_below(&t->dice, 3))
			area_check(&t->area, i);
		else
			area_update(&t->area, i);
	}
	return NULL;
}

static void try_touching(void)
{
	struct toucher toucher[TOUCHERS];
	struct dice dice = dice_new(100);
	double end = test_seconds() + 4;
	/* A handler that has just taken credits for a chunk under the old budget, and no frame
	 * yet, gives them back when it sees the new one (credit_take). */
	size_t claims = HANDLERS_MAX * CHUNK_PAGES * test_page_size(), now;
	spill *s;

	case_begin("while others touch", 0);
	s = pager_open(64 * M);
	stop = false;
	for (unsigned i = 0; i < TOUCHERS; i++) {
		toucher[i].area = area_reserve(s, i, 24 * M);
		toucher[i].dice = dice_new(i);
		area_write_all(&toucher[i].area);
	}
	for (unsigned i = 0; i < TOUCHERS; i++)
		CHECK(pthread_create(&toucher[i].thread, NULL, touch, &toucher[i]) == 0,
		      "pthread_create");
	while (test_seconds() < end) {
		size_t budget = SPILL_BUDGET_MIN + dice_below(&dice, 56 * M);

		pager_set_budget(s, budget);
		now = held(s);
		CHECK(now <= budget + claims, "%zu KiB are held, the budget is %zu KiB now",
		      now / K, budget / K);
	}
	stop = true;
	for (unsigned i = 0; i < TOUCHERS; i++) {
		pthread_join(toucher[i].thread, NULL);
		area_check_all(&toucher[i].area);
		area_forget(&toucher[i].area);
	}
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("budget", 80);
	try_least();
	try_arming(12 * M);
	try_arming(16 * M);
	try_shrinking();
	try_quarter();
	try_growing();
	try_shrinking_unarmed();
	try_touching();
	return test_end();
}
