/* SPDX-License-Identifier: MIT */
/* test-pin - pinned pages are in memory and stay there, up to three quarters of the budget
 *
 * Time limit: 60
 */
#include "harness.h"

#define BUDGET (16 * M)

static size_t bytes(size_t pages)
{
	return pages * test_page_size();
}

static void pin(const struct area *area, size_t first, size_t n)
{
	CHECK(spill_pin(area->pager, area_page(area, first), bytes(n)) == 0,
	      "spill_pin of %zu pages: %s", n, strerror(errno));
}

static void unpin(const struct area *area, size_t first, size_t n)
{
	CHECK(spill_unpin(area->pager, area_page(area, first), bytes(n)) == 0,
	      "spill_unpin of %zu pages: %s", n, strerror(errno));
}

/* All of these are resident and pinned, and those beside them are not pinned. */
static void check_pinned(const struct area *area, size_t first, size_t n)
{
	for (size_t i = 0; i < area->pages; i++) {
		unsigned state = area_state(area, i);
		bool inside = i >= first && i < first + n;

		CHECK(!!(state & SPILL_FLAG_PINNED) == inside, "page %zu is%s pinned", i,
		      inside ? " not" : "");
		CHECK(!inside || (state & SPILL_STATE_MASK) == SPILL_RESIDENT,
		      "page %zu is pinned and in state %#x", i, state);
	}
}

/* Pages of all kinds of states are pinned, and stay under pressure; those
 * beside them in the same chunks go. */
static void try_pressure(void)
{
	struct spill_stats before;
	struct area area;
	size_t n;
	spill *s;

	case_begin("under pressure", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	for (size_t i = 0; i < area.pages; i++)
		if (i % 7)
			area_write(&area, i);
	n = BUDGET / 4 * 3 / test_page_size() - 10;
	pin(&area, 33, n);
	check_pinned(&area, 33, n);
	for (int round = 0; round < 3; round++) {
		pager_press(s);
		check_pinned(&area, 33, n);
	}
	before = pager_stats(s);
	for (size_t i = 33; i < 33 + n; i++)
		area_update(&area, i);
	CHECK(pager_stats(s).faults_major == before.faults_major &&
		      pager_stats(s).faults_soft == before.faults_soft,
	      "touching pinned pages raises faults");
	pager_check(s);
	unpin(&area, 33, n);
	pager_press(s);
	CHECK(area_count(&area, 33, n, SPILL_RESIDENT) < n / 10,
	      "%zu of %zu pages stay though they are not pinned any more",
	      area_count(&area, 33, n, SPILL_RESIDENT), n);
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

static void try_limit(void)
{
	struct area area;
	size_t most = BUDGET / 4 * 3 / test_page_size();
	spill *s;

	case_begin("three quarters of the budget", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	area_write_all(&area);
	CHECK_ERRNO(spill_pin(s, area_page(&area, 0), bytes(most + 1)), ENOMEM);
	check_pinned(&area, 0, 0);
	pin(&area, 0, most - 1);
	/* Pins do not nest: pages that are pinned do not count again. */
	pin(&area, 0, most);
	CHECK_ERRNO(spill_pin(s, area_page(&area, most), 1), ENOMEM);
	unpin(&area, 0, 1);
	/* Any byte of a page means the page. */
	CHECK_OK(spill_pin(s, (char *)area_page(&area, most) + 17, 1));
	check_pinned(&area, 1, most);
	CHECK_ERRNO(spill_set_budget(s, BUDGET - M), EBUSY);
	unpin(&area, 0, area.pages);
	check_pinned(&area, 0, 0);
	pager_set_budget(s, BUDGET - M);
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* A pin ends with the mapping, even of a part; and not with the contents. */
static void try_release(void)
{
	struct area area;
	size_t most = BUDGET / 4 * 3 / test_page_size();
	spill *s;

	case_begin("released", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	area_write_all(&area);
	pin(&area, 0, most);
	CHECK_OK(spill_advise(s, area_page(&area, 10), bytes(100), SPILL_DONT_NEED));
	area_zeroed(&area, 10, 100);
	CHECK_ERRNO(spill_pin(s, area_page(&area, most), 1), ENOMEM);
	for (size_t i = 10; i < 110; i++)
		area_write(&area, i);
	pager_press(s);
	check_pinned(&area, 0, most);
	CHECK_OK(spill_release(s, area_page(&area, 0), bytes(100)));
	CHECK_ERRNO(spill_pin(s, area_page(&area, most), bytes(101)), ENOMEM);
	pin(&area, most, 100);
	for (size_t i = 100; i < area.pages; i++)
		area_check(&area, i);
	/* The pages that are left of the pin stay pinned until the end. */
	pager_press(s);
	CHECK(area_count(&area, 100, most, SPILL_RESIDENT) == most, "pinned pages were evicted");
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* What was pinned before the pager armed is pinned afterwards. */
static void try_unarmed(void)
{
	struct area area, more;
	spill *s;

	case_begin("before it armed", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 4 * M);
	for (size_t i = 0; i < area.pages; i += 2)
		area_write(&area, i);
	pin(&area, 0, area.pages);
	CHECK(!pager_stats(s).armed, "pinning armed the pager");
	more = area_reserve(s, 2, 2 * BUDGET);
	area_write_all(&more);
	check_pinned(&area, 0, area.pages);
	for (size_t i = 0; i < area.pages; i++)
		area_update(&area, i);
	pager_press(s);
	check_pinned(&area, 0, area.pages);
	area_check_all(&area);
	area_check_all(&more);
	unpin(&area, 0, area.pages);
	area_forget(&area);
	area_forget(&more);
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("pin", 50);
	try_limit();
	try_pressure();
	try_release();
	try_unarmed();
	return test_end();
}
