/* SPDX-License-Identifier: MIT */
/* test-steps - the cost of a fault does not grow with the data in swap space, nor with the number
 * of regions: counted in steps of our own code, not in time
 *
 * The core linked here calls us at each basic block (the compiler's -fsanitize-coverage=trace-pc).
 * Handlers sleep here while they wait, since spinning would add as many steps as the disk takes
 * time.
 *
 * Time limit: 90
 */
#include "harness.h"
#include <stdatomic.h>
#include <stdlib.h>

#define BUDGET (8 * M)
#define WARM 4000
#define TOUCHES 8000
/* Of the steps at the least size.  A miss comes with a soft fault and an eviction or
 * without, and handlers wake for one or several. */
#define MOST 1.3

static _Atomic uint64_t steps;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	atomic_fetch_add_explicit(&steps, 1, memory_order_relaxed);
}

static void touch(struct area area[], unsigned regions, struct dice *dice, unsigned n)
{
	while (n--) {
		struct area *a = &area[dice_below(dice, regions)];

		area_check(a, dice_below(dice, a->pages));
	}
}

/* Steps for each page that is read again, by random touches of so much data in so many
 * regions. */
static double steps_a_miss(size_t data, unsigned regions)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	struct area *area = calloc(regions, sizeof(*area));
	struct dice dice = dice_new(regions);
	uint64_t misses, before;
	double ret;
	spill *s;

	CHECK(area, "out of memory");
	options.budget = BUDGET;
	options.swap = test_directory();
	options.disable = SPILL_FEATURE_SPIN;
	s = pager_open_with(&options);
	for (unsigned i = 0; i < regions; i++) {
		area[i] = area_reserve(s, i, data / regions);
		area_write_all(&area[i]);
	}
	touch(area, regions, &dice, WARM);
	misses = pager_stats(s).faults_major;
	before = steps;
	touch(area, regions, &dice, TOUCHES);
	ret = (double)(steps - before);
	misses = pager_stats(s).faults_major - misses;
	CHECK(misses > TOUCHES / 4, "only %llu pages were read", (unsigned long long)misses);
	ret /= (double)misses;
	printf("  %4zu MiB in %4u regions: %.0f steps a miss\n", data / M, regions, ret);
	for (unsigned i = 0; i < regions; i++)
		area_forget(&area[i]);
	free(area);
	pager_close(s);
	return ret;
}

struct size {
	size_t data;
	unsigned regions;
};

static void try_growth(const char *name, struct size from, struct size to)
{
	double least, more;

	case_begin(name, 0);
	least = steps_a_miss(from.data, from.regions);
	more = steps_a_miss(to.data, to.regions);
	CHECK(more <= MOST * least, "%.0f steps a miss, and %.0f with less of it", more, least);
	case_end();
}

int main(void)
{
	test_begin("steps", 80);
	pager_close(pager_open(BUDGET));
	if (!steps)
		test_skip("the compiler has no -fsanitize-coverage=trace-pc");
	try_growth("data", (struct size){ 2 * BUDGET, 1 }, (struct size){ 16 * BUDGET, 1 });
	try_growth("regions", (struct size){ 4 * BUDGET, 1 }, (struct size){ 4 * BUDGET, 512 });
	return test_end();
}
