/* SPDX-License-Identifier: MIT */
/* address-space.c - calls on the address space, by chance and from several threads,
 * each checked against a model of what every page must hold
 *
 * An ordinary program, which knows nothing of a pager: by itself it tests the
 * kernel, and its own model; under `spill run' with a small budget it tests the
 * pager.  The first difference ends it, with status 1.
 */
#include "worker.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

uint64_t seed;

static unsigned workers = 4, seconds = 10;
static size_t size = 128 * MIB;
static bool counts;
static struct worker worker[WORKERS_MAX];
static time_t end;

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* -- options ------------------------------------------------------------------------- */

static const char usage[] =
	"Usage: address-space [--seed=N] [--seconds=N] [--threads=N] [--size=MIB] [--counts]\n"
	"                     [--without=OPERATION]... [--with=OPERATION]... [--only=OPERATION]...\n";

static _Noreturn void refuse(const char *why, const char *what)
{
	fprintf(stderr, "address-space: %s: %s\n%s", why, what, usage);
	exit(2);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	char *rest;
	uint64_t ret = strtoull(text, &rest, 0);

	if (!*text || *rest || ret < least || ret > most)
		refuse("not a number that can be", text);
	return ret;
}

static void turn(const char *name, bool off)
{
	for (unsigned i = 0; i < operation_count; i++)
		if (!strcmp(operations[i].name, name)) {
			operations[i].off = off;
			return;
		}
	refuse("no such operation", name);
}

/* The first --only turns all others off. */
static void only(const char *name)
{
	static bool before;

	for (unsigned i = 0; i < operation_count && !before; i++)
		operations[i].off = true;
	before = true;
	turn(name, false);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'n' },
		{ "size", required_argument, NULL, 'm' },
		{ "with", required_argument, NULL, '+' },
		{ "without", required_argument, NULL, '-' },
		{ "only", required_argument, NULL, 'o' },
		{ "counts", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = number(optarg, 0, UINT64_MAX);
			break;
		case 't':
			seconds = (unsigned)number(optarg, 1, 1000000);
			break;
		case 'n':
			workers = (unsigned)number(optarg, 1, WORKERS_MAX);
			break;
		case 'm':
			size = number(optarg, 16, 512) * MIB;
			break;
		case '+':
			turn(optarg, false);
			break;
		case '-':
			turn(optarg, true);
			break;
		case 'o':
			only(optarg);
			break;
		case 'c':
			counts = true;
			break;
		default:
			refuse("wrong usage", argv[optind - 1]);
		}
	}
	if (optind < argc)
		refuse("not an option", argv[optind]);
}

/* -- threads ------------------------------------------------------------------------- */

static void *work(void *argument)
{
	struct worker *me = argument;

	traps_begin(me);
	transfer_open(me);
	worker_fill_all(me);
	while (now() < end) {
		worker_step(me);
		family_reap(me, false);
	}
	worker_check_all(me);
	family_reap(me, true);
	heap_free_all(me);
	transfer_close(me);
	return NULL;
}

static void run_all(void)
{
	pthread_t thread[WORKERS_MAX];

	end = now() + seconds;
	for (unsigned i = 0; i < workers; i++) {
		worker[i].number = i;
		worker[i].dice = dice_new(seed, i + 1);
		worker[i].operation = operations;
		if (pthread_create(&thread[i], NULL, work, &worker[i]))
			exit(2);
	}
	for (unsigned i = 0; i < workers; i++)
		pthread_join(thread[i], NULL);
}

/* -- what was done ------------------------------------------------------------------- */

static void print_counts(unsigned i)
{
	uint64_t done = 0, refused = 0;

	for (unsigned k = 0; k < workers; k++) {
		done += worker[k].done[i];
		refused += worker[k].refused[i];
	}
	if (done || refused)
		printf("%16s %10llu calls, %llu refused\n", operations[i].name,
		       (unsigned long long)done, (unsigned long long)refused);
}

static void print_totals(void)
{
	uint64_t steps = 0, checked = 0;

	for (unsigned i = 0; i < operation_count && counts; i++)
		print_counts(i);
	for (unsigned i = 0; i < workers; i++) {
		steps += worker[i].steps;
		checked += worker[i].pages_checked;
	}
	printf("address-space: %llu operations, %llu pages checked, no difference\n",
	       (unsigned long long)steps, (unsigned long long)checked);
}

int main(int argc, char **argv)
{
	struct dice dice;

	seed = (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	parse(argc, argv);
	printf("address-space: --seed=%llu --threads=%u --size=%zu --seconds=%u\n",
	       (unsigned long long)seed, workers, size / MIB, seconds);
	fflush(stdout);
	dice = dice_new(seed, 0);
	if (!model_make(&dice, size / (size_t)sysconf(_SC_PAGESIZE), workers)) {
		fprintf(stderr, "address-space: the field cannot be mapped\n");
		return 2;
	}
	traps_set();
	run_all();
	print_totals();
	return 0;
}
