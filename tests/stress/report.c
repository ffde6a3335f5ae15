/* SPDX-License-Identifier: MIT */
/* report.c - what went wrong, and what was done there: see worker.h */
#include "worker.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages whose fate in the pager is bound up with one another: a chunk's. */
#define NEIGHBOURS 64

static pthread_mutex_t one_report = PTHREAD_MUTEX_INITIALIZER;
static __thread struct worker *current;

/* -- what was done ---------------------------------------------------------------- */

static void print_record(const struct record *record)
{
	fprintf(stderr, "  worker %u step %llu: %s [%zu, %zu) %#lx", record->worker,
		(unsigned long long)record->step, record->call, record->first,
		record->first + record->n, record->argument);
	if (record->result < 0)
		fprintf(stderr, ": %s\n", strerror((int)-record->result));
	else
		fprintf(stderr, "\n");
}

static void print_plot(const struct plot *plot)
{
	size_t from = plot->records < RECORDS ? 0 : plot->records - RECORDS;

	fprintf(stderr, "plot %u: %zu pages at %p", plot->number, plot->pages, (void *)plot->base);
	if (plot->owner == ANYBODY)
		fprintf(stderr, ", anybody's\n");
	else
		fprintf(stderr, ", worker %u's\n", plot->owner);
	for (size_t i = from; i < plot->records; i++)
		print_record(&plot->record[i % RECORDS]);
}

/* Plots of others in the chunk of this address. */
static void print_neighbours(const struct plot *plot, uintptr_t address)
{
	uintptr_t chunk = address & ~(NEIGHBOURS * page_size - 1);

	for (unsigned i = 0; i < plot_count; i++) {
		uintptr_t base = (uintptr_t)plots[i].base;

		if (&plots[i] != plot && base < chunk + NEIGHBOURS * page_size &&
		    base + plots[i].pages * page_size > chunk)
			print_plot(&plots[i]);
	}
}

static void print_place(const struct worker *worker, const struct range *range)
{
	fprintf(stderr, "worker %u step %llu generation %u process %d: %s\n", worker->number,
		(unsigned long long)worker->steps, worker->generation, (int)getpid(),
		worker->operation->name);
	if (!range || !range->plot)
		return;
	fprintf(stderr, "[%zu, %zu) of plot %u, from %p\n", range->first, range->first + range->n,
		range->plot->number, (void *)range_address(range));
	print_plot(range->plot);
	print_neighbours(range->plot, (uintptr_t)range_address(range));
}

void fail(const struct worker *worker, const struct range *range, const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&one_report);
	fprintf(stderr, "FAIL (seed %llu): ", (unsigned long long)seed);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	print_place(worker, range);
	fflush(NULL);
	_exit(1);
}

/* -- calls ------------------------------------------------------------------------------ */

static void keep_record(struct worker *worker, const struct range *range, const char *call,
			long argument, long result)
{
	struct plot *plot = range->plot;

	plot->record[plot->records++ % RECORDS] = (struct record){
		.call = call,
		.step = worker->steps,
		.first = range->first,
		.n = range->n,
		.argument = argument,
		.result = result,
		.worker = worker->number,
	};
}

static bool is_among(int err, const int *list)
{
	while (*list && *list != err)
		list++;
	return *list != 0;
}

bool call_result(struct worker *worker, const struct range *range, const char *call, long argument,
		 long result, const int *may_fail)
{
	int err = result == -1 ? errno : 0;

	keep_record(worker, range, call, argument, -err);
	if (!err) {
		worker->done[worker->operation - operations]++;
		return true;
	}
	if (!is_among(err, may_fail))
		fail(worker, range, "%s: %s", call, strerror(err));
	worker->refused[worker->operation - operations]++;
	return false;
}

/* -- traps --------------------------------------------------------------------------------- */

static __thread sigjmp_buf trap;
static __thread volatile sig_atomic_t trap_is_set;

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (trap_is_set && number == SIGSEGV)
		siglongjmp(trap, 1);
	if (!current)
		_exit(1);
	fail(current, &current->range, "signal %d (%s) at %p", number, strsignal(number),
	     info->si_addr);
}

void traps_set(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

void traps_begin(struct worker *worker)
{
	current = worker;
}

bool page_faults(void *address, bool write)
{
	volatile uint64_t *word = address;
	volatile bool faulted = true;

	if (sigsetjmp(trap, 1) == 0) {
		trap_is_set = true;
		if (write)
			*word = *word;
		else
			(void)*word;
		faulted = false;
	}
	trap_is_set = false;
	return faulted;
}
