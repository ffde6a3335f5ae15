/* SPDX-License-Identifier: MIT */
/* test-churn - a pager works for a day: several threads fault, map, unmap and fork, over and over;
 * the bytes are right, and the pager holds no more than it did after a minute
 *
 * A turn is a map, 1000 faults, and an unmap; there is one fork for every ten turns.  SPILL_CHURN
 * sets the number of turns (make check-stress: a million, that is 10^9 faults and 10^5 forks).
 *
 * Variants: default move,uring
 * Time limit: 600
 */
#include "harness.h"
#include <pthread.h>
#include <stdatomic.h>

#define BUDGET (16 * M)
#define KEPT (10 * M) /* of each thread: together they do not fit */
#define THREADS 2
#define TURNS 500
#define TURNS_PER_FORK 10
#define PIECE 64   /* pages that are mapped, */
#define LIVES 15   /* written so often, and discarded in between */
#define UPDATES 40 /* of pages that are kept */

/* What is made once, and kept, is there after so many turns. */
#define WARM 300
#define SLACK (2 * M)

static struct {
	spill *pager;
	_Atomic unsigned long turns; /* taken */
	unsigned long most;
} work;

static unsigned long turns(void)
{
	const char *given = getenv("SPILL_CHURN");

	return given && atol(given) > 0 ? (unsigned long)atol(given) : TURNS;
}

/* Memory that comes and goes. */
static void use_piece(unsigned thread, unsigned long turn)
{
	size_t size = PIECE * test_page_size();
	char *piece = spill_reserve(work.pager, size);

	CHECK(piece, "spill_reserve: %s", strerror(errno));
	CHECK_OK(spill_advise(work.pager, piece, size, SPILL_RANDOM));
	for (uint32_t life = 1; life <= LIVES; life++) {
		for (unsigned i = 0; i < PIECE; i++)
			stamp_write(piece + i * test_page_size(), thread, i, life);
		for (unsigned i = turn % 8; i < PIECE; i += 8) {
			const char *page = piece + i * test_page_size();

			CHECK(stamp_holds(page, thread, i, life), "page %u of turn %lu: %s", i,
			      turn, stamp_explain(page));
		}
		if (life < LIVES)
			CHECK_OK(spill_advise(work.pager, piece, size, SPILL_DONT_NEED));
	}
	CHECK_OK(spill_release(work.pager, piece, size));
}

struct worker {
	pthread_t thread;
	unsigned number;
	struct area kept;
	struct dice dice;
};

static void *run(void *argument)
{
	struct worker *worker = argument;
	unsigned long turn;

	while ((turn = atomic_fetch_add(&work.turns, 1)) < work.most) {
		use_piece(worker->number, turn);
		for (unsigned i = 0; i < UPDATES; i++)
			area_update(&worker->kept, dice_below(&worker->dice, worker->kept.pages));
	}
	return NULL;
}

/* The child has what its parent had, and may change it. */
static _Noreturn void live(struct area *area, struct dice *dice)
{
	for (unsigned i = 0; i < 4; i++)
		area_update(area, dice_below(dice, area->pages));
	test_exit(0);
}

static size_t size_of_tables(void)
{
	return test_memory_is_ours() ? test_status("VmSize") : 0;
}

static void fork_meanwhile(struct area *area)
{
	struct dice dice = dice_new(9);
	size_t mappings = 0, size = 0;

	for (unsigned long next = TURNS_PER_FORK; next < work.most; next += TURNS_PER_FORK) {
		pid_t pid;

		while (work.turns < next)
			test_sleep_ms(1);
		pid = test_fork();
		if (pid == 0)
			live(area, &dice);
		test_wait(pid, 0);
		area_update(area, dice_below(&dice, area->pages));
		if (!size && next >= WARM) {
			mappings = test_mappings();
			size = size_of_tables();
		}
	}
	/* What the last child could read is let go of when a handler has seen that it ended. */
	CHECK(!size || WAIT_FOR(size_of_tables() <= size + SLACK, 5),
	      "%zu KiB of addresses, there were %zu", size_of_tables() / K, size / K);
	CHECK(!size || test_mappings() <= mappings + 20, "%zu mappings, there were %zu",
	      test_mappings(), mappings);
}

static void try_churn(void)
{
	struct worker worker[THREADS];
	struct spill_stats stats;
	struct area area;

	case_begin("churn", 0);
	work.most = turns();
	work.pager = pager_open(BUDGET);
	area = area_reserve(work.pager, THREADS, M);
	area_write_all(&area);
	for (unsigned i = 0; i < THREADS; i++) {
		worker[i] = (struct worker){ .number = i, .dice = dice_new(i) };
		worker[i].kept = area_reserve(work.pager, i, KEPT);
		area_write_all(&worker[i].kept);
	}
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_create(&worker[i].thread, NULL, run, &worker[i]) == 0, "no thread");
	fork_meanwhile(&area);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(worker[i].thread, NULL);
		area_check_all(&worker[i].kept);
		area_release(&worker[i].kept);
	}
	area_check_all(&area);
	area_release(&area);
	stats = pager_stats(work.pager);
	printf("  %lu turns; faults: %lu zero, %lu soft, %lu major\n", work.most,
	       (unsigned long)stats.faults_zero, (unsigned long)stats.faults_soft,
	       (unsigned long)stats.faults_major);
	pager_close(work.pager);
	case_end();
}

int main(void)
{
	test_begin("churn", 590);
	try_churn();
	return test_end();
}
