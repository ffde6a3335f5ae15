/* SPDX-License-Identifier: MIT */
/* test-handlers - the pager's threads: their names, the signals that they take (none), and that
 * they sleep when there is nothing to do
 *
 * Time limit: 60
 */
#include "harness.h"
#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>

#define HANDLERS 2

/* All handlers together, idle, in a second. */
#define SWITCHES_MAX 4
/* How long after the last fault they may have something to do: writing back. */
#define SETTLE_SECONDS 5

/* Threads of the pager: handlers, and what reads and writes without io_uring. */
#define THREADS_MAX 64

struct thread {
	int tid;
	char name[16];
	uint64_t blocked;  /* SigBlk: bit n - 1 is signal n */
	uint64_t switches; /* of its own accord: how often it went to sleep */
};

struct threads {
	unsigned count;
	struct thread thread[THREADS_MAX];
};

/* -- /proc --------------------------------------------------------------------------- */

/* false: it has ended. */
static bool read_thread(struct thread *thread)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", thread->tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "Name: %15[^\n]", thread->name);
		sscanf(line, "SigBlk: %lx", &thread->blocked);
		sscanf(line, "voluntary_ctxt_switches: %lu", &thread->switches);
	}
	fclose(file);
	return true;
}

/* A sanitizer's own has the program's name; those that the kernel makes for io_uring come and go. */
static bool is_counted(const struct thread *thread)
{
	if (strncmp(thread->name, "iou-wrk", 7) == 0)
		return false;
	return test_memory_is_ours() || strncmp(thread->name, "spill", 5) == 0;
}

/* All threads but this one. */
static struct threads read_threads(void)
{
	struct threads threads = { .count = 0 };
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/task");

	CHECK(dir, "/proc/self/task: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		struct thread thread = { .tid = atoi(entry->d_name) };

		if (thread.tid == 0 || thread.tid == getpid() || !read_thread(&thread))
			continue;
		if (!is_counted(&thread))
			continue;
		CHECK(threads.count < THREADS_MAX, "there are too many threads");
		threads.thread[threads.count++] = thread;
	}
	closedir(dir);
	return threads;
}

static const struct thread *thread_named(const struct threads *threads, const char *name)
{
	for (unsigned i = 0; i < threads->count; i++)
		if (strcmp(threads->thread[i].name, name) == 0)
			return &threads->thread[i];
	return NULL;
}

static uint64_t switches_of(const struct threads *threads)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < threads->count; i++)
		sum += threads->thread[i].switches;
	return sum;
}

/* -- a pager with handlers -------------------------------------------------------------- */

static spill *pager_with_handlers(unsigned handlers)
{
	struct spill_options options = SPILL_OPTIONS_INIT;

	options.budget = SPILL_BUDGET_MIN;
	options.swap = test_directory();
	options.handlers = handlers;
	return pager_open_with(&options);
}

/* Pages for a while. */
static struct area make_busy(spill *s)
{
	struct area area = area_reserve(s, 1, 3 * SPILL_BUDGET_MIN);

	area_write_all(&area);
	area_check_all(&area);
	return area;
}

static void try_names(void)
{
	struct threads threads;
	struct area area;
	spill *s;

	case_begin("names", 0);
	threads = read_threads();
	CHECK(threads.count == 0, "there is a thread before there is a pager");
	s = pager_with_handlers(HANDLERS);
	threads = read_threads();
	CHECK(threads.count == 0, "there is a thread before the pager arms");
	area = make_busy(s);
	threads = read_threads();
	for (unsigned i = 0; i < HANDLERS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "spill/%u", i);
		CHECK(thread_named(&threads, name), "no thread is called %s", name);
	}
	CHECK(!thread_named(&threads, "spill/2"), "there are more handlers than were asked for");
	for (unsigned i = 0; i < threads.count; i++)
		CHECK(strncmp(threads.thread[i].name, "spill/", 6) == 0,
		      "a thread of the pager is called %s", threads.thread[i].name);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* -- signals ---------------------------------------------------------------------------- */

/* 32 and 33 are glibc's: cancelling threads, and setuid in all of them. */
static bool can_be_blocked(int number)
{
	return number != SIGKILL && number != SIGSTOP && number != 32 && number != 33;
}

static _Atomic pid_t taken_by;

static void on_signal(int number)
{
	(void)number;
	taken_by = gettid();
}

static void check_mask(const struct thread *thread)
{
	for (int number = 1; number <= 64; number++) {
		bool blocked = thread->blocked >> (number - 1) & 1;

		CHECK(blocked == can_be_blocked(number), "%s: signal %d is %sblocked", thread->name,
		      number, blocked ? "" : "not ");
	}
}

/* What is sent to the process is taken by the program's threads, or waits for them. */
static void try_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal }, before;
	sigset_t usr1, pending, now;
	struct threads threads;
	struct area area;
	spill *s;

	case_begin("signals", 0);
	s = pager_with_handlers(HANDLERS);
	area = make_busy(s);
	threads = read_threads();
	CHECK(threads.count >= HANDLERS, "there are %u threads", threads.count);
	for (unsigned i = 0; i < threads.count; i++)
		check_mask(&threads.thread[i]);
	sigaction(SIGUSR1, &action, &before);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	kill(getpid(), SIGUSR1);
	area_check_all(&area);
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGUSR1) && !taken_by, "thread %d took a signal", taken_by);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	CHECK(taken_by == getpid(), "thread %d took a signal, not %d", taken_by, getpid());
	sigaction(SIGUSR1, &before, NULL);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(!sigismember(&now, SIGTERM), "the application's signals are blocked");
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* -- idle ---------------------------------------------------------------------------------- */

/* How often the threads go to sleep within the next second. */
static uint64_t switches_of_a_second(void)
{
	struct threads before = read_threads(), after;

	test_sleep_ms(1000);
	after = read_threads();
	CHECK(before.count == after.count, "threads came or went");
	return switches_of(&after) - switches_of(&before);
}

/* Writes that were begun end; then all is quiet. */
static void check_idle(const char *when)
{
	double end = test_seconds() + SETTLE_SECONDS * test_patience();
	uint64_t n;

	while (switches_of_a_second() > SWITCHES_MAX)
		CHECK(test_seconds() < end, "%s: the handlers do not come to rest", when);
	n = switches_of_a_second();
	printf("  %s: %lu\n", when, n);
	CHECK(n <= SWITCHES_MAX, "%s: the handlers wake up %lu times in a second", when, n);
}

static void try_idle(void)
{
	struct area area;
	spill *s;

	case_begin("idle", 0);
	s = pager_with_handlers(HANDLERS);
	area = make_busy(s);
	check_idle("after paging");
	CHECK_OK(spill_advise(s, area.base, 4 * M, SPILL_WILL_NEED));
	check_idle("after a hint");
	pager_set_budget(s, 4 * SPILL_BUDGET_MIN);
	area_check_all(&area);
	check_idle("with all in memory");
	area_forget(&area);
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("handlers", 50);
	try_names();
	try_signals();
	try_idle();
	return test_end();
}
