/* SPDX-License-Identifier: MIT */
/* test-judge.c - judge.h: the dearer way is taken where it gets more done, and only there */
#include "unit.h"
#include "paging/judge.h"
#include <string.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define STEP (MS / 2)

static struct judge judge;
static uint64_t now, dear_ns;
static double work;

static void begin(void)
{
	memset(&judge, 0, sizeof(judge));
	now = SECOND;
	work = 0;
	unit_restart_random();
}

/* So long; work a second with either way, each step off by up to so many percent. */
static void run(uint64_t ns, double cheap, double dear, unsigned noise)
{
	uint64_t end = now + ns;

	dear_ns = 0;
	for (; now < end; now += STEP) {
		double off = noise ? (double)unit_below(2 * noise) / 100 - (double)noise / 100 : 0;

		work += (judge.dear ? dear : cheap) * (1 + off) * STEP / SECOND;
		dear_ns += judge.dear ? STEP : 0;
		judge_look(&judge, now, (uint64_t)work);
	}
}

START_TEST(taken_where_it_pays)
{
	begin();
	run(10 * SECOND, 10000, 11500, 30);
	ck_assert(judge.verdict);
	/* Trials take the cheap way for half of their time. */
	run(10 * SECOND, 10000, 11500, 30);
	ck_assert_uint_ge(dear_ns, 9 * SECOND);
}
END_TEST

START_TEST(left_where_it_does_not)
{
	static const double rates[] = { 10000, 9000, 5000 };

	begin();
	run(10 * SECOND, 10000, rates[_i], 5);
	ck_assert(!judge.verdict);
	run(10 * SECOND, 10000, rates[_i], 5);
	ck_assert_uint_le(dear_ns, SECOND / 2);
}
END_TEST

START_TEST(follows_a_change)
{
	begin();
	run(10 * SECOND, 10000, 12000, 10);
	ck_assert(judge.verdict);
	run(5 * SECOND, 10000, 8000, 10);
	ck_assert(!judge.verdict);
	run(5 * SECOND, 10000, 12000, 10);
	ck_assert(judge.verdict);
}
END_TEST

/* A rate that rises steadily is no merit of the way that comes later. */
START_TEST(a_drift_helps_neither)
{
	begin();
	for (unsigned i = 0; i < 1000; i++) {
		double rate = 10000 * (1 + i / 100.0);

		run(10 * MS, rate, rate, 0);
		if (judge.window == JUDGE_WINDOWS)
			ck_assert(!judge.verdict);
	}
}
END_TEST

START_TEST(little_work_gives_no_verdict)
{
	begin();
	run(20 * SECOND, 100, 200, 0);
	ck_assert(!judge.verdict);
}
END_TEST

/* While the program does something else, nobody looks. */
START_TEST(a_long_window_says_nothing)
{
	begin();
	for (unsigned i = 0; i < 100; i++) {
		judge_look(&judge, now, (uint64_t)work);
		now += 100 * MS;
		work += judge.dear ? 5000 : 1000;
	}
	ck_assert(!judge.verdict);
	ck_assert_uint_eq(judge.window, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("judge");
	TCase *tcase = unit_case(suite, "verdicts", 20);

	tcase_add_test(tcase, taken_where_it_pays);
	tcase_add_loop_test(tcase, left_where_it_does_not, 0, 3);
	tcase_add_test(tcase, follows_a_change);
	tcase_add_test(tcase, a_drift_helps_neither);
	tcase_add_test(tcase, little_work_gives_no_verdict);
	tcase_add_test(tcase, a_long_window_says_nothing);
	return unit_main(suite, NULL);
}
