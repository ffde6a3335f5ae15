/* SPDX-License-Identifier: MIT */
/* test-apportion.c - apportion.h: the compressed store grows where it saves time, and only there */
#include "unit.h"
#include "paging/apportion.h"
#include "base/page.h"
#include <string.h>

/* A program that touches pages at random, twice as many as the budget has frames. */
#define LIMIT 8192
#define PAGES (2 * LIMIT)
#define US 1000

/* What things cost, in us, and how many threads wait at once. */
struct machine {
	unsigned compressed, major, evict, pass;
	unsigned threads;
};

static const struct machine dear_reads = { 20, 300, 20, 20, 1 };
static const struct machine cheap_reads = { 30, 60, 50, 20, 1 };
static const struct machine many_threads = { 20, 300, 20, 20, 16 };

static struct budget budget;
static struct apportion apportion;
static uint64_t left;
static unsigned resident_count, stored, oldest;
static unsigned resident[LIMIT];
static bool is_resident[PAGES], is_stored[PAGES], was_here[PAGES];
static uint64_t out[PAGES];

/* The store's pages in the order in which they came.  Those that have left it are skipped. */
static unsigned queue[1 << 24];
static unsigned queued;

static void begin(void)
{
	budget.limit = LIMIT;
	apportion_init(&apportion, &budget);
	left = resident_count = stored = oldest = queued = 0;
	memset(is_resident, 0, sizeof(is_resident));
	memset(is_stored, 0, sizeof(is_stored));
	memset(was_here, 0, sizeof(was_here));
	unit_restart_random();
}

static void unstore(unsigned page)
{
	stored -= is_stored[page];
	is_stored[page] = false;
}

static void evict(const struct machine *machine)
{
	unsigned at = (unsigned)unit_below(resident_count), page = resident[at];

	resident[at] = resident[--resident_count];
	is_resident[page] = false;
	out[page] = left++;
	apportion_note_left(&apportion, 1);
	apportion_note_evicted(&apportion, 1, (uint64_t)machine->evict * US);
	if (!apportion_admits(&apportion, page * chunk_size()))
		return;
	is_stored[page] = true;
	stored++;
	ck_assert_uint_lt(queued, sizeof(queue) / sizeof(queue[0]));
	queue[queued++] = page;
}

/* percent: how many pages are packed into the room of a hundred. */
static void pass_on(const struct machine *machine, unsigned percent)
{
	while (stored > (uint64_t)apportion_share(&apportion) * percent / 100) {
		if (is_stored[queue[oldest]])
			apportion_note_passed(&apportion, 1, (uint64_t)machine->pass * US);
		unstore(queue[oldest++]);
	}
}

static void come_back(unsigned page, const struct machine *machine)
{
	apportion_note_return(&apportion, (int64_t)(left - out[page]));
	apportion_note_waiting(&apportion, (int)machine->threads);
	if (is_stored[page])
		apportion_note_compressed(&apportion, (uint64_t)machine->compressed * US);
	else
		apportion_note_major(&apportion, (uint64_t)machine->major * US);
	apportion_note_waiting(&apportion, -(int)machine->threads);
	unstore(page);
}

static void touch(unsigned page, const struct machine *machine, unsigned percent)
{
	if (is_resident[page])
		return;
	if (was_here[page])
		come_back(page, machine);
	was_here[page] = true;
	while (resident_count > 0 && resident_count >= LIMIT - apportion_share(&apportion))
		evict(machine);
	resident[resident_count++] = page;
	is_resident[page] = true;
	pass_on(machine, percent);
	apportion_judge(&apportion, left, stored, stored * page_size() * 100 / percent);
}

static void run(const struct machine *machine, unsigned percent, unsigned rounds)
{
	for (unsigned i = 0; i < rounds * LIMIT; i++)
		touch((unsigned)unit_below(PAGES), machine, percent);
}

START_TEST(grows_where_reads_are_dear)
{
	begin();
	run(&dear_reads, 230, 30);
	ck_assert_int_ge(apportion_share(&apportion), LIMIT / 4);
}
END_TEST

START_TEST(does_not_where_they_are_cheap)
{
	begin();
	run(&cheap_reads, 230, 30);
	ck_assert_int_le(apportion_share(&apportion), LIMIT / 64);
}
END_TEST

START_TEST(reads_are_cheap_if_many_wait)
{
	begin();
	run(&many_threads, 230, 30);
	ck_assert_int_le(apportion_share(&apportion), LIMIT / 64);
}
END_TEST

START_TEST(what_does_not_pack_has_no_store)
{
	begin();
	run(&dear_reads, 100, 30);
	ck_assert_int_le(apportion_share(&apportion), LIMIT / 64);
}
END_TEST

START_TEST(follows_a_change)
{
	begin();
	for (unsigned i = 0; i < 3; i++) {
		run(&dear_reads, 230, 30);
		ck_assert_int_ge(apportion_share(&apportion), LIMIT / 4);
		run(&cheap_reads, 230, 30);
		ck_assert_int_le(apportion_share(&apportion), LIMIT / 64);
	}
}
END_TEST

/* A part of the chunks, and always the same for the same share. */
START_TEST(a_small_store_takes_some)
{
	unsigned least = 0, most = 0;

	begin();
	apportion.judged = 1;
	for (unsigned i = 0; i < PAGES; i++)
		least += apportion_admits(&apportion, i * chunk_size());
	apportion.share = LIMIT;
	for (unsigned i = 0; i < PAGES; i++)
		most += apportion_admits(&apportion, i * chunk_size());
	ck_assert_uint_gt(least, 0);
	ck_assert_uint_lt(least, PAGES / 16);
	ck_assert_uint_eq(most, PAGES);
}
END_TEST

START_TEST(no_budget)
{
	budget.limit = 0;
	apportion_init(&apportion, &budget);
	apportion_judge(&apportion, 1000, 0, 0);
	ck_assert_int_eq(apportion_share(&apportion), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apportion");
	TCase *tcase = unit_case(suite, "shares", 20);

	tcase_add_test(tcase, grows_where_reads_are_dear);
	tcase_add_test(tcase, does_not_where_they_are_cheap);
	tcase_add_test(tcase, reads_are_cheap_if_many_wait);
	tcase_add_test(tcase, what_does_not_pack_has_no_store);
	tcase_add_test(tcase, follows_a_change);
	tcase_add_test(tcase, a_small_store_takes_some);
	tcase_add_test(tcase, no_budget);
	return unit_main(suite, NULL);
}
