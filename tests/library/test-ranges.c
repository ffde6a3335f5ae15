/* SPDX-License-Identifier: MIT */
/* test-ranges - 100,000 regions lie inside a few mappings, and can be released in any order, at the
 * default vm.max_map_count (65530)
 *
 * Variants: default shadowed
 */
#include "harness.h"

#define REGIONS 100000
#define REGION_PAGES 4
#define MAPPINGS_MOST 1000

static char *region[REGIONS];

/* The second page of each region is written. */
static char *page_of(size_t i)
{
	return region[i] + test_page_size();
}

static void check(size_t i, uint64_t number)
{
	CHECK(stamp_holds(page_of(i), 1, number, 1), "the region at %p holds %s", region[i],
	      stamp_explain(page_of(i)));
}

static void shuffle(size_t number[])
{
	struct dice dice = dice_new(1);

	for (size_t i = REGIONS - 1; i > 0; i--) {
		size_t j = dice_below(&dice, i + 1);
		char *r = region[i];
		size_t n = number[i];

		region[i] = region[j];
		region[j] = r;
		number[i] = number[j];
		number[j] = n;
	}
}

int main(void)
{
	static size_t number[REGIONS];
	size_t size = REGION_PAGES * test_page_size();
	spill *s;

	test_begin("ranges", 150);
	case_begin("100,000 regions", 16 * M);
	s = pager_open(32 * M);
	for (size_t i = 0; i < REGIONS; i++) {
		region[i] = spill_reserve(s, size);
		CHECK(region[i], "spill_reserve %zu: %s", i, strerror(errno));
		number[i] = i;
		stamp_write(page_of(i), 1, i, 1);
	}
	CHECK(test_mappings() < MAPPINGS_MOST, "%zu mappings", test_mappings());
	shuffle(number);
	for (size_t i = 0; i < REGIONS; i++) {
		if (i % 2)
			check(i, number[i]);
		else
			CHECK_OK(spill_release(s, region[i], size));
	}
	for (size_t i = 1; i < REGIONS; i += 2) {
		if (i % 10 == 1)
			check(i, number[i]);
		CHECK_OK(spill_release(s, region[i], size));
	}
	pager_close(s);
	case_end();
	return test_end();
}
