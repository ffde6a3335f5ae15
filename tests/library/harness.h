/* SPDX-License-Identifier: MIT */
/* harness.h - what the tests of the library have in common
 *
 * A test program is a series of cases.  Each case opens pagers, does its work and closes them.
 * Then nothing may be left: no slot, frame, thread, descriptor, file or byte.
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
 * Contents: each page written holds a stamp (its region, its number and a version), followed by
 * noise derived from the stamp.  So a wrong page can be named: lost (zeros), stale (an older
 * version), misplaced (another page's), torn (parts of each).
 *
 * The first error ends the program with one line and status 1.  SPILL_TEST_SEED=N repeats the
 * random numbers of a run, SPILL_TEST_SLOW=N multiplies the time limit, and $TEST_TMP is where swap
 * files go.
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

/* Prints the seed, starts the time limit, and skips the test if there is no userfaultfd. */
void test_begin(const char *name, unsigned seconds);
/* Sets another time limit from now on, for this process. */
void test_limit(unsigned seconds);
/* Checks that no file is left in $TEST_TMP. */
void test_nothing_left(void);
/* Says that all went well, if nothing is left; returns main's result. */
int test_end(void);

_Noreturn void test_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* missing: what this machine lacks. */
_Noreturn void test_skip(const char *missing);

#define CHECK(condition, ...)                   \
	do {                                    \
		if (!(condition))               \
			test_fail(__VA_ARGS__); \
	} while (0)

/* The call returns 0. */
#define CHECK_OK(call) CHECK((call) == 0, "%s: %s", #call, strerror(errno))

/* The call returns -1 with this errno. */
#define CHECK_ERRNO(call, expected)                                                              \
	do {                                                                                     \
		errno = 0;                                                                       \
		CHECK((call) == -1, "%s does not fail", #call);                                  \
		CHECK(errno == (expected), "%s: %s, not %s", #call, strerror(errno), #expected); \
	} while (0)

size_t test_page_size(void);
double test_seconds(void);
void test_sleep_ms(unsigned ms);

/* Waits until the condition holds, but at most this many seconds; returns whether it holds. */
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

/* Is all memory of this process its own, or is some a sanitizer's? */
bool test_memory_is_ours(void);

/* Calls function; false: it raised SIGBUS, and ended there.  One thread at a time. */
bool test_survives(void (*function)(void *), void *argument);

/* -- processes ----------------------------------------------------------------- */

/* Forks; the time limit holds for the child too. */
pid_t test_fork(void);
/* Ends a child: like _exit, but writes out what the child has printed. */
_Noreturn void test_exit(int status);
/* Checks that the child ends well or, if killed_by is not 0, that this signal kills it. */
void test_wait(pid_t pid, int killed_by);

/* -- random numbers ------------------------------------------------------------ */

/* A generator for one thread; each stream number gives different random numbers. */
struct dice {
	uint64_t state;
};

struct dice dice_new(unsigned stream);
uint64_t dice_next(struct dice *dice);
/* From 0 to n - 1. */
uint64_t dice_below(struct dice *dice, uint64_t n);

/* -- cases --------------------------------------------------------------------- */

/* own: bytes that the test itself may use in this case, besides the areas' tables. */
void case_begin(const char *name, size_t own);
/* Checks that nothing is left, and that the peak of the process stayed within the budgets, 24 MiB,
 * and what the test may use. */
void case_end(void);
/* The test may use this many bytes more. */
void case_allow(size_t bytes);

/* Opens a pager with this budget and a swap file in test_directory().  The case may use this much
 * more. */
spill *pager_open(size_t budget);
/* The pager may hold this many bytes beyond its budget. */
void pager_may_exceed(spill *s, size_t bytes);
/* The same with other options, in which budget and swap are already set. */
spill *pager_open_with(const struct spill_options *options);
/* Sets the budget; this must succeed. */
void pager_set_budget(spill *s, size_t budget);
/* Evicts everything that may leave: reserves, writes and releases twice the budget. */
void pager_press(spill *s);
/* Checks the pager and releases all that it has.  Checks that this gave back all slots and frames,
 * and closes the pager. */
void pager_close(spill *s);
/* Only closes it, as a program would. */
void pager_drop(spill *s);

/* Stops evictions, waits until nothing is in flight, and checks the pager's tables against one
 * another and the kernel.  Meanwhile no other thread may touch its memory or call any function. */
void pager_check(spill *s);

struct spill_stats pager_stats(spill *s);

/* Makes the pager forget its streams of faults, so that what was done before does not affect what
 * is read ahead. */
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
/* The same, but on failure base is NULL and errno is set. */
struct area area_try_reserve(spill *s, unsigned number, size_t bytes);
/* Forgets the table; the memory stays as it is. */
void area_forget(struct area *area);
/* Also releases the memory. */
void area_release(struct area *area);

void *area_page(const struct area *area, size_t i);
/* Writes the page's next version. */
void area_write(struct area *area, size_t i);
void area_check(const struct area *area, size_t i);
/* Checks the page, then writes it. */
void area_update(struct area *area, size_t i);

void area_write_all(struct area *area);
void area_check_all(const struct area *area);

/* Can the page be read?  false: reading raises SIGBUS. */
bool area_touch(const struct area *area, size_t i);

/* The pages [first, first + n) were discarded: from now on they hold zeros. */
void area_zeroed(struct area *area, size_t first, size_t n);

unsigned area_state(const struct area *area, size_t i);
/* The first page that is only in swap space; there must be one. */
size_t area_swapped_page(const struct area *area);
/* How many of the pages [first, first + n) are in this state. */
size_t area_count(const struct area *area, size_t first, size_t n, unsigned state);

/* The same for memory at any address. */
void stamp_write(void *page, unsigned number, uint64_t i, uint32_t version);
bool stamp_holds(const void *page, unsigned number, uint64_t i, uint32_t version);
/* Describes what the page holds; static, for one thread. */
const char *stamp_explain(const void *page);

#endif
