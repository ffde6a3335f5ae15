/* SPDX-License-Identifier: MIT */
/* test-sparse - address space costs nothing, and the tables cost little of what is touched,
 * including the kernel's tables
 *
 * Time limit: 60
 */
#include "harness.h"
#include "base/tsan.h"
#include <sys/mman.h>

/* ThreadSanitizer leaves 1.5 TiB of addresses to mappings. */
#define RESERVED (SPILL_TSAN ? T : 4 * T)

/* What all of it may take, and how long. */
#define MEMORY_MAX (64 * M)
#define SECONDS_MAX 1.0

/* Of the bytes touched, in a region that is touched from end to end: 1 %. */
#define METADATA_DIVISOR 100

/* The process: its memory, and the kernel's page tables for it. */
static size_t footprint(void)
{
	return test_status("VmRSS") + test_status("VmPTE");
}

/* A page in each GiB, each time at another place in it. */
static void *page_in(char *base, size_t gib)
{
	size_t pages = G / test_page_size();

	return base + gib * G + gib * 40503 % pages * test_page_size();
}

static void check_all(char *base)
{
	for (size_t i = 0; i < RESERVED / G; i++) {
		const char *page = page_in(base, i);

		CHECK(stamp_holds(page, 1, i, 1), "the page in GiB %zu holds %s", i,
		      stamp_explain(page));
	}
}

static void try_sparse(void)
{
	size_t before = footprint();
	double start = test_seconds(), seconds;
	char *base;
	spill *s;

	case_begin("a page in each GiB", MEMORY_MAX);
	s = pager_open(SPILL_BUDGET_MIN);
	base = spill_reserve(s, RESERVED);
	CHECK(base, "spill_reserve of %zu GiB: %s", RESERVED / G, strerror(errno));
	for (size_t i = 0; i < RESERVED / G; i++)
		stamp_write(page_in(base, i), 1, i, 1);
	seconds = test_seconds() - start;
	printf("  %.2f s, %zu KiB (%zu KiB of page tables)\n", seconds, (footprint() - before) / K,
	       test_status("VmPTE") / K);
	CHECK(footprint() - before < MEMORY_MAX || !test_memory_is_ours(),
	      "it takes %zu KiB: %zu KiB of memory, %zu KiB of page tables",
	      (footprint() - before) / K, test_status("VmRSS") / K, test_status("VmPTE") / K);
	if (seconds > SECONDS_MAX * test_patience())
		printf("  (slow: more than %.0f s)\n", SECONDS_MAX);
	check_all(base);
	CHECK_OK(spill_release(s, base + RESERVED / 2, RESERVED / 2));
	pager_close(s);
	case_end();
}

static void try_dense(size_t budget)
{
	struct area area;
	struct spill_stats stats;
	spill *s;

	case_begin("metadata of a dense region", 0);
	s = pager_open(budget);
	area = area_reserve(s, 1, 256 * M);
	area_write_all(&area);
	stats = pager_stats(s);
	CHECK(stats.metadata <= 256 * M / METADATA_DIVISOR,
	      "%zu KiB of metadata for 256 MiB: more than 1 %%", (size_t)stats.metadata / K);
	printf("  %zu KiB of metadata for 256 MiB\n", (size_t)stats.metadata / K);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* Does the kernel free a page table that MADV_DONTNEED empties (Linux 6.14)? */
static bool kernel_frees_tables(void)
{
	size_t size = 64 * M, full;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED, "mmap: %s", strerror(errno));
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	full = test_status("VmPTE");
	madvise(memory, size, MADV_DONTNEED);
	full -= test_status("VmPTE");
	munmap(memory, size);
	return full >= size / test_page_size() * sizeof(uint64_t) / 2;
}

/* The kernel's page tables for what is paged out: a half of them would be that of all
 * pages that were ever here. */
static void try_kernel_tables(void)
{
	size_t bytes = 512 * M, all = bytes / test_page_size() * sizeof(uint64_t), before, after;
	struct area area;
	spill *s;

	case_begin("page tables of what is paged out", 0);
	before = test_status("VmPTE");
	s = pager_open(SPILL_BUDGET_MIN);
	area = area_reserve(s, 1, bytes);
	area_write_all(&area);
	after = test_status("VmPTE");
	printf("  %zu KiB, %zu KiB of them for 512 MiB\n", after / K, (after - before) / K);
	CHECK(after - before < all / 2 || !kernel_frees_tables(),
	      "%zu KiB of page tables for 512 MiB that are paged out", (after - before) / K);
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* Reserved and released again and again, all over the address space, the tables
 * do not grow for ever. */
static void try_churn(void)
{
	struct dice dice = dice_new(1);
	size_t pages = G / test_page_size();
	spill *s;

	case_begin("reserved and released", 0);
	s = pager_open(SPILL_BUDGET_MIN);
	for (unsigned i = 0; i < 2000; i++) {
		size_t size = (1 + dice_below(&dice, 16)) * G;
		char *base = spill_reserve(s, size);
		void *page = base + dice_below(&dice, pages) * test_page_size();

		CHECK(base, "spill_reserve of %zu GiB: %s", size / G, strerror(errno));
		CHECK(stamp_holds(page, 1, i, 0), "a new page holds %s", stamp_explain(page));
		stamp_write(page, 1, i, 1);
		CHECK(stamp_holds(page, 1, i, 1), "the page holds %s", stamp_explain(page));
		CHECK_OK(spill_release(s, base, size));
	}
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("sparse", 50);
	try_sparse();
	try_dense(SPILL_BUDGET_MIN);
	try_dense(64 * M);
	try_kernel_tables();
	try_churn();
	return test_end();
}
