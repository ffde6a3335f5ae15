/* SPDX-License-Identifier: MIT */
/* top_list.c - the processes that spill top lists: see top_list.h */
#include "top/top_list.h"
#include "common/tool.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct table_column top_columns[TOP_COLUMNS] = {
	[TOP_PID] = { "PID", "pid", TABLE_COUNT, 7 },
	[TOP_USER] = { "USER", "user", TABLE_TEXT, 8 },
	[TOP_BUDGET] = { "BUDGET", NULL, TABLE_BYTES, 6 },
	[TOP_RESIDENT] = { "RESIDENT", "resident", TABLE_BYTES, 8 },
	[TOP_CACHED] = { "CACHED", "cached", TABLE_BYTES, 6 },
	[TOP_COMPRESSED] = { "COMPR", "compressed_size", TABLE_BYTES, 5 },
	[TOP_SWAPPED] = { "SWAPPED", "swapped", TABLE_BYTES, 7 },
	[TOP_SOFT] = { "SOFT", "faults_soft_per_second", TABLE_RATE, 5 },
	[TOP_MAJOR] = { "MAJOR", "faults_major_per_second", TABLE_RATE, 5 },
	[TOP_READ] = { "READ", "bytes_read_per_second", TABLE_BYTES, 5 },
	[TOP_WRITE] = { "WRITE", "bytes_written_per_second", TABLE_BYTES, 5 },
	[TOP_P99] = { "P99", "latency_major_p99_seconds", TABLE_TIME, 5 },
	[TOP_COMMAND] = { "COMMAND", "command", TABLE_TEXT, 0 },
};

/* The width of a terminal from which on each column is shown.  80 columns have room for the longest
 * name of a command, 15 characters. */
static const unsigned wide_enough[TOP_COLUMNS] = {
	[TOP_RESIDENT] = 30, [TOP_SWAPPED] = 22, [TOP_MAJOR] = 36,	 [TOP_SOFT] = 50,
	[TOP_READ] = 56,     [TOP_CACHED] = 64,	 [TOP_WRITE] = 70,	 [TOP_USER] = 80,
	[TOP_P99] = 86,	     [TOP_BUDGET] = 94,	 [TOP_COMPRESSED] = 100,
};

bool top_column_fits(enum top_column column, unsigned width)
{
	return width >= wide_enough[column];
}

static struct table_value number_of(const struct live *live, const struct live_process *process,
				    enum top_column column)
{
	const struct survey_process *was = &process->was;
	uint64_t budget = live->command[process->command].share.budget;
	double values[TOP_COLUMNS] = {
		[TOP_PID] = was->pid,
		[TOP_BUDGET] = table_or_none(budget, (double)budget),
		[TOP_RESIDENT] = (double)was->sum.resident,
		[TOP_CACHED] = table_or_none(was->paged, (double)was->sum.cached),
		[TOP_COMPRESSED] = table_or_none(was->paged, (double)was->sum.compressed_size),
		[TOP_SWAPPED] = table_or_none(was->paged, (double)was->sum.swapped),
		[TOP_SOFT] = process->rate[LIVE_SOFT],
		[TOP_MAJOR] = process->rate[LIVE_MAJOR],
		[TOP_READ] = process->rate[LIVE_READ],
		[TOP_WRITE] = process->rate[LIVE_WRITTEN],
		[TOP_P99] = process->p99,
	};

	return (struct table_value){ .number = values[column] };
}

struct table_value top_value(const struct live *live, const struct live_process *process,
			     enum top_column column, char text[16])
{
	if (column == TOP_USER)
		return (struct table_value){ .text = tool_user_name(process->was.user, text) };
	if (column == TOP_COMMAND)
		return (struct table_value){ .text = process->was.name };
	return number_of(live, process, column);
}

/* -- order --------------------------------------------------------------------------------- */

/* What a row is sorted by. */
struct key {
	size_t process;
	uint32_t pid;
	double number;
	char text[16];
};

bool top_list_descends(const struct top_list *list)
{
	bool usual = top_columns[list->sort].kind != TABLE_TEXT && list->sort != TOP_PID;

	return usual != list->upwards;
}

/* What is missing comes last, in either order. */
static int compare_numbers(double one, double other, bool descends)
{
	if (isnan(one) || isnan(other))
		return isnan(one) - isnan(other);
	if (one == other)
		return 0;
	return (one < other) != descends ? -1 : 1;
}

static int compare(const void *a, const void *b, void *context)
{
	const struct top_list *list = context;
	const struct key *one = a, *other = b;
	bool descends = top_list_descends(list);
	int sign = compare_numbers(one->number, other->number, descends);

	if (!sign)
		sign = strcmp(one->text, other->text) * (descends ? -1 : 1);
	return sign ? sign : one->pid < other->pid ? -1 : 1;
}

static void fill_key(struct key *key, const struct live *live, size_t process, enum top_column sort)
{
	char text[16];
	struct table_value value = top_value(live, &live->process[process], sort, text);

	key->process = process;
	key->pid = live->process[process].was.pid;
	key->number = value.number;
	snprintf(key->text, sizeof(key->text), "%s", value.text ? value.text : "");
}

static void sort(struct top_list *list, const struct live *live)
{
	struct key *keys = calloc(list->rows, sizeof(*keys));

	if (!keys)
		abort();
	for (size_t i = 0; i < list->rows; i++)
		fill_key(&keys[i], live, i, list->sort);
	qsort_r(keys, list->rows, sizeof(*keys), compare, list);
	for (size_t i = 0; i < list->rows; i++)
		list->row[i] = keys[i].process;
	free(keys);
}

/* -- the selection ------------------------------------------------------------------------- */

const struct live_process *top_list_selected(const struct top_list *list, const struct live *live)
{
	return list->selected < list->rows ? &live->process[list->row[list->selected]] : NULL;
}

static void select_row(struct top_list *list, const struct live *live, size_t row)
{
	list->selected = row < list->rows ? row : list->rows ? list->rows - 1 : 0;
	list->pid = list->rows ? top_list_selected(list, live)->was.pid : 0;
}

void top_list_update(struct top_list *list, const struct live *live)
{
	size_t selected = list->selected;

	list->rows = live->processes;
	list->row = reallocarray(list->row, list->rows + 1, sizeof(*list->row));
	if (!list->row)
		abort();
	if (list->rows)
		sort(list, live);
	for (size_t i = 0; i < list->rows; i++)
		if (live->process[list->row[i]].was.pid == list->pid)
			selected = i;
	select_row(list, live, selected);
}

void top_list_move(struct top_list *list, const struct live *live, long rows)
{
	size_t up = rows < 0 ? (size_t)-rows : 0;

	if (rows < 0)
		select_row(list, live, list->selected > up ? list->selected - up : 0);
	else if ((size_t)rows < list->rows)
		select_row(list, live, list->selected + (size_t)rows);
	else
		select_row(list, live, list->rows);
}

void top_list_sort_next(struct top_list *list, int step, unsigned width)
{
	do
		list->sort = (list->sort + TOP_COLUMNS + (unsigned)step) % TOP_COLUMNS;
	while (!top_column_fits(list->sort, width));
}

void top_list_free(struct top_list *list)
{
	free(list->row);
}
