/* SPDX-License-Identifier: MIT */
/* bench.c - one workload, one kind of memory: options, and which workload it is
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "count.h"
#include "crew.h"

static const char help[] =
	"Usage: bench --workload=NAME [OPTION]...\n"
	"\n"
	"Runs one workload on one kind of memory, and prints one line of JSON.\n"
	"\n"
	"      --memory=KIND       library, plain (the default) or file\n"
	"      --huge=yes|no       not file: MADV_HUGEPAGE, MADV_NOHUGEPAGE; else as the system has it\n"
	"      --path=FILE         file: the file, which is overwritten\n"
	"      --swap=TARGETS      library: where to page to; device: the directory to measure\n"
	"      --budget=SIZE       library: the budget; else how much is exchanged by warming (64M)\n"
	"      --data=SIZE         what is worked on (128M)\n"
	"      --regions=N         that the data is made of (1)\n"
	"      --threads=N         that work (1)\n"
	"      --handlers=N        library: that serve faults\n"
	"      --seed=N            of the random numbers (1)\n"
	"      --operations=N      at most so many (pages once around; else until the time is over)\n"
	"      --seconds=S         at most so long, where the work is not fixed (5)\n"
	"      --slow=US           touches that take longer count as slow (5)\n"
	"      --scan-rate=MB      zipf-scan: MB/s of the scan (100)\n"
	"      --hogs=N            processes that keep CPUs busy meanwhile (0)\n"
	"      --readers=N         processes that read the statistics meanwhile, ten times a second (0)\n"
	"      --fifo=CPU          a SCHED_FIFO thread that keeps this CPU busy meanwhile\n"
	"      --cpus=N            uses no more CPUs than these, other processes excepted\n"
	"      --count             counts system calls, frames and others meanwhile, as root\n"
	"      --compressible      data that LZ4 packs to 1 : 2.4, page by page\n"
	"      --list              lists the workloads, and exits\n"
	"      --help              prints this, and exits\n";

_Noreturn void bench_fail(const char *format, ...)
{
	va_list args;

	fputs("bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	/* Other threads may still be at work in the memory. */
	_Exit(EXIT_FAILURE);
}

_Noreturn void bench_fail_errno(const char *what)
{
	bench_fail("%s: %s", what, strerror(errno));
}

/* -- workloads ---------------------------------------------------------------------------- */

static const struct workload *const tables[] = { stream_workloads, random_workloads, job_workloads,
						 other_workloads };
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static void list_workloads(void)
{
	for (size_t t = 0; t < TABLES; t++)
		for (const struct workload *w = tables[t]; w->name; w++)
			printf("%s\t%s\n", w->name, w->unit);
}

static const struct workload *find_workload(const char *name)
{
	for (size_t t = 0; t < TABLES; t++)
		for (const struct workload *w = tables[t]; w->name; w++)
			if (strcmp(w->name, name) == 0)
				return w;
	bench_fail("there is no workload %s; see --list", name);
}

/* -- options ------------------------------------------------------------------------------ */

enum {
	OPTION_WORKLOAD = 256,
	OPTION_MEMORY,
	OPTION_HUGE,
	OPTION_PATH,
	OPTION_SWAP,
	OPTION_BUDGET,
	OPTION_DATA,
	OPTION_REGIONS,
	OPTION_THREADS,
	OPTION_HANDLERS,
	OPTION_SEED,
	OPTION_OPERATIONS,
	OPTION_SECONDS,
	OPTION_SLOW,
	OPTION_SCAN_RATE,
	OPTION_HOGS,
	OPTION_READERS,
	OPTION_FIFO,
	OPTION_CPUS,
	OPTION_COUNT,
	OPTION_COMPRESSIBLE,
	OPTION_LIST,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "workload", required_argument, NULL, OPTION_WORKLOAD },
	{ "memory", required_argument, NULL, OPTION_MEMORY },
	{ "huge", required_argument, NULL, OPTION_HUGE },
	{ "path", required_argument, NULL, OPTION_PATH },
	{ "swap", required_argument, NULL, OPTION_SWAP },
	{ "budget", required_argument, NULL, OPTION_BUDGET },
	{ "data", required_argument, NULL, OPTION_DATA },
	{ "regions", required_argument, NULL, OPTION_REGIONS },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ "handlers", required_argument, NULL, OPTION_HANDLERS },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "operations", required_argument, NULL, OPTION_OPERATIONS },
	{ "seconds", required_argument, NULL, OPTION_SECONDS },
	{ "slow", required_argument, NULL, OPTION_SLOW },
	{ "scan-rate", required_argument, NULL, OPTION_SCAN_RATE },
	{ "hogs", required_argument, NULL, OPTION_HOGS },
	{ "readers", required_argument, NULL, OPTION_READERS },
	{ "fifo", required_argument, NULL, OPTION_FIFO },
	{ "cpus", required_argument, NULL, OPTION_CPUS },
	{ "count", no_argument, NULL, OPTION_COUNT },
	{ "compressible", no_argument, NULL, OPTION_COMPRESSIBLE },
	{ "list", no_argument, NULL, OPTION_LIST },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static double number(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || n < 0)
		bench_fail("%s is not a number", text);
	return n;
}

static size_t size(const char *text)
{
	static const char units[] = "KMGT";
	char *end;
	double n = strtod(text, &end);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (unit) {
		n *= (double)((size_t)1 << 10 * (unit - units + 1));
		end++;
	}
	if (end == text || *end || n < 1)
		bench_fail("%s is not a size (such as 64M)", text);
	return (size_t)n;
}

/* Which of the names it is. */
static int choice(const char *text, const char *const names[], int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	bench_fail("%s is none of %s, %s ...", text, names[0], names[1]);
}

static void set_kind(struct options *options, int c)
{
	static const char *const kinds[] = { "library", "plain", "file" };
	static const char *const huge[] = { "default", "yes", "no" };

	if (c == OPTION_MEMORY)
		options->memory = (enum memory_kind)choice(optarg, kinds, 3);
	else
		options->huge = (enum huge_pages)choice(optarg, huge, 3);
}

static void set_amount(struct options *options, int c)
{
	switch (c) {
	case OPTION_BUDGET:
		options->budget = size(optarg);
		return;
	case OPTION_DATA:
		options->data = size(optarg);
		return;
	case OPTION_SECONDS:
		options->seconds = number(optarg);
		return;
	case OPTION_SLOW:
		options->slow_us = number(optarg);
		return;
	default:
		options->scan_rate = number(optarg);
	}
}

static void set_count(struct options *options, int c)
{
	double n = number(optarg);

	switch (c) {
	case OPTION_REGIONS:
		options->regions = (size_t)n;
		return;
	case OPTION_THREADS:
		options->threads = (unsigned)n;
		return;
	case OPTION_HANDLERS:
		options->handlers = (unsigned)n;
		return;
	case OPTION_SEED:
		options->seed = (uint64_t)n;
		return;
	case OPTION_OPERATIONS:
		options->operations = (uint64_t)n;
		return;
	case OPTION_HOGS:
		options->hogs = (unsigned)n;
		return;
	case OPTION_READERS:
		options->readers = (unsigned)n;
		return;
	case OPTION_CPUS:
		options->cpus = (unsigned)n;
		return;
	default:
		options->fifo_cpu = (int)n;
	}
}

static void set_option(struct options *options, int c)
{
	switch (c) {
	case OPTION_WORKLOAD:
		options->workload = optarg;
		return;
	case OPTION_PATH:
		options->path = optarg;
		return;
	case OPTION_SWAP:
		options->swap = optarg;
		return;
	case OPTION_COMPRESSIBLE:
		options->compressible = true;
		break;
	case OPTION_COUNT:
		options->count = true;
		return;
	case OPTION_MEMORY:
	case OPTION_HUGE:
		set_kind(options, c);
		return;
	case OPTION_BUDGET:
	case OPTION_DATA:
	case OPTION_SECONDS:
	case OPTION_SLOW:
	case OPTION_SCAN_RATE:
		set_amount(options, c);
		return;
	default:
		set_count(options, c);
	}
}

/* What to do instead of a workload. */
static void answer(int c)
{
	if (c == OPTION_LIST)
		list_workloads();
	else if (c == OPTION_HELP)
		fputs(help, stdout);
	else
		exit(EXIT_FAILURE); /* getopt has said why */
	exit(EXIT_SUCCESS);
}

/* The first ones.  Threads that are started later inherit this. */
static void use_cpus(unsigned n)
{
	cpu_set_t all, some;

	if (sched_getaffinity(0, sizeof(all), &all))
		bench_fail_errno("sched_getaffinity");
	CPU_ZERO(&some);
	for (int cpu = 0; cpu < CPU_SETSIZE && n; cpu++)
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &some);
			n--;
		}
	if (sched_setaffinity(0, sizeof(some), &some))
		bench_fail_errno("sched_setaffinity");
}

int main(int argc, char **argv)
{
	struct options options = { .memory = MEMORY_PLAIN,
				   .budget = 64 * MIB,
				   .data = 128 * MIB,
				   .regions = 1,
				   .threads = 1,
				   .seed = 1,
				   .seconds = 5,
				   .slow_us = 5,
				   .scan_rate = 100,
				   .fifo_cpu = -1 };
	const struct workload *workload;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (c == OPTION_LIST || c == OPTION_HELP || c == '?')
			answer(c);
		else
			set_option(&options, c);
	if (optind < argc || !options.workload)
		bench_fail("what is the workload? see --help");
	if (!options.threads || !options.regions)
		bench_fail("there is no work without threads and regions");
	if (options.memory == MEMORY_FILE && !options.path)
		bench_fail("--memory=file needs --path=FILE");
	workload = find_workload(options.workload);
	neighbours_start(&options);
	count_want(options.count);
	if (options.cpus)
		use_cpus(options.cpus);
	workload->run(&options);
	return 0;
}
