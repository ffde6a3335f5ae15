/* SPDX-License-Identifier: MIT */
/* test-release - any part of a region can be released; the rest of it stays as it was, and
 * everything that the part used becomes free
 *
 * Time limit: 60
 */
#include "harness.h"
#include <sys/mman.h>

#define BUDGET (16 * M)

static size_t bytes(size_t pages)
{
	return pages * test_page_size();
}

static void release(const struct area *area, size_t first, size_t n)
{
	CHECK(spill_release(area->pager, area_page(area, first), bytes(n)) == 0,
	      "spill_release of %zu pages: %s", n, strerror(errno));
}

static bool is_mapped(void *page)
{
	unsigned char vec;

	return mincore(page, test_page_size(), &vec) == 0;
}

/* Parts of all sizes, from anywhere, some of them holes already. */
static void try_parts(bool armed)
{
	struct dice dice = dice_new(1);
	struct area area;
	bool *gone;
	spill *s;

	case_begin(armed ? "parts" : "parts, before it armed", M);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, armed ? 3 * BUDGET : 8 * M);
	gone = calloc(area.pages, sizeof(*gone));
	CHECK(gone, "out of memory");
	area_write_all(&area);
	for (int round = 0; round < 300; round++) {
		size_t first = dice_below(&dice, area.pages);
		size_t n = 1 + dice_below(&dice, round % 3 ? 5 : 200);

		n = n < area.pages - first ? n : area.pages - first;
		release(&area, first, n);
		memset(gone + first, true, n);
	}
	for (size_t i = 0; i < area.pages; i++) {
		CHECK(is_mapped(area_page(&area, i)) != gone[i], "page %zu is%s mapped", i,
		      gone[i] ? "" : " not");
		if (!gone[i])
			area_update(&area, i);
	}
	for (size_t i = 0; i < area.pages; i++)
		if (!gone[i])
			area_check(&area, i);
	free(gone);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* Releasing a range that spans several regions and what is between them. */
static void try_span(void)
{
	struct area area, other;
	spill *s;

	case_begin("several regions", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	other = area_reserve(s, 2, BUDGET);
	area_write_all(&area);
	area_write_all(&other);
	for (size_t i = 0; i < 1000; i += 2)
		release(&area, i, 1);
	release(&area, 0, 1000);
	CHECK_ERRNO(spill_advise(s, area_page(&area, 999), 1, SPILL_COLD), ENOMEM);
	release(&area, 0, 1000); /* nothing is reserved there: nothing to do */
	for (size_t i = 1000; i < area.pages; i++)
		area_check(&area, i);
	area_check_all(&other);
	CHECK(pager_stats(s).reserved == bytes(area.pages - 1000 + other.pages),
	      "%zu KiB are reserved", (size_t)pager_stats(s).reserved / K);
	area_forget(&area);
	area_forget(&other);
	pager_close(s);
	case_end();
}

/* Addresses that are reserved again begin with zeros, whatever was there. */
static void try_again(void)
{
	struct area area;
	char *base = NULL;
	spill *s;
	unsigned same = 0;

	case_begin("the same addresses", 0);
	s = pager_open(BUDGET);
	for (unsigned round = 0; round < 30; round++) {
		area = area_reserve(s, round, 2 * BUDGET);
		same += area.base == base;
		base = area.base;
		if (round % 2)
			area_check_all(&area);
		else
			for (size_t i = round; i < area.pages; i += 3)
				area_update(&area, i);
		area_check_all(&area);
		area_release(&area);
	}
	CHECK(same > 0, "the kernel never gave the same addresses again");
	pager_close(s);
	case_end();
}

/* With pages in every state, while reads and writes of them are in flight. */
static void try_in_flight(void)
{
	struct spill_stats stats;
	struct area area;
	spill *s;

	case_begin("reads and writes in flight", 0);
	s = pager_open(BUDGET);
	for (unsigned round = 0; round < 20; round++) {
		area = area_reserve(s, round, 2 * BUDGET);
		area_write_all(&area);
		CHECK_OK(spill_advise(s, area.base, bytes(area.pages / 2), SPILL_WILL_NEED));
		CHECK_OK(spill_advise(s, area_page(&area, area.pages / 2), bytes(area.pages / 2),
				      SPILL_COLD));
		area_release(&area);
		stats = pager_stats(s);
		CHECK(stats.resident == 0 && stats.cached == 0, "%zu KiB are resident, %zu cached",
		      (size_t)stats.resident / K, (size_t)stats.cached / K);
	}
	pager_close(s);
	case_end();
}

/* The frames are there for others at once: what fits the budget stays in it. */
static void try_frames(void)
{
	struct spill_stats before;
	struct area area;
	spill *s;

	case_begin("frames", 0);
	s = pager_open(BUDGET);
	for (unsigned round = 0; round < 5; round++) {
		area = area_reserve(s, round, 3 * BUDGET);
		area_write_all(&area);
		area_release(&area);
	}
	area = area_reserve(s, 1, BUDGET * 3 / 4);
	area_write_all(&area);
	before = pager_stats(s);
	for (unsigned round = 0; round < 3; round++)
		area_check_all(&area);
	CHECK(pager_stats(s).pages_read == before.pages_read,
	      "pages are read again though all fit");
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* What others map into the place of released pages is theirs, though it lies in a
 * chunk with pages that are evicted and come back. */
static void try_neighbours(void)
{
	const size_t gap = 5, size = 7; /* of every 16 pages */
	struct area area;
	spill *s;

	case_begin("neighbours", 16 * M);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, 2 * BUDGET);
	area_write_all(&area);
	for (size_t i = 0; i + 16 <= area.pages / 2; i += 16) {
		char *theirs = area_page(&area, i + gap);

		release(&area, i + gap, size);
		CHECK(mmap(theirs, bytes(size), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == theirs,
		      "mmap: %s", strerror(errno));
		for (size_t k = 0; k < size; k++)
			stamp_write(theirs + bytes(k), 77, i + gap + k, 1);
	}
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < area.pages; i++) {
			if (i >= area.pages / 2 / 16 * 16 || i % 16 < gap || i % 16 >= gap + size)
				area_update(&area, i);
			else
				CHECK(stamp_holds(area_page(&area, i), 77, i, 1),
				      "somebody else's page at %p holds %s", area_page(&area, i),
				      stamp_explain(area_page(&area, i)));
		}
	for (size_t i = 0; i + 16 <= area.pages / 2; i += 16)
		CHECK_OK(munmap(area_page(&area, i + gap), bytes(size)));
	area_forget(&area);
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("release", 50);
	try_parts(false);
	try_parts(true);
	try_span();
	try_again();
	try_in_flight();
	try_frames();
	try_neighbours();
	return test_end();
}
