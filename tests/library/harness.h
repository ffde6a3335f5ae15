/* SPDX-License-Identifier: MIT */
/* harness.h - what the tests of the library have in common
 *
 * A test program is a row of cases.  Each case opens pagers, does what it is
 * about, and closes them, and then nothing may be left: no slot, frame, thread,
 * descriptor, file or byte.
 *
 *	test_begin("contents", 60);
 *	case_begin("sequential", 0);
 *	spill *s = pager_open(8 * M);
 *	struct area area = area_reserve(s, 1, 32 * M);
 *	...
 *	pager_close(s);
 *	case_end();
 *	return test_end();
 *
 * Contents: each page that was written holds a stamp (its region, its number
 * and a version) and then noise that follows from it, so that a page that is
 * wrong can be named: lost (zeros), stale (an older version), misplaced
 * (another page's), torn (parts of each).
 *
 * The first thing that is wrong ends the program with one line and status 1.
 * SPILL_TEST_SEED=N repeats the random numbers of a run, SPILL_TEST_SLOW=N
 * multiplies the time limit, $TEST_TMP is where swap files go.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <errno.h>
#include <spill.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define K ((size_t)1 << 10)
#define M ((size_t)1 << 20)
#define G ((size_t)1 << 30)
#define T ((size_t)1 << 40)

/* -- the program -------------------------------------------------------------- */

/* Prints the seed, starts the time limit, and skips the test if there is no
 * userfaultfd. */
void test_begin(const char *name, unsigned seconds);
/* Another time limit from now on, for this process. */
void test_limit(unsigned seconds);
/* No file is left in $TEST_TMP. */
void test_nothing_left(void);
/* Says that all went well, if nothing is left; gives main's result. */
int test_end(void);

_Noreturn void test_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* missing: what this machine has not. */
_Noreturn void test_skip(const char *missing);

#define CHECK(condition, ...)                   \
	do {                                    \
		if (!(condition))               \
			test_fail(__VA_ARGS__); \
	} while (0)

/* The call gives 0. */
#define CHECK_OK(call) CHECK((call) == 0, "%s: %s", #call, strerror(errno))

/* The call gives -1 and this errno. */
#define CHECK_ERRNO(call, expected)                                                              \
	do {                                                                                     \
		errno = 0;                                                                       \
		CHECK((call) == -1, "%s does not fail", #call);                                  \
		CHECK(errno == (expected), "%s: %s, not %s", #call, strerror(errno), #expected); \
	} while (0)

size_t test_page_size(void);
double test_seconds(void);
void test_sleep_ms(unsigned ms);

/* Waits until the condition holds, for at most so many seconds; gives whether. */
#define WAIT_FOR(condition, seconds)                                      \
	__extension__({                                                   \
		double end_ = test_seconds() + (seconds)*test_patience(); \
		while (!(condition) && test_seconds() < end_)             \
			test_sleep_ms(2);                                 \
		(condition);                                              \
	})

/* SPILL_TEST_SLOW. */
unsigned test_patience(void);

/* The directory for swap files. */
const char *test_directory(void);

/* What a line of /proc/self/status says, such as "VmHWM", in bytes. */
size_t test_status(const char *field);

/* How many mappings this process has. */
size_t test_mappings(void);

/* Is the memory of this process its own, or a sanitizer's too? */
bool test_memory_is_ours(void);

/* Calls it; false: that raised SIGBUS, where it ended.  One thread at a time. */
bool test_survives(void (*function)(void *), void *argument);

/* -- processes ----------------------------------------------------------------- */

/* fork; the time limit holds for the child too. */
pid_t test_fork(void);
/* How a child ends: as by _exit, but what it printed is written. */
_Noreturn void test_exit(int status);
/* The child ends well; or is killed by this signal, if it is not 0. */
void test_wait(pid_t pid, int killed_by);

/* -- random numbers ------------------------------------------------------------ */

/* A generator for each thread: streams of different numbers differ. */
struct dice {
	uint64_t state;
};

struct dice dice_new(unsigned stream);
uint64_t dice_next(struct dice *dice);
/* From 0 to n - 1. */
uint64_t dice_below(struct dice *dice, uint64_t n);

/* -- cases --------------------------------------------------------------------- */

/* own: bytes that the test itself may come to hold in this case, besides areas'
 * tables. */
void case_begin(const char *name, size_t own);
/* Nothing is left, and the peak of the process was within the budgets, 24 MiB
 * and what the test may hold. */
void case_end(void);
/* More bytes that the test may come to hold. */
void case_allow(size_t bytes);

/* A pager with this budget, its swap file in test_directory().  The case may
 * hold this much more. */
spill *pager_open(size_t budget);
/* It may hold so many bytes beyond its budget. */
void pager_may_exceed(spill *s, size_t bytes);
/* The same with other options, of which budget and swap have been set. */
spill *pager_open_with(const struct spill_options *options);
/* Sets the budget; it has to work. */
void pager_set_budget(spill *s, size_t budget);
/* Puts everything that may leave out of memory: reserves, writes and releases
 * twice the budget. */
void pager_press(spill *s);
/* Checks the pager, releases all that it has, checks that this gave back all
 * slots and frames, and closes it. */
void pager_close(spill *s);
/* Only closes it, as a program would. */
void pager_drop(spill *s);

/* Stops evictions, waits until nothing is in flight, and checks the pager's
 * tables against one another and the kernel.  No other thread may touch its
 * memory, or call anything, meanwhile. */
void pager_check(spill *s);

struct spill_stats pager_stats(spill *s);

/* What it knows of streams of faults is forgotten: what was done before does not show
 * in what is read ahead. */
void pager_forget_streams(spill *s);

/* -- areas: reserved memory whose contents are known ------------------------------ */

struct area {
	spill *pager;
	unsigned number; /* goes into the stamps */
	char *base;
	size_t pages;
	uint32_t *version; /* of each page; 0: never written, zeros */
};

struct area area_reserve(spill *s, unsigned number, size_t bytes);
/* The same; base is NULL, and errno set, if it fails. */
struct area area_try_reserve(spill *s, unsigned number, size_t bytes);
/* Forgets the table; the memory stays as it is. */
void area_forget(struct area *area);
/* Releases the memory too. */
void area_release(struct area *area);

void *area_page(const struct area *area, size_t i);
/* The page gets the next version. */
void area_write(struct area *area, size_t i);
void area_check(const struct area *area, size_t i);
/* Checks it, then writes it. */
void area_update(struct area *area, size_t i);

void area_write_all(struct area *area);
void area_check_all(const struct area *area);

/* Can the page be read?  false: that raises SIGBUS. */
bool area_touch(const struct area *area, size_t i);

/* The pages [first, first + n) were discarded: they hold zeros. */
void area_zeroed(struct area *area, size_t first, size_t n);

unsigned area_state(const struct area *area, size_t i);
/* The first page that is on swap space alone; there has to be one. */
size_t area_swapped_page(const struct area *area);
/* How many of the pages [first, first + n) are in this state. */
size_t area_count(const struct area *area, size_t first, size_t n, unsigned state);

/* The same for memory at any address. */
void stamp_write(void *page, unsigned number, uint64_t i, uint32_t version);
bool stamp_holds(const void *page, unsigned number, uint64_t i, uint32_t version);
/* Says in words what the page holds; static, for one thread. */
const char *stamp_explain(const void *page);

#endif
