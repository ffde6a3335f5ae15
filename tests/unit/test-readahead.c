/* SPDX-License-Identifier: MIT */
/* test-readahead.c - readahead.h: which window a series of faults gets */
#include "unit.h"
#include "base/page.h"
#include "paging/readahead.h"
#include <string.h>

#define MOST 512
/* A page that begins a chunk, far from zero. */
#define BASE (UINT64_C(1) << 30)

static const _Atomic int64_t budget = MOST * READAHEAD_DIVISOR;
static struct readahead ra;

static void begin(void)
{
	unit_restart_random();
	page_init();
	memset(&ra, 0, sizeof(ra));
	readahead_init(&ra, READAHEAD_STREAMS, &budget);
}

static struct window fault(uint64_t page)
{
	return readahead_fault(&ra, page, true);
}

static struct window touch(uint64_t page)
{
	return readahead_fault(&ra, page, false);
}

static void assert_single(struct window w)
{
	ck_assert_uint_eq(w.pages, 1);
	ck_assert_uint_eq(w.ahead.count, 0);
}

/* Faults one after the other, each where the window before it ended; gives the page
 * behind the last window. */
static uint64_t run_up(uint64_t page, unsigned faults)
{
	while (faults--)
		page += fault(page).pages;
	return page;
}

START_TEST(windows_double)
{
	uint64_t page = BASE;

	assert_single(fault(page++));
	for (unsigned expected = 1; expected <= 32; expected *= 2) {
		struct window w = fault(page);

		ck_assert_uint_eq(w.pages, expected);
		ck_assert(!w.down);
		ck_assert_uint_eq(w.ahead.count, 0);
		page += w.pages;
	}
	ck_assert_uint_eq(page, BASE + CHUNK_PAGES);
	ck_assert_uint_eq(fault(page).pages, CHUNK_PAGES);
}
END_TEST

/* Chunk after chunk; the first touch of each comes too early, and then again when it is there. */
static struct window touch_early(uint64_t page)
{
	readahead_late(&ra, page);
	return touch(page);
}

START_TEST(reads_ahead_without_gap)
{
	uint64_t page = run_up(BASE, 7), asked = 0;

	for (unsigned n = 0; n < 40; n++) {
		struct window w = n ? touch_early(page) : fault(page);

		ck_assert_uint_eq(w.pages, CHUNK_PAGES);
		ck_assert_uint_le(w.ahead.count, 2 * CHUNK_PAGES);
		if (w.ahead.count) {
			ck_assert_int_eq(w.ahead.step, 1);
			if (asked)
				ck_assert_int_eq(w.ahead.first, (int64_t)asked);
			else
				ck_assert_int_eq(w.ahead.first, (int64_t)page + CHUNK_PAGES);
			asked = (uint64_t)w.ahead.first + w.ahead.count;
			ck_assert_uint_eq(asked % CHUNK_PAGES, 0);
		}
		page += CHUNK_PAGES;
	}
	ck_assert_uint_eq(asked - page + CHUNK_PAGES, MOST);
}
END_TEST

START_TEST(one_chunk_ahead_is_enough_for_a_slow_reader)
{
	uint64_t page = run_up(BASE, 7);

	fault(page);
	for (unsigned n = 0; n < 40; n++) {
		struct window w = touch(page += CHUNK_PAGES);

		ck_assert_uint_eq(w.ahead.count, CHUNK_PAGES);
		ck_assert_int_eq(w.ahead.first, (int64_t)page + CHUNK_PAGES);
	}
	/* Late once: two chunks more, one at a time, and no more after that. */
	for (unsigned n = 0; n < 10; n++) {
		struct window w = n ? touch(page += CHUNK_PAGES) : touch_early(page += CHUNK_PAGES);

		ck_assert_uint_eq(w.ahead.count, n < 2 ? 2 * CHUNK_PAGES : CHUNK_PAGES);
	}
	/* Late at a page that no stream has asked for: no news. */
	readahead_late(&ra, page + MOST);
	ck_assert_uint_eq(touch(page + CHUNK_PAGES).ahead.count, CHUNK_PAGES);
}
END_TEST

/* What found no frames is asked for with the next fault; it was left out, and came by a fault of its
 * own, which asked for a whole window at once. */
START_TEST(what_found_no_frames_is_asked_for_again)
{
	uint64_t page = run_up(BASE, 7);
	struct window w = fault(page);

	readahead_stopped(&ra, w.ahead);
	w = touch(page += CHUNK_PAGES - 1);
	ck_assert_int_eq(w.ahead.first, (int64_t)page + 1);
	ck_assert_uint_eq(w.ahead.count, 2 * CHUNK_PAGES);
	/* Half of it. */
	w.ahead.first += CHUNK_PAGES;
	w.ahead.count -= CHUNK_PAGES;
	readahead_stopped(&ra, w.ahead);
	ck_assert_int_eq(touch(page + 1).ahead.first, w.ahead.first);
}
END_TEST

START_TEST(backward)
{
	uint64_t page = BASE + CHUNK_PAGES - 1, lowest = 0;

	assert_single(fault(page--));
	for (unsigned expected = 1; expected <= 32; expected *= 2) {
		struct window w = fault(page);

		ck_assert_uint_eq(w.pages, expected);
		ck_assert(w.down);
		page -= w.pages;
	}
	ck_assert_uint_eq(page, BASE - 1);
	for (unsigned n = 0; n < 40; n++) {
		struct window w = n ? touch_early(page) : fault(page);

		ck_assert_uint_eq(w.pages, CHUNK_PAGES);
		ck_assert_uint_le(w.ahead.count, 2 * CHUNK_PAGES);
		ck_assert(w.down);
		if (w.ahead.count) {
			ck_assert_int_eq(w.ahead.step, -1);
			ck_assert_int_eq(w.ahead.first,
					 (int64_t)(lowest ? lowest - 1 : page - CHUNK_PAGES));
			lowest = (uint64_t)w.ahead.first - w.ahead.count + 1;
			ck_assert_uint_eq(lowest % CHUNK_PAGES, 0);
		}
		page -= CHUNK_PAGES;
	}
	ck_assert_uint_eq(page + CHUNK_PAGES - lowest, MOST - 1);
}
END_TEST

/* The last window of four streams that take turns. */
static struct window run_four(void)
{
	uint64_t page[4];
	struct window w = { 0 };

	for (unsigned k = 0; k < 4; k++)
		page[k] = BASE + (uint64_t)k * 100000;
	for (unsigned n = 0; n < 20; n++)
		for (unsigned k = 0; k < 4; k++) {
			w = fault(page[k]);
			page[k] += w.pages;
		}
	return w;
}

START_TEST(four_streams)
{
	struct window w = run_four();

	ck_assert_uint_eq(w.pages, CHUNK_PAGES);
	ck_assert_uint_eq(w.ahead.count, CHUNK_PAGES);
	begin();
	readahead_init(&ra, 3, &budget); /* one too few: each gives way to the next */
	assert_single(run_four());
}
END_TEST

START_TEST(strides)
{
	static const int64_t tried[] = { 17, -17, 5, 100, -1000 };
	int64_t stride = tried[_i], page = (int64_t)BASE, next = 0;
	struct window w;

	/* Two that are a stride apart may be chance, and three. */
	for (unsigned n = 0; n < 3; n++, page += stride)
		assert_single(fault((uint64_t)page));
	for (unsigned n = 0; n < 100; n++, page += stride) {
		w = n < 2 ? fault((uint64_t)page) : touch((uint64_t)page);
		ck_assert_uint_eq(w.pages, 1);
		if (!w.ahead.count)
			continue;
		ck_assert_int_eq(w.ahead.step, stride);
		if (n >= 2 && next)
			ck_assert_int_eq(w.ahead.first, next);
		next = w.ahead.first + w.ahead.count * stride;
	}
	ck_assert_int_gt((next - page) / stride, 16);
}
END_TEST

/* Whatever streams there were before. */
START_TEST(random_reads_one_page)
{
	unsigned more = 0;

	run_up(BASE, 30);
	for (unsigned n = 0; n < 20000; n++) {
		struct window w = fault(BASE + unit_below(1000000));

		more += w.pages - 1 + w.ahead.count;
	}
	/* Three that are side by side by chance are rare. */
	ck_assert_uint_le(more, 4);
}
END_TEST

/* A bug: a program that looked things up in a tree had two faults side by side now and then.  The
 * pages that came along stayed in the place of those that it used, and its misses trebled. */
START_TEST(neighbours_by_chance_bring_nothing)
{
	for (unsigned n = 0; n < 5000; n++) {
		uint64_t page = BASE + unit_below(1000000000);

		assert_single(fault(page));
		assert_single(fault(n % 2 ? page + 1 : page - 1));
	}
}
END_TEST

START_TEST(a_scan_goes_on_among_random_faults)
{
	uint64_t page = run_up(BASE, 8);
	struct window w;

	for (unsigned n = 0; n < 200; n++) {
		for (unsigned k = 0; k < 100; k++)
			fault(BASE + 1000000 + unit_below(1000000));
		w = fault(page);
		ck_assert_uint_eq(w.pages, CHUNK_PAGES);
		page += w.pages;
	}
}
END_TEST

/* A bug: a touch anywhere in the rest of the chunk of a short stream, of a page that had been evicted,
 * was taken for its next one, and so a few at random made a window of hundreds of pages. */
START_TEST(a_soft_fault_is_not_of_a_stream_that_did_not_bring_it)
{
	uint64_t page = BASE;

	page = run_up(page, 3);
	assert_single(touch(page + 20));
	assert_single(touch(page + 40));
	ck_assert_uint_eq(fault(page).pages, 4);
	page += 4;
	/* Where it ends, one is. */
	ck_assert_uint_eq(touch(page).pages, 8);
}
END_TEST

START_TEST(a_fault_that_is_served_again)
{
	uint64_t page = run_up(BASE, 10);
	struct window w = fault(page);

	/* It could not be served the first time: no news of the stream. */
	ck_assert_uint_eq(fault(page).pages, w.pages);
	ck_assert_uint_eq(fault(page + w.pages).pages, w.pages);
}
END_TEST

START_TEST(clipped)
{
	uint64_t page = run_up(BASE, 8);
	struct window w = fault(page);

	/* A page in the middle was there already. */
	ck_assert_uint_eq(w.pages, CHUNK_PAGES);
	readahead_clip(&ra, page, w, mask_range(0, 20));
	ck_assert_uint_eq(fault(page + 21).pages, CHUNK_PAGES - 21);
	ck_assert_uint_eq(fault(page + CHUNK_PAGES).pages, CHUNK_PAGES);
}
END_TEST

START_TEST(waste_shrinks_windows)
{
	uint64_t page = run_up(BASE, 7);
	struct window w = fault(page);

	for (unsigned n = 0; n < 20; n++)
		w = touch_early(page += CHUNK_PAGES);
	ck_assert_uint_eq(w.ahead.count, CHUNK_PAGES);
	for (unsigned n = 0; n < 3; n++)
		readahead_wasted(&ra, page + CHUNK_PAGES + n);
	w = touch(page + CHUNK_PAGES);
	ck_assert_uint_eq(w.ahead.count, 0); /* it has enough for now */
	w = fault(page + CHUNK_PAGES + w.pages);
	ck_assert_uint_le(w.ahead.count, CHUNK_PAGES);
	for (unsigned n = 0; n < 10; n++)
		readahead_wasted(&ra, page + 2 * CHUNK_PAGES + n);
	ck_assert_uint_le(fault(page + 3 * CHUNK_PAGES).pages, 2);
}
END_TEST

START_TEST(advice)
{
	struct window w;

	readahead_advise(&ra, BASE, BASE + 1000, SPILL_RANDOM);
	for (unsigned n = 0; n < 1000; n++)
		assert_single(fault(BASE + n));
	readahead_advise(&ra, BASE, BASE + 500, SPILL_SEQUENTIAL);
	w = fault(BASE + 128);
	ck_assert_uint_eq(w.pages, CHUNK_PAGES);
	ck_assert_uint_eq(w.ahead.count, 2 * CHUNK_PAGES);
	assert_single(fault(BASE + 600));
	readahead_advise(&ra, BASE, BASE + 1000, SPILL_NORMAL);
	assert_single(fault(BASE + 900));
	assert_single(fault(BASE + 901));
	ck_assert_uint_eq(fault(BASE + 902).pages, 2);
}
END_TEST

static TCase *windows_case(Suite *suite)
{
	TCase *tcase = unit_case(suite, "windows", 10);

	tcase_add_checked_fixture(tcase, begin, NULL);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("readahead");
	TCase *tcase = windows_case(suite);

	tcase_add_test(tcase, windows_double);
	tcase_add_test(tcase, reads_ahead_without_gap);
	tcase_add_test(tcase, one_chunk_ahead_is_enough_for_a_slow_reader);
	tcase_add_test(tcase, what_found_no_frames_is_asked_for_again);
	tcase_add_test(tcase, backward);
	tcase_add_test(tcase, four_streams);
	tcase_add_loop_test(tcase, strides, 0, 5);
	tcase_add_test(tcase, random_reads_one_page);
	tcase_add_test(tcase, neighbours_by_chance_bring_nothing);
	tcase_add_test(tcase, a_scan_goes_on_among_random_faults);
	tcase_add_test(tcase, a_soft_fault_is_not_of_a_stream_that_did_not_bring_it);
	tcase_add_test(tcase, a_fault_that_is_served_again);
	tcase_add_test(tcase, clipped);
	tcase_add_test(tcase, waste_shrinks_windows);
	tcase_add_test(tcase, advice);
	return unit_main(suite, NULL);
}
