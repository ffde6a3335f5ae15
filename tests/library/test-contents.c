/* SPDX-License-Identifier: MIT */
/* test-contents - in whatever order pages are read and written, each holds what was last written to
 * it; the data are four times the budget
 *
 * Time limit: 120
 * Variants: default move move,uring move,uring,direct,poison,spin,taskrun encrypt hardware shadowed
 */
#include "harness.h"

#define DATA_BUDGETS 4

/* Where an access goes: number n of the pattern, for so many pages. */
typedef size_t (*pattern_page)(struct dice *dice, size_t n, size_t pages);

static size_t go_up(struct dice *dice, size_t n, size_t pages)
{
	(void)dice;
	return n % pages;
}

static size_t go_down(struct dice *dice, size_t n, size_t pages)
{
	(void)dice;
	return pages - 1 - n % pages;
}

/* Every 37th page, all of them in the end: 37 divides no power of two. */
static size_t go_in_strides(struct dice *dice, size_t n, size_t pages)
{
	(void)dice;
	return n * 37 % pages;
}

/* Two readers, one up and one down, take turns. */
static size_t go_both_ways(struct dice *dice, size_t n, size_t pages)
{
	return n % 2 ? go_up(dice, n / 2, pages) : go_down(dice, n / 2, pages);
}

static size_t go_anywhere(struct dice *dice, size_t n, size_t pages)
{
	(void)n;
	return dice_below(dice, pages);
}

/* About as zipf has it: half of the accesses go to an eighth of the pages, half
 * of those to an eighth of these, and so on; scattered over the area. */
static size_t go_where_others_go(struct dice *dice, size_t n, size_t pages)
{
	size_t most = pages;

	(void)n;
	while (most > 64 && dice_below(dice, 2))
		most /= 8;
	return dice_below(dice, most) * 40503 % pages;
}

/* What an access does: one in so many updates the page, 0: none. */
struct pattern {
	const char *name;
	pattern_page page;
	unsigned updates;
	unsigned accesses; /* of each page, in eighths */
};

static const struct pattern patterns[] = {
	{ "sequential", go_up, 0, 8 },		 { "sequential updates", go_up, 1, 8 },
	{ "backward", go_down, 3, 8 },		 { "strides", go_in_strides, 4, 4 },
	{ "both ways", go_both_ways, 5, 8 },	 { "random reads", go_anywhere, 0, 2 },
	{ "random updates", go_anywhere, 1, 2 }, { "zipf", go_where_others_go, 3, 8 },
};

static void access_page(struct area *area, struct dice *dice, const struct pattern *pattern,
			size_t n)
{
	size_t i = pattern->page(dice, n, area->pages);

	if (pattern->updates && n % pattern->updates == 0)
		area_update(area, i);
	else
		area_check(area, i);
}

static void try_pattern(size_t budget, const struct pattern *pattern, unsigned number)
{
	struct dice dice = dice_new(number);
	struct area area;
	char name[100];
	spill *s;

	snprintf(name, sizeof(name), "%zu MiB, %s", budget / M, pattern->name);
	case_begin(name, 0);
	s = pager_open(budget);
	area = area_reserve(s, number, DATA_BUDGETS * budget);
	area_write_all(&area);
	for (size_t n = 0; n < area.pages * pattern->accesses / 8; n++)
		access_page(&area, &dice, pattern, n);
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

int main(void)
{
	static const size_t budgets[] = { SPILL_BUDGET_MIN, 64 * M };
	unsigned n = sizeof(patterns) / sizeof(patterns[0]);

	test_begin("contents", 110);
	for (unsigned b = 0; b < 2; b++)
		for (unsigned p = 0; p < n; p++)
			/* Of the large budget only what differs from the small one. */
			if (b == 0 || p % 2 == 1)
				try_pattern(budgets[b], &patterns[p], b * n + p);
	return test_end();
}
