/* SPDX-License-Identifier: MIT */
/* unit.h - what the unit tests have in common
 *
 * A test program is one suite of libcheck; its main calls unit_main.  Each test
 * runs in a process of its own (CK_FORK=no in the environment: in one, for a
 * debugger), with a time limit, and begins with the same random numbers: those
 * of the seed, which is printed.  SPILL_TEST_SEED=N repeats a run.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The exit status of a test that could not be run. */
#define UNIT_SKIPPED 77

static uint64_t unit_seed;
static _Thread_local uint64_t unit_state; /* a thread of the test sets its own */

/* splitmix64 */
static inline uint64_t unit_random(void)
{
	uint64_t z = unit_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* From 0 to n - 1. */
static inline unsigned unit_below(unsigned n)
{
	return (unsigned)(unit_random() % n);
}

static inline void unit_restart_random(void)
{
	unit_state = unit_seed;
}

/* Pages of 4, 16 and 64 KiB: what page_shift_value is set to in tests that loop over them. */
static const unsigned unit_page_shifts[] = { 12, 14, 16 };
#define UNIT_PAGE_SHIFTS 3

/* For loops: an assertion of libcheck's costs a system call even if it holds. */
#define unit_check(what)                                \
	do {                                            \
		if (!(what))                            \
			ck_abort_msg("not: %s", #what); \
	} while (0)

/* A case of the suite, for tests of up to seconds each. */
static inline TCase *unit_case(Suite *suite, const char *name, double seconds)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, seconds);
	tcase_add_checked_fixture(tcase, unit_restart_random, NULL);
	suite_add_tcase(suite, tcase);
	return tcase;
}

/* Runs the suite; gives main's result.  missing: what this machine has not, so
 * that a part was left out, or NULL. */
static inline int unit_main(Suite *suite, const char *missing)
{
	const char *seed = getenv("SPILL_TEST_SEED");
	SRunner *runner = srunner_create(suite);
	int failed;

	unit_seed = seed ? strtoull(seed, NULL, 0)
			 : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
	printf("SPILL_TEST_SEED=%llu\n", (unsigned long long)unit_seed);
	fflush(stdout);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (failed)
		return EXIT_FAILURE;
	if (missing)
		printf("SKIP: %s\n", missing);
	return missing ? UNIT_SKIPPED : EXIT_SUCCESS;
}

#endif
