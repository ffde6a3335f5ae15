/* SPDX-License-Identifier: MIT */
/* test-policy.c - policy.h: misses on generated traces, compared with LRU's; counts, no times */
#include "unit.h"
#include "reference.h"

/* Half of what the simulator takes, and what a pager of 16 MiB at a budget of 1/2 has. */
#define PAGES 8192
/* Of the kinds in accesses.c. */
#define RANDOM 2
#define LOOP 3
#define SHIFTING 4
/* The same whatever the seed of the run: the limits were measured with it. */
#define SEED 1

static void check_ratio(const struct accesses *accesses, uint32_t frames, double most)
{
	double ours = (double)reference_pager(accesses, frames).misses;
	double lru = (double)reference_lru(accesses, frames);

	printf("%s, %u of %u frames: %.3f of LRU's misses\n", accesses->name, frames,
	       accesses->pages, ours / lru);
	ck_assert_msg(ours <= most * lru, "%s: %.0f misses, LRU has %.0f", accesses->name, ours,
		      lru);
}

static void check_trace(unsigned kind, double most)
{
	struct accesses accesses;

	accesses_generate(&accesses, kind, PAGES, SEED);
	check_ratio(&accesses, PAGES / 4, most);
	check_ratio(&accesses, PAGES / 2, most);
	accesses_free(&accesses);
}

/* By kind, in the order of accesses.c.  Below 1 where a part of a loop stays.  Where it is more than
 * 1.15 a longer wait would have fewer misses, and cost more (doc/experiments.md). */
static const double near_lru_most[ACCESSES_KINDS] = {
	1.15,
	0.95 /* zipf and scan */,
	1.15,
	0.95 /* loop */,
	1.90 /* shifting set */,
	1.40 /* quicksort */,
	1.20 /* hash join */,
	1.15,
	0.80 /* loops */,
	0.85 /* loop and set */,
	0.95 /* two loops */,
	1.15,
	0.85 /* solver */,
	1.05 /* merge join */,
	1.70 /* hash map */,
};

START_TEST(near_lru)
{
	check_trace((unsigned)_i, near_lru_most[_i]);
}
END_TEST

/* LRU, FIFO and the kernel read all of a loop again, each time. */
START_TEST(keeps_a_part_of_a_loop)
{
	struct accesses accesses;

	accesses_generate(&accesses, LOOP, 2 * PAGES, SEED);
	check_ratio(&accesses, PAGES, 0.65);
	check_ratio(&accesses, PAGES / 2 * 3, 0.45);
	accesses_free(&accesses);
}
END_TEST

/* The models agree where the answer is known. */
START_TEST(references_are_right)
{
	uint32_t page[] = { 0, 1, 2, 0, 1, 3, 0, 1, 2, 3 };
	struct accesses accesses = { .pages = 4, .count = 10, .page = page };

	ck_assert_uint_eq(reference_lru(&accesses, 3), 6);
	ck_assert_uint_eq(reference_fifo(&accesses, 3), 8);
	ck_assert_uint_eq(reference_optimum(&accesses, 3), 5);
	ck_assert_uint_eq(reference_lru(&accesses, 4), 4);
	ck_assert_uint_eq(reference_optimum(&accesses, 4), 4);
}
END_TEST

/* Where all pages are alike, or come around in turn, to find out which are used gains nothing. */
START_TEST(does_not_probe_in_vain)
{
	static const struct {
		unsigned kind, eighths;
		double most; /* soft faults for a miss */
	} cases[] = { { RANDOM, 4, 0.06 }, { RANDOM, 7, 0.30 }, { LOOP, 4, 0.06 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct accesses accesses;
		struct reference_counts counts;

		accesses_generate(&accesses, cases[i].kind, PAGES, SEED);
		counts = reference_pager(&accesses, PAGES / 8 * cases[i].eighths);
		printf("%s, %u eighths: %.3f soft faults for a miss\n", accesses.name,
		       cases[i].eighths, (double)counts.soft / (double)counts.misses);
		ck_assert(counts.soft < cases[i].most * (double)counts.misses);
		accesses_free(&accesses);
	}
}
END_TEST

/* A set that moves is followed, whatever the seed: what was proven once is not kept for ever. */
START_TEST(follows_a_moving_set)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct accesses accesses;

		accesses_generate(&accesses, SHIFTING, PAGES, seed);
		check_ratio(&accesses, PAGES / 4, 2.0);
		accesses_free(&accesses);
	}
}
END_TEST

/* What fits is read once. */
START_TEST(keeps_what_fits)
{
	struct accesses accesses;

	accesses_generate(&accesses, RANDOM, PAGES, SEED);
	ck_assert_uint_eq(reference_pager(&accesses, PAGES + PAGES / 16).misses, PAGES);
	accesses_free(&accesses);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = unit_case(suite, "misses", 60);

	tcase_add_loop_test(tcase, near_lru, 0, ACCESSES_KINDS);
	tcase_add_test(tcase, keeps_a_part_of_a_loop);
	tcase_add_test(tcase, does_not_probe_in_vain);
	tcase_add_test(tcase, follows_a_moving_set);
	tcase_add_test(tcase, keeps_what_fits);
	tcase_add_test(tcase, references_are_right);
	return unit_main(suite, NULL);
}
