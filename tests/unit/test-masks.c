/* SPDX-License-Identifier: MIT */
/* test-masks.c - page.h: masks of pages against loops over single bits */
#include "unit.h"
#include "base/page.h"

#define ROUNDS 20000

/* Masks as they occur: empty, full, single pages, ranges, sparse and dense. */
static uint64_t random_mask(void)
{
	uint64_t r = unit_random();

	switch (unit_below(6)) {
	case 0:
		return 0;
	case 1:
		return ~UINT64_C(0);
	case 2:
		return mask_bit(unit_below(64));
	case 3:
		return mask_range(unit_below(32), unit_below(33));
	case 4:
		return r & unit_random() & unit_random();
	default:
		return r | unit_random();
	}
}

static bool has(uint64_t mask, unsigned i)
{
	return mask >> i & 1;
}

static uint64_t naive_range(unsigned first, unsigned n)
{
	uint64_t mask = 0;

	for (unsigned i = first; i < first + n; i++)
		mask |= UINT64_C(1) << i;
	return mask;
}

/* The run of adjacent pages that page i belongs to. */
static uint64_t naive_run(uint64_t mask, unsigned i)
{
	unsigned start = i, end = i + 1;

	while (start > 0 && has(mask, start - 1))
		start--;
	while (end < 64 && has(mask, end))
		end++;
	return naive_range(start, end - start);
}

static unsigned naive_first(uint64_t mask)
{
	unsigned i = 0;

	while (!has(mask, i))
		i++;
	return i;
}

static unsigned naive_last(uint64_t mask)
{
	unsigned i = 63;

	while (!has(mask, i))
		i--;
	return i;
}

START_TEST(range_every_one)
{
	for (unsigned first = 0; first < 64; first++)
		for (unsigned n = 0; n <= 64 - first; n++)
			unit_check(mask_range(first, n) == naive_range(first, n));
}
END_TEST

START_TEST(counts)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t mask = random_mask();
		unsigned count = 0, runs = 0;

		for (unsigned i = 0; i < 64; i++) {
			count += has(mask, i);
			runs += has(mask, i) && (i == 0 || !has(mask, i - 1));
		}
		unit_check(mask_count(mask) == count);
		unit_check(mask_runs(mask) == runs);
	}
}
END_TEST

START_TEST(ends)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t mask = random_mask();
		unsigned first, last;

		if (!mask)
			continue;
		first = naive_first(mask);
		last = naive_last(mask);
		unit_check(mask_first(mask) == first);
		unit_check(mask_last(mask) == last);
		unit_check(mask_span(mask) == naive_range(first, last - first + 1));
		unit_check(mask_first_run(mask) == naive_run(mask, first));
	}
}
END_TEST

START_TEST(run_around_each_page)
{
	for (unsigned round = 0; round < ROUNDS / 10; round++) {
		uint64_t mask = random_mask();
		unsigned i;

		mask_for_each(i, mask)
			unit_check(mask_run_around(mask, i) == naive_run(mask, i));
	}
}
END_TEST

START_TEST(runs_one_by_one)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t mask = random_mask();
		uint64_t left = mask, all = 0;
		unsigned runs = 0;

		for (; left; left &= ~mask_first_run(left)) {
			unit_check((all & mask_first_run(left)) == 0);
			all |= mask_first_run(left);
			runs++;
		}
		unit_check(all == mask);
		unit_check(runs == mask_runs(mask));
	}
}
END_TEST

START_TEST(for_each_in_order)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t mask = random_mask(), seen = 0;
		unsigned i, next = 0;

		mask_for_each(i, mask) {
			unit_check(i >= next);
			next = i + 1;
			seen |= mask_bit(i);
		}
		unit_check(seen == mask);
	}
}
END_TEST

START_TEST(first_and_last_page)
{
	const uint64_t top = UINT64_C(1) << 63;

	ck_assert_uint_eq(mask_first_run(top), top);
	ck_assert_uint_eq(mask_run_around(top, 63), top);
	ck_assert_uint_eq(mask_run_around(1, 0), 1);
	ck_assert_uint_eq(mask_span(top | 1), ~UINT64_C(0));
	ck_assert_uint_eq(mask_runs(top | 1), 2);
	ck_assert_uint_eq(mask_first_run(~UINT64_C(0)), ~UINT64_C(0));
	ck_assert_uint_eq(mask_run_around(~UINT64_C(0), 63), ~UINT64_C(0));
	ck_assert_uint_eq(mask_run_around(~UINT64_C(0), 0), ~UINT64_C(0));
}
END_TEST

/* As ranges they are the runs; the lowest n of them are the first n ranges. */
START_TEST(ranges_of_addresses)
{
	char *base = (char *)(uintptr_t)(UINT64_C(1) << 40);

	page_init();
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t mask = random_mask(), seen = 0;
		struct iovec ranges[MASK_RUNS_MAX];
		unsigned n = mask_ranges(mask, base, ranges);

		ck_assert_uint_eq(n, mask_runs(mask));
		for (unsigned k = 0; k < n; k++) {
			unsigned first = (unsigned)((size_t)((char *)ranges[k].iov_base - base) >>
						    page_shift());
			unsigned pages = (unsigned)(ranges[k].iov_len >> page_shift());

			unit_check(mask_lowest_runs(mask, k) == seen);
			seen |= naive_range(first, pages);
		}
		unit_check(seen == mask && mask_lowest_runs(mask, n) == mask);
	}
}
END_TEST

START_TEST(rounding)
{
	uintptr_t size = (uintptr_t)1 << unit_page_shifts[_i];

	page_shift_value = unit_page_shifts[_i];
	ck_assert_uint_eq(page_size(), size);
	ck_assert_uint_eq(chunk_size(), size * CHUNK_PAGES);
	ck_assert_uint_eq(chunk_size(), (size_t)1 << chunk_shift());
	ck_assert_uint_eq(page_round_up(0), 0);
	ck_assert_uint_eq(pages_of(0), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uintptr_t n = unit_random() >> (8 + unit_below(50));

		unit_check(page_round_down(n) == n - n % size);
		unit_check(page_round_up(n) == (n + size - 1) / size * size);
		unit_check(pages_of(n) == (n + size - 1) / size);
	}
}
END_TEST

START_TEST(rounding_at_the_edges)
{
	uintptr_t size = (uintptr_t)1 << unit_page_shifts[_i];

	page_shift_value = unit_page_shifts[_i];
	ck_assert_uint_eq(page_round_up(1), size);
	ck_assert_uint_eq(page_round_up(size), size);
	ck_assert_uint_eq(page_round_up(size + 1), 2 * size);
	ck_assert_uint_eq(page_round_down(size - 1), 0);
	ck_assert_uint_eq(page_round_down(size), size);
	ck_assert_uint_eq(page_round_down(UINTPTR_MAX), -size);
	ck_assert_uint_eq(pages_of(size), 1);
	ck_assert_uint_eq(pages_of(size + 1), 2);
}
END_TEST

START_TEST(page_size_of_this_machine)
{
	page_init();
	ck_assert_uint_eq(page_size(), (size_t)sysconf(_SC_PAGESIZE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("masks");
	TCase *masks = unit_case(suite, "masks", 10);
	TCase *pages = unit_case(suite, "pages", 10);

	tcase_add_test(masks, range_every_one);
	tcase_add_test(masks, counts);
	tcase_add_test(masks, ends);
	tcase_add_test(masks, run_around_each_page);
	tcase_add_test(masks, runs_one_by_one);
	tcase_add_test(masks, for_each_in_order);
	tcase_add_test(masks, first_and_last_page);
	tcase_add_test(masks, ranges_of_addresses);
	tcase_add_loop_test(pages, rounding, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(pages, rounding_at_the_edges, 0, UNIT_PAGE_SHIFTS);
	tcase_add_test(pages, page_size_of_this_machine);
	return unit_main(suite, NULL);
}
