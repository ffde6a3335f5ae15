/* SPDX-License-Identifier: MIT */
/* stat.c - spill stat: what the pagers do, a line for each interval */
#include "common/table.h"
#include "common/tool.h"
#include "processes/processes.h"
#include "processes/rate.h"
#include "processes/survey.h"
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"Usage: spill stat [OPTION]... [PID|all [INTERVAL [COUNT]]]\n"
	"\n"
	"Reports what pagers do, as vmstat(8) does for the kernel: a line every INTERVAL seconds,\n"
	"COUNT times; without an INTERVAL, one line for one second.  It reports on process PID, or\n"
	"on its whole command if the process needs no paging itself (a shell).  The default is all\n"
	"processes that run under spill.\n"
	"\n"
	"      --json    print an object on each line, for programs\n"
	"      --help    print this, and exit\n"
	"\n"
	"ZERO, SOFT, MAJOR: page faults a second on new pages, on evicted pages that needed no\n"
	"read, and on those that needed one; HIT: faults on evicted pages that needed none, in\n"
	"percent; WZ, WS, WM: how long threads waited for each kind, in percent of the time of\n"
	"one; IN, OUT: pages a second; READ, WRITE: bytes a second; P50, P99: half of the faults,\n"
	"and 99 of 100, took no longer; QUEUE: reads and writes in flight; CPU: of the pagers, in\n"
	"percent of one CPU.  With compressed pages (--compress of `spill run'), COMP: faults on\n"
	"them; WC: the wait for these; SIZE: memory that holds them; RATIO: their size to that.\n";

enum { OPTION_JSON = 256, OPTION_HELP };

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

enum {
	ZERO,
	SOFT,
	MAJOR,
	HIT,
	WZ,
	WS,
	WM,
	IN,
	OUT,
	READ,
	WRITE,
	P50,
	P99,
	QUEUE,
	CPU,
	COMP,
	WC,
	SIZE,
	RATIO,
	COLUMNS
};

/* What people see while nothing is compressed: this fits into 80 columns. */
#define PLAIN_COLUMNS COMP

static const struct table_column columns[COLUMNS] = {
	[ZERO] = { "ZERO", "faults_zero_per_second", TABLE_RATE, 5 },
	[SOFT] = { "SOFT", "faults_soft_per_second", TABLE_RATE, 5 },
	[MAJOR] = { "MAJOR", "faults_major_per_second", TABLE_RATE, 5 },
	[HIT] = { "HIT", "hit_ratio", TABLE_PERCENT, 3 },
	[WZ] = { "WZ", "waiting_zero", TABLE_PERCENT, 3 },
	[WS] = { "WS", "waiting_soft", TABLE_PERCENT, 3 },
	[WM] = { "WM", "waiting_major", TABLE_PERCENT, 3 },
	[IN] = { "IN", "pages_read_per_second", TABLE_RATE, 5 },
	[OUT] = { "OUT", "pages_evicted_per_second", TABLE_RATE, 5 },
	[READ] = { "READ", "bytes_read_per_second", TABLE_BYTES, 5 },
	[WRITE] = { "WRITE", "bytes_written_per_second", TABLE_BYTES, 5 },
	[P50] = { "P50", "latency_p50_seconds", TABLE_TIME, 5 },
	[P99] = { "P99", "latency_p99_seconds", TABLE_TIME, 5 },
	[QUEUE] = { "QUEUE", "queue_depth", TABLE_RATE, 5 },
	[CPU] = { "CPU", "handler_cpu", TABLE_PERCENT, 4 },
	[COMP] = { "COMP", "faults_compressed_per_second", TABLE_RATE, 5 },
	[WC] = { "WC", "waiting_compressed", TABLE_PERCENT, 3 },
	[SIZE] = { "SIZE", "compressed_size", TABLE_BYTES, 5 },
	[RATIO] = { "RATIO", "compression_ratio", TABLE_RATE, 5 },
};

/* Titles are repeated before anybody forgets them. */
#define LINES_A_TITLE 20

struct sample {
	uint64_t time; /* ns */
	struct stats sum;
	uint64_t cpu;
};

/* CPU time that a process's handlers had used at the last look. */
struct used {
	uint32_t pid;
	uint64_t mark;
	uint64_t ns;
};

struct watch {
	struct survey survey;
	struct used *used; /* one for each process of the survey */
	size_t used_count;
	uint64_t cpu; /* ns: of all handlers, including processes that have ended */
	uint32_t pid; /* the one process; 0: everything that the survey finds */
	bool json;
	size_t columns;	 /* of the last titles; 0: there are none yet */
	double interval; /* seconds */
	unsigned long count;
};

/* -- samples ------------------------------------------------------------------------------- */

static uint64_t used_before(const struct watch *watch, const struct survey_process *process)
{
	for (size_t i = 0; i < watch->used_count; i++)
		if (watch->used[i].pid == process->pid && watch->used[i].mark == process->mark)
			return watch->used[i].ns;
	return 0;
}

/* A process that has ended cannot be asked, but must not make the sum smaller. */
static void add_cpu(struct watch *watch)
{
	const struct survey *survey = &watch->survey;
	struct used *used = calloc(survey->processes + 1, sizeof(*used));

	if (!used)
		abort();
	for (size_t i = 0; i < survey->processes; i++) {
		const struct survey_process *process = &survey->process[i];
		uint64_t before = used_before(watch, process), ns = survey_cpu(process);

		used[i] = (struct used){ process->pid, process->mark, ns };
		watch->cpu += ns > before ? ns - before : 0;
	}
	free(watch->used);
	watch->used = used;
	watch->used_count = survey->processes;
}

/* What is compressed now, which only living processes have. */
static void add_compressed(const struct survey *survey, struct stats *sum)
{
	for (size_t i = 0; i < survey->processes; i++) {
		stat_add(&sum->compressed, survey->process[i].sum.compressed);
		stat_add(&sum->compressed_size, survey->process[i].sum.compressed_size);
	}
}

/* false: everything that was watched has ended. */
static bool take(struct watch *watch, struct sample *ret)
{
	struct survey *survey = &watch->survey;
	bool any = survey_take(survey, watch->pid) == 0;

	*ret = (struct sample){ .time = rate_now() };
	if (watch->pid && any) {
		stats_add(&ret->sum, &survey->process[0].sum);
	} else {
		survey_sum(survey, &ret->sum);
		add_compressed(survey, &ret->sum);
	}
	add_cpu(watch);
	ret->cpu = watch->cpu;
	return any;
}

static void compare(const struct sample *before, const struct sample *after,
		    struct table_value values[COLUMNS])
{
	const struct stats *from = &before->sum, *to = &after->sum;
	uint64_t ns = after->time - before->time;
	double hits;

#define RATE(name) rate(from->name, to->name, ns)
	values[ZERO].number = RATE(faults_zero);
	values[SOFT].number = RATE(faults_soft);
	values[MAJOR].number = RATE(faults_major);
	values[COMP].number = RATE(faults_compressed);
	hits = values[SOFT].number + values[COMP].number;
	values[HIT].number = hits / (hits + values[MAJOR].number);
	values[WZ].number = rate_waited(from, to, LATENCY_ZERO, ns);
	values[WS].number = rate_waited(from, to, LATENCY_SOFT, ns);
	values[WM].number = rate_waited(from, to, LATENCY_MAJOR, ns);
	values[WC].number = rate_waited(from, to, LATENCY_COMPRESSED, ns);
	values[SIZE].number = (double)to->compressed_size;
	values[RATIO].number = table_or_none(to->compressed_size,
					     (double)to->compressed / (double)to->compressed_size);
	values[IN].number = RATE(pages_read);
	values[OUT].number = RATE(pages_evicted);
	values[READ].number = RATE(bytes_read);
	values[WRITE].number = RATE(bytes_written);
	values[QUEUE].number = (RATE(read_time) + RATE(write_time)) / 1e9;
#undef RATE
	values[CPU].number = rate(before->cpu, after->cpu, ns) / 1e9;
	values[P50].number = rate_latency(from, to, RATE_ALL_KINDS, 0.5);
	values[P99].number = rate_latency(from, to, RATE_ALL_KINDS, 0.99);
}

/* -- the loop ------------------------------------------------------------------------------ */

static json_t *object_of(const struct stats *sum, const struct table_value values[COLUMNS])
{
	json_t *object = table_object(columns, COLUMNS, values);

#define SET(name) json_object_set_new(object, #name, json_integer((json_int_t)sum->name));
	STATS_CHOICES(SET)
#undef SET
	return object;
}

static void print(struct watch *watch, const struct stats *sum,
		  const struct table_value values[COLUMNS], unsigned long line)
{
	if (watch->json) {
		table_print_json(object_of(sum, values), true);
	} else {
		size_t n = sum->pages_compressed ? COLUMNS : PLAIN_COLUMNS;

		if (n != watch->columns || (isatty(STDOUT_FILENO) && line % LINES_A_TITLE == 0))
			table_print_titles(columns, n);
		watch->columns = n;
		table_print(columns, n, values);
	}
	fflush(stdout);
}

static int run(struct watch *watch)
{
	struct sample before, after;
	struct table_value values[COLUMNS] = { 0 };
	uint64_t next;
	bool more;

	take(watch, &before);
	next = before.time;
	for (unsigned long line = 0; line < watch->count; line++) {
		next += (uint64_t)(watch->interval * 1e9);
		rate_sleep_until(next);
		more = take(watch, &after);
		/* Nothing is left to read of a single process. */
		if (!more && watch->pid)
			break;
		compare(&before, &after, values);
		print(watch, &after.sum, values, line);
		if (!more || ferror(stdout))
			break;
		before = after;
	}
	return 0;
}

/* -- what is wanted ------------------------------------------------------------------------ */

static int find(struct watch *watch, const char *text)
{
	struct survey *survey = &watch->survey;
	int err = survey_take(survey, watch->pid);

	if (err == -ENOENT && !watch->pid)
		return tool_fail("nothing runs under spill");
	if (err)
		return processes_refuse(text, err);
	/* It has no pager of its own, so show its command. */
	if (watch->pid && !survey->process[0].paged) {
		watch->pid = 0;
		survey->only_these = true;
	}
	return 0;
}

static int parse_operands(struct watch *watch, char **operands)
{
	char *end;

	watch->interval = 1;
	watch->count = 1;
	if (!operands[0])
		return 0;
	if (strcmp(operands[0], "all") != 0 && tool_parse_pid(operands[0], &watch->pid))
		return tool_fail("%s is neither a process number nor `all'", operands[0]);
	if (!operands[1])
		return 0;
	watch->count = (unsigned long)-1;
	if (tool_parse_interval(operands[1], &watch->interval))
		return tool_fail("%s is not an interval: 0.01 to 86400 seconds", operands[1]);
	if (!operands[2])
		return 0;
	watch->count = strtoul(operands[2], &end, 10);
	if (end == operands[2] || *end || *operands[2] == '-' || !watch->count)
		return tool_fail("%s is not a number of lines", operands[2]);
	if (operands[3])
		return tool_fail("%s is one argument too many; see `spill stat --help'",
				 operands[3]);
	return 0;
}

int stat_main(int argc, char **argv)
{
	static struct watch watch;
	int status, c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		if (c == OPTION_HELP)
			return tool_help(help);
		if (c != OPTION_JSON)
			return tool_bad_option(argv, c);
		watch.json = true;
	}
	status = parse_operands(&watch, argv + optind);
	if (!status)
		status = find(&watch, argv[optind]);
	if (!status)
		status = run(&watch);
	survey_free(&watch.survey);
	free(watch.used);
	return status;
}
