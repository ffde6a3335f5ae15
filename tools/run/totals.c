/* SPDX-License-Identifier: MIT */
/* totals.c - what `spill run --stats` prints at the end
 *
 * Each process of the command has its own pager, with a part of the budget.  So counters are added
 * up over the processes, and gauges are those of the process that had the most.
 */
#include "run/totals.h"
#include "base/page.h"
#include "base/size.h"
#include "common/tool.h"
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

struct totals {
	const char *command;
	const struct outcome *outcome;
	uint64_t budget;    /* as it was asked for: there may be no pager to ask */
	unsigned processes; /* those whose pager armed */
	unsigned uncounted; /* of these, those without a slot */
	struct stats sum;   /* counters: sums; gauges: the most of any process */
};

/* -- adding up ------------------------------------------------------------------------ */

static void add_table(struct totals *totals, const struct stats_table *table)
{
	stats_fold(&totals->sum, &table->gone);
	for (uint32_t i = 0; i < stats_table_taken(table); i++) {
		if (!atomic_load(&table->slot[i].mark))
			continue;
		stats_fold(&totals->sum, &table->slot[i].stats);
		totals->processes++;
	}
	totals->uncounted = table->missed;
	totals->processes += table->closed + totals->uncounted;
	if (totals->processes == 0)
		totals->sum.budget = totals->budget;
}

static uint64_t max_rss(const struct totals *totals)
{
	return (uint64_t)totals->outcome->usage.ru_maxrss << 10;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* How many of the faults on evicted pages needed no read; -1: there were none. */
static double hit_ratio(const struct stats *sum)
{
	uint64_t hits = sum->faults_soft + sum->faults_compressed;
	uint64_t evicted = hits + sum->faults_major;

	return evicted ? (double)hits / (double)evicted : -1;
}

/* How long threads waited for faults of this kind, in seconds. */
static double waited(const struct stats *sum, enum latency_kind kind)
{
	return (double)stats_waited(sum, kind) / 1e9;
}

/* -- for people ----------------------------------------------------------------------- */

#define LABEL "  %-12s "
#define VALUE LABEL "%10s  "

static void print_head(FILE *file, const struct totals *totals)
{
	int status = totals->outcome->status;

	if (WIFSIGNALED(status))
		fprintf(file, "spill: %s was killed by signal %d (%s)\n", totals->command,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fprintf(file, "spill: %s ended with exit status %d\n", totals->command,
			WEXITSTATUS(status));
}

static void print_size(FILE *file, const char *label, uint64_t bytes)
{
	char size[SIZE_TEXT];

	fprintf(file, VALUE, label, size_format(size, bytes));
}

static void print_time(FILE *file, const struct totals *totals)
{
	const struct outcome *outcome = totals->outcome;
	char text[32];

	snprintf(text, sizeof(text), "%.2f s", outcome->seconds);
	fprintf(file, VALUE "user %.2f s, system %.2f s\n", "time", text,
		seconds_of(outcome->usage.ru_utime), seconds_of(outcome->usage.ru_stime));
}

static void print_memory(FILE *file, const struct totals *totals)
{
	char size[SIZE_TEXT];

	print_size(file, "budget", totals->sum.budget);
	if (totals->processes > 1)
		fprintf(file, "for the whole command; %u of its processes needed paging\n",
			totals->processes);
	else
		fputs("for the whole command\n", file);
	if (totals->processes) {
		print_size(file, "peak", totals->sum.peak);
		fputs("held by the pager at most\n", file);
	}
	print_size(file, "resident", max_rss(totals));
	fputs("at most, everything counted", file);
	if (totals->sum.unmanaged_peak)
		fprintf(file, "; %s of it unmanaged",
			size_format(size, totals->sum.unmanaged_peak));
	fputc('\n', file);
}

static void print_faults(FILE *file, const struct stats *sum)
{
	uint64_t all = sum->faults_zero + sum->faults_soft + sum->faults_compressed +
		       sum->faults_major + sum->faults_other;
	double ratio = hit_ratio(sum);
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, all);
	fprintf(file, VALUE "%" PRIu64 " zero, %" PRIu64 " soft, ", "faults", text,
		sum->faults_zero, sum->faults_soft);
	if (sum->pages_compressed)
		fprintf(file, "%" PRIu64 " compressed, ", sum->faults_compressed);
	fprintf(file, "%" PRIu64 " major, %" PRIu64 " other\n", sum->faults_major,
		sum->faults_other);
	if (ratio < 0)
		strcpy(text, "-");
	else
		snprintf(text, sizeof(text), "%.1f %%", 100 * ratio);
	fprintf(file, VALUE "of the faults on evicted pages needed no read\n", "hit ratio", text);
}

static void print_waited(FILE *file, const struct stats *sum)
{
	double zero = waited(sum, LATENCY_ZERO), soft = waited(sum, LATENCY_SOFT);
	double major = waited(sum, LATENCY_MAJOR), packed = waited(sum, LATENCY_COMPRESSED);
	double all = zero + soft + packed + major;
	char text[32];

	snprintf(text, sizeof(text), "%.2f s", all);
	fprintf(file, VALUE, "waited", text);
	if (all <= 0) {
		fputs("for faults\n", file);
		return;
	}
	fprintf(file, "for faults: %.0f %% zero, %.0f %% soft, ", 100 * zero / all,
		100 * soft / all);
	if (sum->pages_compressed)
		fprintf(file, "%.0f %% compressed, ", 100 * packed / all);
	fprintf(file, "%.0f %% major\n", 100 * major / all);
}

static void print_evicted(FILE *file, const struct stats *sum)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, sum->pages_evicted);
	fprintf(file, VALUE "pages, %" PRIu64 " of them clean (not written)\n", "evicted", text,
		sum->pages_clean);
}

/* What was packed, and what of it went on. */
static void print_compressed(FILE *file, const struct stats *sum)
{
	char text[32];

	if (!sum->pages_compressed)
		return;
	snprintf(text, sizeof(text), "%" PRIu64, sum->pages_compressed);
	fprintf(file, VALUE "pages, ", "compressed", text);
	if (sum->bytes_packed)
		fprintf(file, "%.1f to 1; ",
			(double)(sum->pages_compressed * page_size()) / (double)sum->bytes_packed);
	fprintf(file, "%" PRIu64 " went on to swap space\n", sum->pages_passed);
}

static void print_transfer(FILE *file, const char *label, uint64_t bytes, uint64_t requests,
			   const char *name)
{
	char size[SIZE_TEXT];

	print_size(file, label, bytes);
	fprintf(file, "in %" PRIu64 " %s of %s each", requests, name,
		size_format(size, requests ? bytes / requests : 0));
}

static void print_errors(FILE *file, const struct stats *sum)
{
	if (sum->read_errors || sum->write_errors || sum->pages_poisoned)
		fprintf(file,
			LABEL "%10" PRIu64 "  failed reads, %" PRIu64 " failed writes, %" PRIu64
			      " pages lost\n",
			"errors", sum->read_errors, sum->write_errors, sum->pages_poisoned);
}

/* "moved out from 3 pages of a run on" */
static void print_choice(FILE *file, const char *what, uint64_t pages)
{
	if (pages)
		fprintf(file, "%s from %" PRIu64 " on", what, pages);
	else
		fprintf(file, "%s never", what);
}

static void print_choices(FILE *file, const struct stats *sum)
{
	fprintf(file, LABEL, "runs moved");
	print_choice(file, "out", sum->move_out);
	print_choice(file, ", back", sum->move_back);
	print_choice(file, ", in", sum->move_in);
	fprintf(file, "; handlers %s\n", sum->spinning ? "spin" : "do not spin");
}

static void print_text(FILE *file, const struct totals *totals)
{
	const struct stats *sum = &totals->sum;
	char size[SIZE_TEXT];

	print_head(file, totals);
	print_time(file, totals);
	print_memory(file, totals);
	if (totals->processes == 0) {
		fprintf(file, LABEL "memory never exceeded the budget: nothing was paged\n", "");
		return;
	}
	print_faults(file, sum);
	print_waited(file, sum);
	print_evicted(file, sum);
	print_compressed(file, sum);
	print_transfer(file, "written", sum->bytes_written, sum->writes, "writes");
	fprintf(file, "; %" PRIu64 " pages unread\n", sum->pages_unread);
	print_transfer(file, "read", sum->bytes_read, sum->reads, "reads");
	fputc('\n', file);
	print_size(file, "swap space", sum->swap_size);
	fprintf(file, "at most; tables took %s\n", size_format(size, sum->metadata));
	print_choices(file, sum);
	print_errors(file, sum);
	if (totals->uncounted)
		fprintf(file, LABEL "%u more processes were not counted\n", "", totals->uncounted);
}

/* -- for programs ------------------------------------------------------------------------ */

static void print_key(FILE *file, const char *key, uint64_t value)
{
	fprintf(file, "  \"%s\": %" PRIu64 ",\n", key, value);
}

static void print_key_seconds(FILE *file, const char *key, double seconds)
{
	fprintf(file, "  \"%s\": %.6f,\n", key, seconds);
}

/* The keys are an interface: spill-run(1) documents them. */
static void print_json(FILE *file, const struct totals *totals)
{
	const struct outcome *outcome = totals->outcome;
	double ratio = hit_ratio(&totals->sum);

	fputs("{\n", file);
	print_key(file, "exit_status", (uint64_t)outcome_exit_status(outcome));
	print_key(file, "signal",
		  WIFSIGNALED(outcome->status) ? (uint64_t)WTERMSIG(outcome->status) : 0);
	print_key_seconds(file, "elapsed_seconds", outcome->seconds);
	print_key_seconds(file, "user_seconds", seconds_of(outcome->usage.ru_utime));
	print_key_seconds(file, "system_seconds", seconds_of(outcome->usage.ru_stime));
	print_key(file, "max_rss", max_rss(totals));
	print_key(file, "processes", totals->processes);
#define PRINT(name) print_key(file, #name, totals->sum.name);
	STATS_GAUGES(PRINT)
	PRINT(unmanaged_peak)
	STATS_CHOICES(PRINT)
	STATS_COUNTERS(PRINT)
#undef PRINT
	print_key_seconds(file, "zero_seconds", waited(&totals->sum, LATENCY_ZERO));
	print_key_seconds(file, "soft_seconds", waited(&totals->sum, LATENCY_SOFT));
	print_key_seconds(file, "major_seconds", waited(&totals->sum, LATENCY_MAJOR));
	print_key_seconds(file, "compressed_seconds", waited(&totals->sum, LATENCY_COMPRESSED));
	if (ratio < 0)
		fputs("  \"hit_ratio\": null\n}\n", file);
	else
		fprintf(file, "  \"hit_ratio\": %.6f\n}\n", ratio);
}

void totals_print(FILE *file, bool json, const char *command, const struct options *options,
		  const struct stats_table *table, const struct outcome *outcome)
{
	struct totals totals = {
		.command = command,
		.outcome = outcome,
		.budget = options->budget,
	};

	add_table(&totals, table);
	if (json)
		print_json(file, &totals);
	else
		print_text(file, &totals);
}
