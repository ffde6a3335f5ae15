/* SPDX-License-Identifier: MIT */
/* crew.c - see crew.h */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "crew.h"
#include "spill.h"

struct member {
	pthread_t thread;
	pthread_barrier_t *start;
	void (*work)(void *arg, unsigned t);
	void *arg;
	unsigned t;
};

static void *member_main(void *arg)
{
	struct member *member = arg;

	pthread_barrier_wait(member->start);
	member->work(member->arg, member->t);
	return NULL;
}

void crew_run(unsigned n, void (*work)(void *arg, unsigned t), void *arg)
{
	struct member *members = calloc(n, sizeof(*members));
	pthread_barrier_t start;

	if (!members || pthread_barrier_init(&start, NULL, n))
		bench_fail("out of memory");
	for (unsigned t = 0; t < n; t++) {
		members[t] = (struct member){ .start = &start, .work = work, .arg = arg, .t = t };
		if (pthread_create(&members[t].thread, NULL, member_main, &members[t]))
			bench_fail("no more threads than %u", t);
	}
	for (unsigned t = 0; t < n; t++)
		pthread_join(members[t].thread, NULL);
	pthread_barrier_destroy(&start);
	free(members);
}

void crew_sleep_us(unsigned us)
{
	struct timespec t = { .tv_nsec = us * 1000L };

	nanosleep(&t, NULL);
}

/* -- neighbours --------------------------------------------------------------------------- */

static void spin(void)
{
	for (volatile unsigned long n = 0;; n++)
		;
}

#define READERS_MAX 1000

/* Looks ten times a second, from when there is something to see. */
static void read_statistics(void)
{
	struct spill_stats stats = { .size = sizeof(stats) };
	spill_attached *attached;

	while (!(attached = spill_attach(getppid())))
		crew_sleep_us(100000);
	while (spill_attached_stats(attached, &stats) == 0)
		crew_sleep_us(100000);
}

/* Does it in a process that ends with this one; gives its number. */
static pid_t start(void (*work)(void))
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		bench_fail_errno("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		work();
	_exit(0);
}

static void fifo_start(int cpu)
{
	struct sched_param fifo = { .sched_priority = 1 };
	pid_t parent = getpid();
	cpu_set_t set;
	pid_t pid;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pid = fork();
	if (pid < 0)
		bench_fail_errno("fork");
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &fifo))
		bench_fail_errno("SCHED_FIFO");
	if (getppid() == parent)
		spin();
	_exit(0);
}

static pid_t readers[READERS_MAX];
static unsigned reader_count;

void neighbours_start(const struct options *options)
{
	for (unsigned i = 0; i < options->hogs; i++)
		start(spin);
	if (options->readers > READERS_MAX)
		bench_fail("too many readers");
	for (unsigned i = 0; i < options->readers; i++)
		readers[reader_count++] = start(read_statistics);
	if (options->fifo_cpu >= 0)
		fifo_start(options->fifo_cpu);
}

/* schedstat begins with the ns on a CPU. */
double neighbours_reading(void)
{
	unsigned long long ns, sum = 0;
	char path[64];

	for (unsigned i = 0; i < reader_count; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)readers[i]);
		file = fopen(path, "r");
		if (file && fscanf(file, "%llu", &ns) == 1)
			sum += ns;
		if (file)
			fclose(file);
	}
	return (double)sum / 1e9;
}

void neighbours_avoid(const struct options *options)
{
	cpu_set_t set;

	if (options->fifo_cpu < 0)
		return;
	if (sched_getaffinity(0, sizeof(set), &set))
		bench_fail_errno("sched_getaffinity");
	CPU_CLR(options->fifo_cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_fail_errno("sched_setaffinity");
}
