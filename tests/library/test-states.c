/* SPDX-License-Identifier: MIT */
/* test-states - spill_get_states says what became of each page, all through its life
 *
 * Time limit: 60
 */
#include "harness.h"
#include <sys/mman.h>

#define BUDGET (16 * M)
#define PAGES 100

/* When the CPUs are busy the kernel sometimes wakes a faulting thread too early, and the thread
 * faults once more.  A handler that was preempted then serves a fault that is out of date: a page
 * that has left meanwhile comes back, and is hot.  One of the pages may be such a one. */
#define STALE 1

static void expect(const struct area *area, size_t first, size_t n, unsigned state,
		   const char *when)
{
	bool may_return = state & SPILL_FLAG_SLOT;
	unsigned others = 0;

	for (size_t i = first; i < first + n; i++) {
		unsigned seen = area_state(area, i);

		if (seen == state)
			continue;
		CHECK(may_return && (seen & SPILL_FLAG_HOT) && ++others <= STALE,
		      "%s, page %zu is in state %#x, not %#x", when, i, seen, state);
	}
}

static void advise(const struct area *area, size_t first, size_t n, enum spill_advice advice)
{
	CHECK_OK(spill_advise(area->pager, area_page(area, first), n * test_page_size(), advice));
}

static void try_unarmed(void)
{
	struct area area, more;
	spill *s;

	case_begin("before and after it armed", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 4 * M);
	/* Plain memory still, where one touch may bring a huge page (Debian's kernels: always). */
	madvise(area_page(&area, 0), area.pages * test_page_size(), MADV_NOHUGEPAGE);
	expect(&area, 0, area.pages, SPILL_ABSENT, "when nothing was touched");
	for (size_t i = 0; i < 4 * PAGES; i += 4)
		area_write(&area, i + 1);
	for (size_t i = 0; i < 4 * PAGES; i++)
		expect(&area, i, 1, i % 4 == 1 ? SPILL_RESIDENT : SPILL_ABSENT, "unarmed");
	more = area_reserve(s, 2, BUDGET);
	CHECK(pager_stats(s).armed, "it is not armed");
	for (size_t i = 0; i < 4 * PAGES; i++)
		expect(&area, i, 1, i % 4 == 1 ? SPILL_RESIDENT : SPILL_ABSENT, "just armed");
	expect(&more, 0, more.pages, SPILL_ABSENT, "just reserved");
	area_check_all(&area);
	area_forget(&area);
	area_forget(&more);
	pager_close(s);
	case_end();
}

/* Have they left, and are they written? */
static bool are_cold(const struct area *area, size_t first, size_t n)
{
	unsigned others = 0;

	for (size_t i = first; i < first + n; i++)
		others += (area_state(area, i) & ~SPILL_FLAG_HOT) !=
			  (SPILL_CACHED | SPILL_FLAG_SLOT);
	return others <= STALE;
}

static void make_cold(const struct area *area, size_t first, size_t n)
{
	advise(area, first, n, SPILL_COLD);
	CHECK(WAIT_FOR(are_cold(area, first, n), 5), "cold pages stay, or are not written");
}

static void try_life(void)
{
	struct area area;
	spill *s;

	case_begin("the life of a page", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	advise(&area, 0, area.pages, SPILL_RANDOM); /* no windows */
	expect(&area, 0, PAGES, SPILL_ABSENT, "reserved");
	for (size_t i = 0; i < PAGES; i++)
		area_write(&area, i);
	expect(&area, 0, PAGES, SPILL_RESIDENT, "written");
	expect(&area, PAGES, PAGES, SPILL_ABSENT, "not touched");
	make_cold(&area, 0, PAGES);
	expect(&area, 0, PAGES, SPILL_CACHED | SPILL_FLAG_SLOT, "evicted");
	area_check(&area, 3);
	expect(&area, 3, 1, SPILL_RESIDENT | SPILL_FLAG_SLOT | SPILL_FLAG_HOT, "touched again");
	expect(&area, 4, 10, SPILL_CACHED | SPILL_FLAG_SLOT, "not touched again");
	pager_press(s);
	/* Whether it stays is the policy's business (tests/unit/test-policy.c). */
	CHECK(area_state(&area, 3) & SPILL_FLAG_SLOT, "a page under pressure is in state %#x",
	      area_state(&area, 3));
	expect(&area, 0, 3, SPILL_SWAPPED | SPILL_FLAG_SLOT, "under pressure");
	expect(&area, 4, PAGES - 4, SPILL_SWAPPED | SPILL_FLAG_SLOT, "under pressure");
	area_check(&area, 5);
	CHECK((area_state(&area, 5) & ~SPILL_FLAG_HOT) == (SPILL_RESIDENT | SPILL_FLAG_SLOT),
	      "a page that was read again is in state %#x", area_state(&area, 5));
	expect(&area, 6, 10, SPILL_SWAPPED | SPILL_FLAG_SLOT, "not read again");
	advise(&area, 0, 50, SPILL_DONT_NEED);
	area_zeroed(&area, 0, 50);
	expect(&area, 0, 50, SPILL_ABSENT, "discarded");
	CHECK_OK(spill_pin(s, area_page(&area, 0), 10 * test_page_size()));
	expect(&area, 0, 10, SPILL_RESIDENT | SPILL_FLAG_PINNED, "pinned");
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* A page of zeros needs no slot, whatever it was before. */
static void try_zeros(void)
{
	uint64_t written;
	struct area area;
	spill *s;

	case_begin("pages of zeros", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	for (size_t i = 0; i < PAGES; i++)
		area_write(&area, i);
	pager_press(s);
	expect(&area, 0, PAGES, SPILL_SWAPPED | SPILL_FLAG_SLOT, "under pressure");
	memset(area_page(&area, 0), 0, PAGES * test_page_size());
	area_zeroed(&area, 0, PAGES);
	written = pager_stats(s).bytes_written;
	advise(&area, 0, PAGES, SPILL_COLD);
	CHECK(WAIT_FOR(area_count(&area, 0, PAGES, SPILL_ABSENT) == PAGES, 5),
	      "%zu of %zu evicted pages of zeros are absent",
	      area_count(&area, 0, PAGES, SPILL_ABSENT), (size_t)PAGES);
	CHECK(pager_stats(s).bytes_written == written, "zeros were written to swap space");
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* Evicted again as it was read, a page is not written again. */
static void try_clean(void)
{
	struct spill_stats before, after;
	struct area area;
	spill *s;

	case_begin("clean pages", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	for (size_t i = 0; i < PAGES; i++)
		area_write(&area, i);
	pager_press(s);
	for (size_t i = 0; i < PAGES; i++)
		area_check(&area, i);
	before = pager_stats(s);
	make_cold(&area, 0, PAGES);
	after = pager_stats(s);
	CHECK(after.bytes_written == before.bytes_written, "%zu bytes of clean pages were written",
	      (size_t)(after.bytes_written - before.bytes_written));
	CHECK(after.pages_clean - before.pages_clean >= PAGES, "%zu of %zu pages count as clean",
	      (size_t)(after.pages_clean - before.pages_clean), (size_t)PAGES);
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* Written pages that come back from their tray were written for nothing.  Handlers count after they
 * have woken whoever touched the page. */
static void expect_unread(spill *s, uint64_t n)
{
	CHECK(WAIT_FOR(pager_stats(s).pages_unread >= n - STALE, 5) &&
		      pager_stats(s).pages_unread <= n + STALE,
	      "%zu pages came back unread, not %zu", (size_t)pager_stats(s).pages_unread,
	      (size_t)n);
}

static void try_unread(void)
{
	struct spill_stats stats;
	struct area area;
	spill *s;

	case_begin("written, and back unread", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	advise(&area, 0, PAGES, SPILL_RANDOM); /* pages come back one by one */
	for (size_t i = 0; i < PAGES; i++)
		area_write(&area, i);
	make_cold(&area, 0, PAGES);
	for (size_t i = 0; i < PAGES / 2; i++)
		area_check(&area, i);
	expect_unread(s, PAGES / 2);
	/* These are clean: to leave once more, they are not written. */
	make_cold(&area, 0, PAGES / 2);
	area_check_all(&area);
	expect_unread(s, PAGES);
	stats = pager_stats(s);
	CHECK(stats.wait_zero && stats.wait_soft && !stats.wait_major,
	      "%zu, %zu, and %zu ns were waited for zero, soft, and major faults",
	      (size_t)stats.wait_zero, (size_t)stats.wait_soft, (size_t)stats.wait_major);
	area_forget(&area);
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("states", 50);
	try_unarmed();
	try_life();
	try_zeros();
	try_clean();
	try_unread();
	return test_end();
}
