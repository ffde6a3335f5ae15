/* SPDX-License-Identifier: MIT */
/* test-ways.c - ways.h: which way is cheaper, by the prices of two kinds of machine; and prices.h:
 * prices as they are measured here
 */
#include "unit.h"
#include "base/page.h"
#include "paging/ways.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALL (~UINT64_C(0))
#define EVERY_SECOND UINT64_C(0x5555555555555555)

static struct prices prices;

static void take(enum prices_set set)
{
	page_init();
	prices_find(&prices, set, NULL, -1, NULL);
	ck_assert(prices.known);
}

START_TEST(few_runs_are_moved_and_many_copied)
{
	for (int set = PRICES_HARDWARE; set < PRICES_SETS; set++) {
		take((enum prices_set)set);
		ck_assert(!ways_depart_by_copy(&prices, ALL, 0));
		ck_assert(!ways_depart_by_copy(&prices, mask_range(5, 8), 0));
		ck_assert(ways_depart_by_copy(&prices, EVERY_SECOND, 0));
		/* Not if a thousand descriptors have to be looked at first. */
		ck_assert(!ways_depart_by_copy(&prices, EVERY_SECOND, 1000000));
	}
}
END_TEST

START_TEST(what_returns_is_copied_while_a_flush_costs_more)
{
	take(PRICES_HARDWARE);
	ck_assert(!ways_restore_by_move(&prices, mask_bit(3)));
	ck_assert(!ways_restore_by_move(&prices, mask_range(0, 8)));
	ck_assert(ways_restore_by_move(&prices, mask_range(0, 32)));
	ck_assert(!ways_restore_by_move(&prices, EVERY_SECOND));
	take(PRICES_SHADOWED);
	ck_assert(!ways_restore_by_move(&prices, mask_bit(3)));
	ck_assert(ways_restore_by_move(&prices, mask_range(0, 8)));
	ck_assert(!ways_restore_by_move(&prices, EVERY_SECOND));
}
END_TEST

/* With frames for nothing, a tray is the better place to read to. */
START_TEST(what_is_read_goes_where_it_costs_less)
{
	take(PRICES_HARDWARE);
	ck_assert(!ways_fill_by_move(&prices, ALL));
	prices.of[PRICE_FRAME].page = 0;
	ck_assert(ways_fill_by_move(&prices, ALL));
	ck_assert(!ways_fill_by_move(&prices, mask_range(0, 8)));
}
END_TEST

/* A longer run never changes the answer back. */
START_TEST(answers_are_monotonous)
{
	for (int set = PRICES_HARDWARE; set < PRICES_SETS; set++) {
		bool moved = false;

		take((enum prices_set)set);
		for (unsigned n = 1; n <= CHUNK_PAGES; n++) {
			bool moves = ways_restore_by_move(&prices, mask_range(0, n));

			ck_assert(moves || !moved);
			moved = moves;
		}
	}
}
END_TEST

/* No time is asserted, but that there is one, and that more work takes longer. */
START_TEST(prices_are_measured)
{
	struct uffd uffd = { .fd = -1 };
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	void *zeros;

	page_init();
	zeros = mmap(NULL, chunk_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (uffd_open(&uffd, 0, true) == 0) {
		prices_find(&prices, PRICES_MEASURED, &uffd, memory, zeros);
		ck_assert(prices.known);
		ck_assert(price(&prices, PRICE_COPY, 1, 1) > 0);
		ck_assert(price(&prices, PRICE_FRAME, 1, 1) > 0);
		ck_assert(!uffd.move || price(&prices, PRICE_MOVE, 1, 1) > 0);
		ck_assert(price(&prices, PRICE_COPY, 1, 64) >= price(&prices, PRICE_COPY, 1, 1));
		uffd_close(&uffd);
	}
	munmap(zeros, chunk_size());
	close(memory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ways");
	TCase *tcase = unit_case(suite, "ways", 10);

	tcase_add_test(tcase, few_runs_are_moved_and_many_copied);
	tcase_add_test(tcase, what_returns_is_copied_while_a_flush_costs_more);
	tcase_add_test(tcase, what_is_read_goes_where_it_costs_less);
	tcase_add_test(tcase, answers_are_monotonous);
	tcase_add_test(tcase, prices_are_measured);
	return unit_main(suite, NULL);
}
