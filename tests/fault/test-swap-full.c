/* SPDX-License-Identifier: MIT */
/* test-swap-full - when memory and swap space are full, a page that nothing can make room for
 * raises SIGBUS, and nothing that was written is lost; the program goes on when something is
 * released
 */
#include "harness.h"
#include "pager/pager.h"
#include <sys/stat.h>

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

/* The budget becomes less than what swap space has no place for: a page that is there already has its
 * copy, and is not lost for want of a frame. */
static void try_lowered(void)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	struct area area;
	spill *s;

	case_begin("lowered", 0);
	options.budget = 2 * BUDGET;
	options.swap = test_directory();
	options.swap_limit = SWAP;
	options.overcommit = M;
	s = pager_open_with(&options);
	area = area_reserve(s, 1, 17 * M);
	area_write_all(&area);
	if (spill_set_budget(s, BUDGET))
		CHECK(errno == ENOSPC, "errno is %d", errno);
	area_check_all(&area);
	CHECK(pager_stats(s).pages_poisoned == 0, "%llu pages are lost",
	      (unsigned long long)pager_stats(s).pages_poisoned);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* The allowance is given once, whatever else is allowed beyond the budget meanwhile. */
static void try_allowance(void)
{
	const int64_t other = INT64_C(1) << 48; /* exceed_hold_back */
	struct budget budget = { .overcommit = other };

	case_begin("an allowance beside another", 0);
	CHECK(!credit_allow(&budget, 0) && budget.overcommit == other, "none was given");
	CHECK(credit_allow(&budget, 100), "it was given before");
	CHECK(!credit_allow(&budget, 100), "it was given twice");
	atomic_fetch_sub(&budget.overcommit, other);
	CHECK(budget.overcommit == 100, "%lld frames are left", (long long)budget.overcommit);
	case_end();
}

/* Of the blocks that the swap file has. */
static size_t swap_file_bytes(const spill *s)
{
	const struct pager *pager = (const struct pager *)s;
	struct stat st;

	CHECK_OK(fstat(pager->paging.store.swap.space[0].file.fd, &st));
	return (size_t)st.st_blocks * 512;
}

/* What was reserved can be touched, all of it; what could not, is refused beforehand. */
static void try_strict(bool strict)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	struct area area, more;
	spill *s;

	case_begin(strict ? "strict" : "not strict", 0);
	options.budget = BUDGET;
	options.swap = test_directory();
	options.swap_limit = 256 * M;
	options.strict = strict;
	s = pager_open_with(&options);
	area = area_reserve(s, 1, 40 * M);
	CHECK(!strict || swap_file_bytes(s) >= 40 * M, "only %zu KiB of blocks are there",
	      swap_file_bytes(s) / K);
	more = area_try_reserve(s, 2, 240 * M);
	CHECK((more.base == NULL) == strict, "280 MiB are %s, with 256 MiB of swap space",
	      more.base ? "reserved" : "refused");
	if (strict) {
		CHECK(errno == ENOMEM, "errno is %d", errno);
		CHECK(swap_file_bytes(s) < 200 * M, "%zu KiB of blocks for what was refused",
		      swap_file_bytes(s) / K);
	}
	area_write_all(&area);
	area_check_all(&area);
	/* What is released makes room for others. */
	area_release(&area);
	if (more.base)
		area_release(&more);
	more = area_reserve(s, 2, 40 * M);
	area_write_all(&more);
	area_check_all(&more);
	CHECK(!strict || swap_file_bytes(s) >= 40 * M, "only %zu KiB of blocks are left",
	      swap_file_bytes(s) / K);
	area_forget(&more);
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("swap-full", 110);
	try_full("full", 0);
	try_full("with an allowance", OVERCOMMIT);
	try_lowered();
	try_allowance();
	try_strict(false);
	try_strict(true);
	return test_end();
}
