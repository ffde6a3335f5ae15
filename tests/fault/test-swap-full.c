/* SPDX-License-Identifier: MIT */
/* test-swap-full - when memory and swap space are full a page that nothing can
 * make room for raises SIGBUS, and nothing that was written is lost; it goes on
 * when something is released
 */
#include "harness.h"

#define BUDGET SPILL_BUDGET_MIN
#define SWAP (8 * M)
#define OVERCOMMIT (4 * M)

struct writing {
	struct area *area;
	size_t done; /* pages that were written whole */
};

static void write_pages(void *argument)
{
	struct writing *writing = argument;

	while (writing->done < writing->area->pages) {
		area_write(writing->area, writing->done);
		writing->done++;
	}
}

/* Writes until it gets SIGBUS; gives the pages that were written. */
static size_t write_until_full(struct area *area)
{
	struct writing writing = { area, 0 };

	CHECK(!test_survives(write_pages, &writing), "%zu MiB of swap space hold %zu MiB", SWAP / M,
	      area->pages * test_page_size() / M);
	return writing.done;
}

static void check_first(const struct area *area, size_t n)
{
	for (size_t i = 0; i < n; i++)
		area_check(area, i);
}

static void try_full(const char *name, size_t overcommit)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	struct area area, more;
	size_t n, half;
	spill *s;

	case_begin(name, 0);
	options.budget = BUDGET;
	options.swap = test_directory();
	options.swap_limit = SWAP;
	options.overcommit = overcommit;
	s = pager_open_with(&options);
	area = area_reserve(s, 1, 64 * M);
	n = write_until_full(&area);
	CHECK(n * test_page_size() >= SWAP + overcommit, "only %zu KiB could be written",
	      n * test_page_size() / K);
	CHECK((area_state(&area, n) & SPILL_STATE_MASK) == SPILL_POISONED,
	      "the page that there is no room for is in state %#x", area_state(&area, n));
	CHECK(pager_stats(s).pages_poisoned == 1, "%llu pages are lost, not 1",
	      (unsigned long long)pager_stats(s).pages_poisoned);
	CHECK(!spill_reserve(s, M) && errno == ENOMEM, "more can be reserved when all is full");
	check_first(&area, n);
	half = n / 2;
	CHECK_OK(spill_release(s, area_page(&area, half), (area.pages - half) * test_page_size()));
	check_first(&area, half);
	more = area_reserve(s, 2, half * test_page_size() / 2);
	area_write_all(&more);
	check_first(&area, half);
	area_check_all(&more);
	area_forget(&area);
	area_forget(&more);
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("swap-full", 110);
	try_full("full", 0);
	try_full("with an allowance", OVERCOMMIT);
	return test_end();
}
