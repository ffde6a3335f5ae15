/* SPDX-License-Identifier: MIT */
/* test-pool.c - the budget of a command: which process may have how much of it */
#include "command/pool.h"
#include "base/process.h"
#include "base/sys.h"
#include "unit.h"
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define TOTAL 1000

static struct pool *pool;
static uint64_t self;

static void setup(void)
{
	int fd = pool_create(TOTAL);

	ck_assert_int_ge(fd, 0);
	pool = pool_map(fd);
	ck_assert_ptr_nonnull(pool);
	close(fd);
	self = process_mark_self();
}

static void teardown(void)
{
	pool_unmap(pool);
}

/* A child that has ended, or is about to; its mark. */
static uint64_t make_child(pid_t *ret_pid)
{
	uint64_t mark;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		mark = process_mark_self();
		_exit(write(ends[1], &mark, sizeof(mark)) != sizeof(mark));
	}
	ck_assert_int_eq(read(ends[0], &mark, sizeof(mark)), sizeof(mark));
	close(ends[0]);
	close(ends[1]);
	return mark;
}

/* The mark of a process that is no more. */
static uint64_t dead_mark(void)
{
	pid_t child;
	uint64_t mark = make_child(&child);

	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	return mark;
}

START_TEST(no_more_than_the_total)
{
	struct pool_entry *a = pool_claim(pool, self), *b = pool_claim(pool, self + 1);

	ck_assert(pool_take(pool, a, 600));
	ck_assert(!pool_take(pool, b, 401));
	ck_assert_int_eq(pool_left(pool), 400);
	ck_assert(pool_take(pool, b, 400));
	ck_assert_int_eq(pool_left(pool), 0);
	b->outside = 50;
	ck_assert_int_eq(pool_left(pool), -50);
	ck_assert(!pool_take(pool, a, 1));
}
END_TEST

START_TEST(an_exec_begins_anew)
{
	struct pool_entry *entry = pool_claim(pool, self);
	uint32_t claims = entry->claims;

	ck_assert(pool_take(pool, entry, TOTAL));
	ck_assert_ptr_eq(pool_claim(pool, self), entry);
	ck_assert_int_eq(entry->granted, 0);
	ck_assert_uint_ne(entry->claims, claims);
	ck_assert_int_eq(pool_left(pool), TOTAL);
}
END_TEST

START_TEST(the_dead_leave_what_they_had)
{
	struct pool_entry *ours = pool_claim(pool, self);
	struct pool_entry *entry = pool_claim(pool, dead_mark());

	ck_assert(pool_take(pool, entry, TOTAL));
	ck_assert(!pool_take(pool, ours, 1));
	ck_assert(pool_sweep(pool));
	ck_assert(!pool_sweep(pool));
	ck_assert(pool_take(pool, ours, TOTAL));
	ck_assert_ptr_eq(pool_claim(pool, self + 1), entry);
}
END_TEST

/* Ended, and nobody has waited for it. */
START_TEST(a_zombie_is_dead)
{
	pid_t child;
	uint64_t mark = make_child(&child);
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	ck_assert(!process_is_alive(mark));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(process_is_alive(self));
	ck_assert(!process_is_alive(self ^ 1)); /* the same id, another start */
}
END_TEST

START_TEST(what_others_want)
{
	struct pool_entry *ours = pool_claim(pool, self);
	struct pool_entry *other = pool_claim(pool, self + 1);
	struct pool_entry *idle = pool_claim(pool, self + 2);
	struct pool_need need;

	ours->wanted = 1;
	ours->active = 10;
	other->wanted = 20;
	other->active = 10;
	other->outside = 100;
	idle->wanted = 300;
	idle->active = 9;
	need = pool_need(pool, ours, 10);
	ck_assert_int_eq(need.wanted, 20);
	ck_assert_uint_eq(need.active, 2);
	ck_assert_int_eq(need.managed, TOTAL - 100);
}
END_TEST

START_TEST(what_is_outside)
{
	struct pool_entry *ours = pool_claim(pool, self);
	int64_t all = process_anonymous(process_pid(self));

	ck_assert_int_gt(all, 1);
	ck_assert_int_gt(pool_measure(pool), 0);
	ours->held = 2 * all;
	ck_assert_int_eq(pool_measure(pool), 0);
}
END_TEST

#define INHERITED ((size_t)8 << 20)
/* The kernel tells KiB, of parts of pages. */
#define ROUNDING 16

static void write_to_all(char *memory, char value)
{
	for (size_t i = 0; i < INHERITED; i += 4096)
		memory[i] = value;
}

/* A child of a fork counts what it has alone; and all, once it has written to all. */
START_TEST(what_is_outside_and_shared)
{
	struct pool_entry *ours = pool_claim(pool, self), *theirs;
	int64_t inherited = (int64_t)(INHERITED / (size_t)sysconf(_SC_PAGESIZE)), before, sum;
	char *memory =
		mmap(NULL, INHERITED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool tells = process_proportional(process_pid(self)) >= 0;
	int child[2], parent[2];
	uint64_t mark;

	ck_assert_ptr_ne(memory, MAP_FAILED);
	ck_assert(pipe(child) == 0 && pipe(parent) == 0);
	write_to_all(memory, 1);
	before = pool_measure(pool);
	if (fork() == 0) {
		mark = process_mark_self();
		sys_write(child[1], &mark, sizeof(mark));
		sys_read(parent[0], &mark, sizeof(mark));
		write_to_all(memory, 2);
		sys_write(child[1], &mark, sizeof(mark));
		sys_read(parent[0], &mark, sizeof(mark));
		_exit(0);
	}
	ck_assert_int_eq(read(child[0], &mark, sizeof(mark)), sizeof(mark));
	theirs = pool_claim(pool, mark);
	sum = pool_measure(pool);
	ck_assert_int_ge(sum, before + inherited);
	ours->related = theirs->related = true;
	sum = pool_measure(pool);
	ck_assert_int_ge(sum, inherited);
	if (tells)
		ck_assert_int_lt(sum, before + inherited / 4);
	else
		sum -= inherited; /* an older kernel: both count it */
	ck_assert_int_eq(write(parent[1], &mark, sizeof(mark)), sizeof(mark));
	ck_assert_int_eq(read(child[0], &mark, sizeof(mark)), sizeof(mark));
	ck_assert_int_ge(pool_measure(pool), sum + inherited - ROUNDING);
	ck_assert_int_eq(write(parent[1], &mark, sizeof(mark)), sizeof(mark));
	ck_assert_int_gt(wait(NULL), 0);
	munmap(memory, INHERITED);
}
END_TEST

#define TAKERS 4
#define ROUNDS 200000

static _Atomic int inside;
static _Atomic unsigned taken;
static _Atomic bool exceeded;

static void *take_alone(void *arg)
{
	struct pool_entry *entry = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (!pool_take(pool, entry, TOTAL / 2 + 1))
			continue;
		taken++;
		if (atomic_fetch_add(&inside, 1) != 0)
			exceeded = true;
		atomic_fetch_sub(&inside, 1);
		atomic_fetch_sub(&entry->granted, TOTAL / 2 + 1);
	}
	return NULL;
}

/* Each wants more than a half. */
START_TEST(of_those_that_take_at_once_one_has_it)
{
	pthread_t threads[TAKERS];

	for (unsigned i = 0; i < TAKERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_alone,
						pool_claim(pool, self + i)),
				 0);
	for (unsigned i = 0; i < TAKERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert(!exceeded);
	ck_assert_uint_gt(taken, 0);
	ck_assert_int_eq(pool_sum(pool), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool");
	TCase *tcase = unit_case(suite, "entries", 30);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, no_more_than_the_total);
	tcase_add_test(tcase, an_exec_begins_anew);
	tcase_add_test(tcase, the_dead_leave_what_they_had);
	tcase_add_test(tcase, a_zombie_is_dead);
	tcase_add_test(tcase, what_others_want);
	tcase_add_test(tcase, what_is_outside);
	tcase_add_test(tcase, what_is_outside_and_shared);
	tcase_add_test(tcase, of_those_that_take_at_once_one_has_it);
	return unit_main(suite, NULL);
}
