/* SPDX-License-Identifier: MIT */
/* ps.c - spill ps: the processes that run under spill */
#include "common/table.h"
#include "common/tool.h"
#include "processes/processes.h"
#include "processes/rate.h"
#include "processes/survey.h"
#include <getopt.h>
#include <time.h>

/* The time over which fault rates are taken. */
#define SAMPLE_NS 250000000

static const char help[] =
	"Usage: spill ps [OPTION]...\n"
	"\n"
	"Lists the processes that run under spill, yours or (for root) everybody's, and\n"
	"where their memory is.\n"
	"\n"
	"      --json    print JSON, for programs\n"
	"      --help    print this, and exit\n"
	"\n"
	"BUDGET is that of the whole command that a process belongs to.  RESIDENT, CACHED and\n"
	"SWAPPED are its own: mapped, evicted but still in memory, and in swap space; COMPR, if\n"
	"there is any, is memory that holds compressed pages.  SOFT/s and MAJOR/s are page faults\n"
	"that needed no read, and that needed one.  A process with `-' has needed no paging so far.\n";

enum { OPTION_JSON = 256, OPTION_HELP };

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

enum { PID, USER, BUDGET, RESIDENT, CACHED, COMPRESSED, SWAPPED, SOFT, MAJOR, COMMAND, COLUMNS };

static struct table_column columns[COLUMNS] = {
	[PID] = { "PID", "pid", TABLE_COUNT, 7 },
	[USER] = { "USER", "user", TABLE_TEXT, 8 },
	[BUDGET] = { "BUDGET", "budget", TABLE_BYTES, 6 },
	[RESIDENT] = { "RESIDENT", "resident", TABLE_BYTES, 8 },
	[CACHED] = { "CACHED", "cached", TABLE_BYTES, 6 },
	[COMPRESSED] = { "COMPR", "compressed_size", TABLE_BYTES, 5 },
	[SWAPPED] = { "SWAPPED", "swapped", TABLE_BYTES, 7 },
	[SOFT] = { "SOFT/s", "faults_soft_per_second", TABLE_RATE, 6 },
	[MAJOR] = { "MAJOR/s", "faults_major_per_second", TABLE_RATE, 7 },
	[COMMAND] = { "COMMAND", "command", TABLE_TEXT, 0 },
};

static void fill(struct table_value values[COLUMNS], const struct survey_process *before,
		 const struct survey_process *process, char number[16])
{
	uint64_t budget = survey_share(process).budget;
	const struct stats *sum = &process->sum;
	bool paged = process->paged;

	values[PID].number = process->pid;
	values[USER].text = tool_user_name(process->user, number);
	values[BUDGET].number = table_or_none(budget, (double)budget);
	values[RESIDENT].number = (double)sum->resident;
	values[CACHED].number = table_or_none(paged, (double)sum->cached);
	values[COMPRESSED].number = table_or_none(paged, (double)sum->compressed_size);
	values[SWAPPED].number = table_or_none(paged, (double)sum->swapped);
	values[SOFT].number =
		table_or_none(paged, rate(before->sum.faults_soft, sum->faults_soft, SAMPLE_NS));
	values[MAJOR].number =
		table_or_none(paged, rate(before->sum.faults_major, sum->faults_major, SAMPLE_NS));
	values[COMMAND].text = process->name;
}

static bool any_compressed(const struct survey *survey)
{
	for (size_t i = 0; i < survey->processes; i++)
		if (survey->process[i].sum.compressed_size)
			return true;
	return false;
}

static void print(const struct survey *first, const struct survey *second, bool json)
{
	json_t *list = json ? json_array() : NULL;

	/* Without it, every line fits into 80 columns. */
	if (!any_compressed(second))
		columns[COMPRESSED].title = NULL;
	if (!json)
		table_print_titles(columns, COLUMNS);
	for (size_t i = 0; i < second->processes; i++) {
		const struct survey_process *process = &second->process[i];
		const struct survey_process *before = survey_find(first, process);
		struct table_value values[COLUMNS];
		char number[16];

		fill(values, before ? before : process, process, number);
		if (json)
			json_array_append_new(list, table_object(columns, COLUMNS, values));
		else
			table_print(columns, COLUMNS, values);
	}
	if (json)
		table_print_json(list, false);
}

static int list_all(bool json)
{
	static const struct timespec pause = { 0, SAMPLE_NS };
	struct survey first = { 0 }, second = { 0 };

	/* Finding nothing is no error: ps(1) does the same. */
	if (survey_take(&first, 0) == 0)
		nanosleep(&pause, NULL);
	survey_take(&second, 0);
	print(&first, &second, json);
	survey_free(&first);
	survey_free(&second);
	return 0;
}

int ps_main(int argc, char **argv)
{
	bool json = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (c == OPTION_HELP)
			return tool_help(help);
		if (c != OPTION_JSON)
			return tool_bad_option(argv, c);
		json = true;
	}
	if (argv[optind])
		return tool_fail("%s: ps takes no arguments; see `spill ps --help'", argv[optind]);
	return list_all(json);
}
