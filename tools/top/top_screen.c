/* SPDX-License-Identifier: MIT */
/* top_screen.c - how spill top draws what there is (top.h)
 *
 *	title
 *	a bar for each command, or for those around the selected one
 *	what the selected command did in the last minute
 *	the processes
 *	keys, or a message
 *
 * If there is no room for everything, the list keeps some lines, and the head gives up its own from
 * the bottom.
 */
#include "top/meter.h"
#include "top/screen.h"
#include "top/top.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ALL_COLUMNS 10000u

/* From this width on there is room for more than the minimum. */
#define WIDE 60

/* -- texts --------------------------------------------------------------------------------- */

static unsigned __attribute__((format(printf, 4, 5)))
put(unsigned line, unsigned column, enum screen_look look, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return screen_put(line, column, ALL_COLUMNS, look, text);
}

static unsigned put_number(unsigned line, unsigned column, int width, enum screen_look look,
			   enum table_kind kind, double number)
{
	struct table_value value = { .number = number };
	char cell[TABLE_CELL];

	return put(line, column, look, "%*s", width, table_format(cell, kind, &value));
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* -- which lines --------------------------------------------------------------------------- */

struct layout {
	unsigned bars;	  /* commands with a bar */
	bool legend;	  /* for the bars */
	bool heading;	  /* of the last minute: the command's name, and latencies */
	unsigned sparks;  /* lines of sparklines: for all series, for some, for none */
	unsigned columns; /* of sparklines: one, or two side by side */
	unsigned gaps;	  /* empty lines: above the list, above the heading */
	unsigned rows;	  /* of the list */
};

#define SPARK_LABEL 14 /* "MAJOR/s 7.89K " */
#define SPARK_MOST 6
#define SPARK_WIDTH (SPARK_LABEL + MINUTE_SECONDS + SPARK_MOST)

/* Takes this many lines, if they are left. */
static bool take(unsigned *left, unsigned lines)
{
	if (*left < lines)
		return false;
	*left -= lines;
	return true;
}

static unsigned least(size_t a, size_t b)
{
	return (unsigned)(a < b ? a : b);
}

static struct layout plan(const struct top *top)
{
	unsigned height = screen_height(), width = screen_width();
	unsigned left = height > 3 ? height - 3 : 0; /* title, the list's titles, keys */
	unsigned kept = least(top->list.rows, left / 3 > 3 ? left / 3 : 3);
	struct layout layout = { .columns = width > 2 * SPARK_WIDTH ? 2 : 1 };
	unsigned all = LIVE_SERIES / layout.columns;

	left -= least(kept, left);
	layout.bars = least(top->live.commands, left < 6 ? left > 0 : left / 3);
	left -= layout.bars;
	if (layout.bars) {
		layout.legend = width >= WIDE && take(&left, 1);
		layout.heading = take(&left, 1);
		layout.sparks = take(&left, all) ? all : take(&left, all / 2) ? all / 2 : 0;
		layout.gaps = take(&left, 2) ? 2 : take(&left, 1);
	}
	layout.rows = left + least(kept, height > 3 ? height - 3 : 0);
	return layout;
}

/* -- the title ----------------------------------------------------------------------------- */

static void draw_title(const struct top *top)
{
	unsigned width = screen_width(), column;
	time_t now = time(NULL);
	char text[64], clock[16];
	struct tm tm;

	column = put(0, 0, LOOK_BOLD, "spill top");
	column = put(0, column + 2, LOOK_PLAIN, "%zu command%s, %zu process%s", top->live.commands,
		     plural(top->live.commands), top->live.processes,
		     top->live.processes == 1 ? "" : "es");
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	if (top->frozen)
		snprintf(text, sizeof(text), "frozen");
	else
		snprintf(text, sizeof(text), "every %g s  %s", top->interval, clock);
	if (column + 2 + strlen(text) <= width)
		put(0, width - (unsigned)strlen(text), top->frozen ? LOOK_WARNING : LOOK_PLAIN,
		    "%s", text);
}

/* -- bars ---------------------------------------------------------------------------------- */

static const enum screen_look bar_looks[METER_PARTS] = {
	[METER_RESIDENT] = LOOK_RESIDENT,
	[METER_CACHED] = LOOK_CACHED,
	[METER_COMPRESSED] = LOOK_COMPRESSED,
	[METER_OTHER] = LOOK_OTHER,
	[METER_FREE] = LOOK_PLAIN,
	[METER_BUDGET] = LOOK_BOLD,
	[METER_SWAPPED] = LOOK_SWAPPED,
};

#define BAR_SWAPPED 7 /* columns after the bar */

static void draw_bar(unsigned line, unsigned column, unsigned width,
		     const struct live_command *command)
{
	uint64_t paged = command->resident + command->cached + command->compressed;
	struct meter_use use = {
		.budget = command->share.budget,
		.resident = command->resident,
		.cached = command->cached,
		.compressed = command->compressed,
		.other = command->share.held > paged ? command->share.held - paged : 0,
		.swapped = command->swapped,
	};
	struct meter_cell cells[512];

	if (width > 512)
		width = 512;
	meter_bar(cells, width, &use, screen_utf8());
	for (unsigned i = 0; i < width; i++)
		screen_put(line, column + i, 1, bar_looks[cells[i].part], cells[i].glyph);
}

/* Marks the selected row and its command, so that no colour is needed. */
static const char *selected_mark(void)
{
	return screen_utf8() ? "▸" : ">";
}

static unsigned name_width(void)
{
	return screen_width() >= 100 ? 15 : 10;
}

static void draw_command(unsigned line, const struct live_command *command, bool selected)
{
	unsigned width = screen_width(), column = 1;
	enum screen_look look = selected ? LOOK_BOLD : LOOK_PLAIN;

	if (selected)
		screen_put(line, 0, 1, LOOK_BOLD, selected_mark());
	if (width >= WIDE) {
		column = put(line, column, look, "%7u ", command->pid);
		screen_put(line, column, name_width(), look, command->name);
		column = put_number(line, column + name_width(), 6, look, TABLE_BYTES,
				    (double)command->share.held);
	} else {
		screen_put(line, column, 8, look, command->name);
		column += 8;
	}
	column = put_number(line, column, 7, look, TABLE_BYTES, (double)command->share.budget) + 1;
	if (width > column + BAR_SWAPPED + 2) {
		put(line, column, LOOK_DIM, "[");
		draw_bar(line, column + 1, width - column - BAR_SWAPPED - 2, command);
		put(line, width - BAR_SWAPPED - 1, LOOK_DIM, "]");
		put_number(line, width - BAR_SWAPPED, BAR_SWAPPED, look, TABLE_BYTES,
			   (double)command->swapped);
	}
}

static bool any_compressed(const struct live *live)
{
	for (size_t i = 0; i < live->commands; i++)
		if (live->command[i].compressed)
			return true;
	return false;
}

/* In the order of the bars' parts. */
static void draw_legend(unsigned line, bool compressed)
{
	static const struct {
		enum meter_part part;
		const char *name;
	} parts[] = {
		{ METER_RESIDENT, "resident " },
		{ METER_CACHED, "cached " },
		{ METER_COMPRESSED, "compr " },
		{ METER_OTHER, "other " },
		{ METER_BUDGET, "" },
		{ METER_SWAPPED, "swapped" },
	};
	unsigned column;

	column = put(line, 1, LOOK_DIM, "%7s %-*s%6s%7s  ", "PID", (int)name_width(), "COMMAND",
		     "HELD", "BUDGET");
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].part == METER_COMPRESSED && !compressed)
			continue;
		if (column + 1 + strlen(parts[i].name) + BAR_SWAPPED > screen_width())
			break;
		column = put(line, column, bar_looks[parts[i].part], "%s",
			     meter_glyph(parts[i].part, screen_utf8()));
		column = put(line, column, LOOK_DIM, "%s", parts[i].name);
	}
	put(line, screen_width() - BAR_SWAPPED, LOOK_DIM, "%*s", BAR_SWAPPED, "SWAPPED");
}

/* If there are more commands than lines, shows those around the selected one. */
static void draw_bars(const struct top *top, unsigned line, unsigned bars, size_t selected)
{
	size_t first = selected > bars / 2 ? selected - bars / 2 : 0;

	if (first + bars > top->live.commands)
		first = top->live.commands - bars;
	for (unsigned i = 0; i < bars; i++)
		draw_command(line + i, &top->live.command[first + i], first + i == selected);
}

/* -- the last minute ----------------------------------------------------------------------- */

/* The most telling come first. */
static const struct {
	enum live_series series;
	const char *label;
	enum table_kind kind;
	enum screen_look look;
} sparks[LIVE_SERIES] = {
	{ LIVE_MAJOR, "MAJOR/s", TABLE_RATE, LOOK_MAJOR },
	{ LIVE_READ, "READ/s", TABLE_BYTES, LOOK_READ },
	{ LIVE_SOFT, "SOFT/s", TABLE_RATE, LOOK_SOFT },
	{ LIVE_WRITTEN, "WRITE/s", TABLE_BYTES, LOOK_WRITTEN },
};

/* The newest second is on the right.  If there is no room for all, a column stands for several. */
static void draw_sparkline(unsigned line, unsigned column, unsigned width,
			   const struct minute *minute, enum screen_look look, double *ret_most)
{
	unsigned seconds = (MINUTE_SECONDS + width - 1) / width;
	unsigned columns = MINUTE_SECONDS / seconds;
	double most = 0;

	for (unsigned i = 0; i < columns; i++)
		most = fmax(most, minute_rate(minute, i * seconds, seconds));
	for (unsigned i = 0; i < columns; i++)
		screen_put(line, column + columns - 1 - i, 1, look,
			   meter_spark(minute_rate(minute, i * seconds, seconds), most,
				       screen_utf8()));
	*ret_most = most;
}

static void draw_spark(unsigned line, unsigned column, unsigned width, unsigned which,
		       const struct live_command *command)
{
	enum live_series series = sparks[which].series;
	unsigned room;
	double most;

	put(line, column, LOOK_DIM, "%-7s", sparks[which].label);
	put_number(line, column + 7, 6, LOOK_BOLD, sparks[which].kind, command->rate[series]);
	if (width < SPARK_LABEL + SPARK_MOST + 6)
		return;
	room = least(width - SPARK_LABEL - SPARK_MOST, MINUTE_SECONDS);
	draw_sparkline(line, column + SPARK_LABEL, room, &command->minute[series],
		       sparks[which].look, &most);
	put_number(line, column + SPARK_LABEL + room, SPARK_MOST, LOOK_DIM, sparks[which].kind,
		   most);
}

static void draw_heading(unsigned line, unsigned columns, const struct live_command *command)
{
	struct table_value p50 = { .number = command->p50 }, p99 = { .number = command->p99 };
	char half[TABLE_CELL], most[TABLE_CELL];
	unsigned width = screen_width() / columns, column;

	column = put(line, 1, LOOK_BOLD, "%u %s", command->pid, command->name);
	column = put(line, column, LOOK_DIM, width >= WIDE ? ", last minute; major faults:" : ":");
	put(line, column, LOOK_DIM, " P50 %s, P99 %s", table_format(half, TABLE_TIME, &p50),
	    table_format(most, TABLE_TIME, &p99));
	for (unsigned i = 0; i < columns && width >= SPARK_WIDTH; i++)
		put(line, i * width + SPARK_WIDTH - SPARK_MOST, LOOK_DIM, "%*s", SPARK_MOST,
		    "MOST");
}

static void draw_sparks(unsigned line, unsigned lines, unsigned columns,
			const struct live_command *command)
{
	unsigned width = screen_width() / columns;

	for (unsigned i = 0; i < lines * columns; i++)
		draw_spark(line + i / columns, i % columns * width, width, i, command);
}

/* -- the list ------------------------------------------------------------------------------ */

static void draw_titles(const struct top *top, unsigned line)
{
	static const char *const marks[2][2] = { { "^", "v" }, { "▲", "▼" } };
	unsigned width = screen_width(), column = 1;

	put(line, 0, LOOK_TITLE, "%*s", (int)width, "");
	for (enum top_column i = 0; i < TOP_COLUMNS; i++) {
		bool sorted = i == top->list.sort;

		if (!top_column_fits(i, width))
			continue;
		if (sorted) /* to its left, where each column leaves one free */
			put(line, column - 1, LOOK_TITLE, "%s",
			    marks[screen_utf8()][top_list_descends(&top->list)]);
		column = put(line, column, LOOK_TITLE, "%*s ", top_columns[i].width,
			     top_columns[i].title);
	}
}

static void draw_row(const struct top *top, unsigned line, const struct live_process *process,
		     enum screen_look look)
{
	unsigned width = screen_width(), column = 1;
	char cell[TABLE_CELL], text[16];

	for (enum top_column i = 0; i < TOP_COLUMNS; i++) {
		struct table_value value;

		if (!top_column_fits(i, width))
			continue;
		value = top_value(&top->live, process, i, text);
		column = put(line, column, look, "%*s", top_columns[i].width,
			     table_format(cell, top_columns[i].kind, &value));
		column = put(line, column, look, " ");
	}
}

/* The selected process, those that share its budget, others. */
static void draw_process(const struct top *top, unsigned line, size_t row)
{
	const struct live_process *process = &top->live.process[top->list.row[row]];
	const struct live_process *selected = top_list_selected(&top->list, &top->live);

	if (process == selected) {
		put(line, 0, LOOK_SELECTED, "%*s", (int)screen_width(), "");
		put(line, 0, LOOK_SELECTED, "%s", selected_mark());
		draw_row(top, line, process, LOOK_SELECTED);
		return;
	}
	if (process->command == selected->command)
		put(line, 0, LOOK_BOLD, screen_utf8() ? "·" : ".");
	draw_row(top, line, process, LOOK_PLAIN);
}

static void draw_list(struct top *top, unsigned line, unsigned rows)
{
	size_t most = top->list.rows > rows ? top->list.rows - rows : 0;

	top->page = rows;
	if (top->first > top->list.selected)
		top->first = top->list.selected;
	if (rows && top->list.selected >= top->first + rows)
		top->first = top->list.selected - rows + 1;
	if (top->first > most)
		top->first = most;
	for (unsigned i = 0; i < rows && top->first + i < top->list.rows; i++)
		draw_process(top, line + i, top->first + i);
}

/* -- the last line ------------------------------------------------------------------------- */

static void draw_keys(unsigned line)
{
	static const struct {
		const char *key, *what;
	} keys[] = {
		{ "h", "Help" },	{ "q", "Quit" },       { "+-", "Budget" },
		{ "<>PMS", "Sort by" }, { "Space", "Freeze" }, { "d", "Interval" },
	};
	unsigned column = 0;

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (column + strlen(keys[i].key) + strlen(keys[i].what) + 1 > screen_width())
			break;
		column = put(line, column, LOOK_BOLD, "%s", keys[i].key) + 1;
		column = put(line, column, LOOK_SELECTED, "%s", keys[i].what) + 2;
	}
}

static void draw_last(const struct top *top, unsigned line)
{
	if (top->asks)
		put(line, 0, LOOK_BOLD, "Seconds between updates: %s_", top->answer);
	else if (top->message[0])
		put(line, 0, LOOK_BOLD, "%s", top->message);
	else
		draw_keys(line);
}

/* -- help ---------------------------------------------------------------------------------- */

static const char *const help[] = {
	"spill top: the processes that run under spill, and their commands",
	"",
	"  Up Down PgUp PgDn Home End    select a process (k and j, too)",
	"  + -                           more, less budget for its command: by an eighth",
	"  P M S                         sort by major faults, resident, swapped",
	"  N F C R W T                   by PID, soft faults, cached, read, written, P99",
	"  < >                           by the column to the left, to the right",
	"  I                             reverse the order",
	"  Space                         freeze what is shown; go on",
	"  d s                           ask for the interval",
	"  q                             quit",
	"",
	"A bar is the memory of all processes that share a budget: what is resident;",
	"cached, evicted but still in memory; compressed, what holds compressed pages;",
	"other, which is not paged, or buffers; what is free, up to the budget.  To the",
	"right of that is what is swapped.  A bar with an arrow at its end is longer than",
	"four budgets.  A dot marks the processes that share the budget of the selected",
	"one.",
	"",
	"Soft faults found their page in memory, major faults read it; READ and WRITE are",
	"bytes from and to swap space.  P99: 99 of 100 major faults took no longer.",
	"A process with `-' has needed no paging so far.",
	"",
	"Press any key.",
};

static void draw_help(void)
{
	for (unsigned i = 0; i < sizeof(help) / sizeof(help[0]); i++)
		put(i, 0, i ? LOOK_PLAIN : LOOK_BOLD, "%s", help[i]);
}

/* -- all of it ----------------------------------------------------------------------------- */

static void draw_nothing(const struct top *top, unsigned line)
{
	put(line, 1, LOOK_PLAIN, "%s",
	    top->live.only ? "The command has ended."
	    : geteuid()	   ? "None of your processes runs under spill so far."
			   : "Nothing runs under spill so far.");
}

/* What is above the list; the line below it. */
static unsigned draw_head(const struct top *top, const struct layout *layout)
{
	size_t selected = top_list_selected(&top->list, &top->live)->command;
	const struct live_command *command = &top->live.command[selected];
	unsigned line = 1;

	if (layout->legend)
		draw_legend(line++, any_compressed(&top->live));
	draw_bars(top, line, layout->bars, selected);
	line += layout->bars + (layout->gaps > 1);
	if (layout->heading)
		draw_heading(line++, layout->columns, command);
	draw_sparks(line, layout->sparks, layout->columns, command);
	return line + layout->sparks + (layout->gaps > 0);
}

static void draw_all(struct top *top)
{
	struct layout layout = plan(top);
	unsigned line = 1;

	draw_title(top);
	if (top->list.rows)
		line = draw_head(top, &layout);
	draw_titles(top, line);
	draw_list(top, line + 1, layout.rows);
	if (!top->list.rows)
		draw_nothing(top, line + 1);
	draw_last(top, screen_height() - 1);
}

void top_screen(struct top *top)
{
	screen_clear();
	if (top->help)
		draw_help();
	else
		draw_all(top);
	screen_show();
}
