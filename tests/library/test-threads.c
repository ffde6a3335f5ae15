/* SPDX-License-Identifier: MIT */
/* test-threads - many threads read and write while others reserve and release, discard, advise,
 * pin, and set the budget
 *
 * Time limit: 90
 * Variants: default move move,uring taskrun encrypt compress
 */
#include "harness.h"
#include "base/tsan.h"
#include <pthread.h>
#include <sys/wait.h>
#include <stdatomic.h>

#define WORKERS 8
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (SPILL_TSAN || __has_feature(address_sanitizer))
#else
#define SANITIZED SPILL_TSAN
#endif

#define BUDGET (48 * M)
#define DATA (96 * M)
#define SHARED_DATA (16 * M)
#define SECONDS 4

static atomic_bool stop;
static struct area data;   /* page i is worker i % WORKERS's */
static struct area shared; /* nobody writes to it any more */

struct worker {
	pthread_t thread;
	struct dice dice;
	unsigned number;
	size_t accesses;
};

static void start(struct worker *worker, unsigned number, void *(*work)(void *))
{
	*worker = (struct worker){ .dice = dice_new(number), .number = number };
	CHECK(pthread_create(&worker->thread, NULL, work, worker) == 0, "pthread_create");
}

/* -- those who read and write ------------------------------------------------------- */

/* One of this worker's pages: its neighbours are others'. */
static size_t own_page(struct worker *w)
{
	return dice_below(&w->dice, data.pages / WORKERS) * WORKERS + w->number;
}

/* A run of pages in a row, as a reader of the whole. */
static void read_shared(struct worker *w)
{
	size_t n = dice_below(&w->dice, 4) ? 1 : 100;
	size_t first = dice_below(&w->dice, shared.pages - n);

	for (size_t i = first; i < first + n; i++)
		area_check(&shared, i);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (; !stop; w->accesses++) {
		size_t i = own_page(w);

		switch (dice_below(&w->dice, 32)) {
		case 0:
			CHECK_OK(spill_advise(data.pager, area_page(&data, i), test_page_size(),
					      SPILL_DONT_NEED));
			area_zeroed(&data, i, 1);
			break;
		case 1:
			CHECK_OK(spill_advise(data.pager, area_page(&data, i), 1,
					      (enum spill_advice)dice_below(&w->dice, 4)));
			break;
		case 2:
		case 3:
		case 4:
		case 5:
			read_shared(w);
			break;
		default:
			if (dice_below(&w->dice, 2))
				area_check(&data, i);
			else
				area_update(&data, i);
		}
	}
	return NULL;
}

/* -- those who change things ---------------------------------------------------------- */

static void *set_budgets(void *arg)
{
	struct worker *w = arg;

	for (; !stop; w->accesses++) {
		size_t budget = 16 * M + dice_below(&w->dice, BUDGET - 16 * M);
		struct spill_stats stats;

		CHECK_OK(spill_set_budget(data.pager, budget));
		stats = pager_stats(data.pager);
		CHECK(stats.held <= budget, "%zu KiB are held, the budget is %zu KiB",
		      (size_t)stats.held / K, budget / K);
		test_sleep_ms(5);
	}
	return NULL;
}

/* Releases parts, until all is gone. */
static void release_in_parts(struct worker *w, struct area *area)
{
	size_t first = dice_below(&w->dice, area->pages);
	size_t n = 1 + dice_below(&w->dice, area->pages - first);

	CHECK_OK(spill_release(area->pager, area_page(area, first), n * test_page_size()));
	for (size_t i = 0; i < area->pages; i += 3)
		if (i < first || i >= first + n)
			area_check(area, i);
	area_release(area);
}

static void *churn(void *arg)
{
	struct worker *w = arg;

	for (; !stop; w->accesses++) {
		size_t size = (1 + dice_below(&w->dice, 1000)) * test_page_size();
		struct area area = area_reserve(data.pager, 1000 + w->number, size);

		for (size_t i = 0; i < area.pages; i += 3)
			area_write(&area, i);
		for (size_t i = 0; i < area.pages; i += 3)
			area_check(&area, i);
		release_in_parts(w, &area);
	}
	return NULL;
}

static void *pin_shared(void *arg)
{
	struct worker *w = arg;

	for (; !stop; w->accesses++) {
		size_t n = 1 + dice_below(&w->dice, 200);
		size_t first = dice_below(&w->dice, shared.pages - n);
		void *addr = area_page(&shared, first);
		size_t size = n * test_page_size();

		CHECK_OK(spill_pin(shared.pager, addr, size));
		CHECK(area_count(&shared, first, n, SPILL_RESIDENT) == n,
		      "pinned pages are not resident");
		area_check(&shared, first + n / 2);
		CHECK_OK(spill_unpin(shared.pager, addr, size));
		CHECK_OK(spill_advise(shared.pager, addr, size,
				      dice_below(&w->dice, 2) ? SPILL_COLD : SPILL_WILL_NEED));
	}
	return NULL;
}

static void try_all(void)
{
	static struct worker worker[WORKERS], budget, churner, pinner;
	size_t accesses = 0;
	spill *s;

	case_begin("all at once", 2 * M);
	stop = false;
	s = pager_open(BUDGET);
	data = area_reserve(s, 1, DATA);
	shared = area_reserve(s, 2, SHARED_DATA);
	area_write_all(&shared);
	for (unsigned i = 0; i < WORKERS; i++)
		start(&worker[i], i, work);
	start(&budget, WORKERS, set_budgets);
	start(&churner, WORKERS + 1, churn);
	start(&pinner, WORKERS + 2, pin_shared);
	test_sleep_ms(SECONDS * 1000);
	stop = true;
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(worker[i].thread, NULL);
		accesses += worker[i].accesses;
	}
	pthread_join(budget.thread, NULL);
	pthread_join(churner.thread, NULL);
	pthread_join(pinner.thread, NULL);
	printf("  %zu accesses, %zu budgets, %zu regions, %zu pins\n", accesses, budget.accesses,
	       churner.accesses, pinner.accesses);
	area_check_all(&data);
	area_check_all(&shared);
	area_forget(&data);
	area_forget(&shared);
	pager_close(s);
	case_end();
}

/* -- one touches for the first time what another discards ------------------------------- */

static void *first_touch(void *arg)
{
	struct worker *w = arg;

	while (!stop) {
		size_t i = dice_below(&w->dice, data.pages);
		void *page = area_page(&data, i);

		/* Whatever it was, somebody may have discarded it again. */
		stamp_write(page, 1, i, 1);
		w->accesses++;
	}
	return NULL;
}

static void *discard(void *arg)
{
	struct worker *w = arg;

	for (; !stop; w->accesses++)
		CHECK_OK(spill_advise(data.pager, data.base, data.pages * test_page_size(),
				      SPILL_DONT_NEED));
	return NULL;
}

/* All of them are in chunks that nobody touched before. */
static void try_discarding(void)
{
	static struct worker toucher[3], discarder[2];
	spill *s;

	case_begin("first touches and discards", 0);
	s = pager_open(BUDGET);
	for (unsigned round = 0; round < 20; round++) {
		stop = false;
		data = area_reserve(s, 1, G);
		for (unsigned i = 0; i < 3; i++)
			start(&toucher[i], i + 10 * round, first_touch);
		for (unsigned i = 0; i < 2; i++)
			start(&discarder[i], 5 + i, discard);
		test_sleep_ms(100);
		stop = true;
		for (unsigned i = 0; i < 3; i++)
			pthread_join(toucher[i].thread, NULL);
		for (unsigned i = 0; i < 2; i++)
			pthread_join(discarder[i].thread, NULL);
		area_zeroed(&data, 0, data.pages);
		CHECK_OK(spill_advise(s, data.base, G, SPILL_DONT_NEED));
		pager_check(s);
		for (size_t i = 0; i < data.pages; i += 64)
			area_check(&data, i);
		area_release(&data);
	}
	pager_close(s);
	case_end();
}

static void *busy(void *arg)
{
	(void)arg;
	test_sleep_ms(200);
	return NULL;
}

/* A child whose first thread ends by pthread_exit, and then its other one: the process ends, though
 * the pager's threads are left. */
static _Noreturn void end_by_threads(void)
{
	spill *s = pager_open(BUDGET);
	struct area area = area_reserve(s, 1, 4 * BUDGET);
	pthread_t thread;

	for (size_t i = 0; i < area.pages; i++)
		area_write(&area, i);
	pthread_create(&thread, NULL, busy, NULL);
	pthread_exit(NULL);
}

static void try_ending(void)
{
	int status = 0;
	pid_t pid;

	/* ThreadSanitizer has a thread of its own, which ends with exit alone; LeakSanitizer takes for
	 * lost what only the first thread's stack knew of. */
	if (SANITIZED)
		return;
	case_begin("the last thread ends", 0);
	pid = fork();
	if (pid == 0)
		end_by_threads();
	CHECK(waitpid(pid, &status, 0) == pid, "there is no child");
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ended with status %x", status);
	case_end();
}

int main(void)
{
	test_begin("threads", 80);
	try_ending();
	try_discarding();
	try_all();
	return test_end();
}
