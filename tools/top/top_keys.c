/* SPDX-License-Identifier: MIT */
/* top_keys.c - what the keys of spill top do (top.h) */
#include "base/size.h"
#include "common/tool.h"
#include "processes/steer.h"
#include "spill.h"
#include "top/screen.h"
#include "top/top.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 2, 3))) say(struct top *top, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(top->message, sizeof(top->message), format, list);
	va_end(list);
}

/* -- the budget ---------------------------------------------------------------------------- */

/* The largest power of two that is at most an eighth of the budget: from 64M to 72M, from 1.5G to
 * 1.6G, from 100M (to a multiple of the step) to 104M. */
static uint64_t budget_step(uint64_t budget)
{
	uint64_t step = UINT64_C(1) << 20;

	while (step <= budget / 16)
		step *= 2;
	return step;
}

static uint64_t next_budget(uint64_t budget, bool more)
{
	uint64_t step = budget_step(budget), most = steer_budget_most();
	uint64_t next = more ? budget / step * step + step : (budget - 1) / step * step;

	if (next < SPILL_BUDGET_MIN)
		return SPILL_BUDGET_MIN;
	return next > most ? most : next;
}

static void steer(struct top *top, const struct live_process *process, uint64_t budget)
{
	uint32_t pid = process->was.pid;
	char size[SIZE_TEXT];
	struct steer target;
	int err = steer_open(&target, pid);

	if (!err) {
		err = steer_budget(&target, budget);
		steer_close(&target);
	}

	if (!err)
		top->live.command[process->command].share.budget = budget;
	if (err == -ENOENT)
		say(top, "%u %s: its program sets the budget, not `spill run'", pid,
		    process->was.name);
	else if (err == -ESRCH)
		say(top, "%u %s: it has ended", pid, process->was.name);
	else if (err == -EACCES)
		say(top, "%u %s: only its owner may change the budget", pid, process->was.name);
	else if (err)
		say(top, "%u %s: %s", pid, process->was.name, strerror(-err));
	else
		say(top, "Budget %s for the command of %u %s", size_format(size, budget), pid,
		    process->was.name);
}

static void change_budget(struct top *top, bool more)
{
	const struct live_process *process = top_list_selected(&top->list, &top->live);
	char size[SIZE_TEXT];
	uint64_t budget, next;

	if (!process)
		return;
	/* The budget of this moment: keys may be pressed faster than we look. */
	budget = survey_share(&process->was).budget;
	next = next_budget(budget, more);
	if (next == budget)
		say(top, "%s is the %s that a command may have", size_format(size, budget),
		    more ? "most" : "least");
	else
		steer(top, process, next);
}

/* -- the interval -------------------------------------------------------------------------- */

static void begin_to_ask(struct top *top)
{
	top->asks = true;
	top->answer[0] = '\0';
}

static void take_answer(struct top *top)
{
	top->asks = false;
	if (top->answer[0] && tool_parse_interval(top->answer, &top->interval))
		say(top, "%s is not an interval: 0.01 to 86400 seconds", top->answer);
}

static void type(struct top *top, int key)
{
	size_t length = strlen(top->answer);

	if (key == '\r' || key == '\n') {
		take_answer(top);
	} else if (key == 0x1b) {
		top->asks = false;
	} else if (key == SCREEN_ERASE && length) {
		top->answer[length - 1] = '\0';
	} else if ((key == '.' || (key >= '0' && key <= '9')) && length + 1 < sizeof(top->answer)) {
		top->answer[length] = (char)key;
		top->answer[length + 1] = '\0';
	}
}

/* -- order, selection ---------------------------------------------------------------------- */

/* The letters of htop(1), where it has one. */
static const struct {
	char key;
	enum top_column column;
} sort_keys[] = {
	{ 'P', TOP_MAJOR }, { 'M', TOP_RESIDENT }, { 'S', TOP_SWAPPED },
	{ 'N', TOP_PID },   { 'F', TOP_SOFT },	   { 'C', TOP_CACHED },
	{ 'R', TOP_READ },  { 'W', TOP_WRITE },	   { 'T', TOP_P99 },
};

static void sort_by(struct top *top, int key)
{
	for (size_t i = 0; i < sizeof(sort_keys) / sizeof(sort_keys[0]); i++)
		if (sort_keys[i].key == key) {
			top->list.sort = sort_keys[i].column;
			top->list.upwards = false;
		}
	if (key == '<' || key == '>')
		top_list_sort_next(&top->list, key == '<' ? -1 : 1, screen_width());
	if (key == 'I')
		top->list.upwards = !top->list.upwards;
	top_list_update(&top->list, &top->live);
}

static bool move(struct top *top, int key)
{
	long page = top->page > 1 ? top->page - 1 : 1, all = (long)top->list.rows;
	long rows = key == SCREEN_LINE_UP || key == 'k'	    ? -1
		    : key == SCREEN_LINE_DOWN || key == 'j' ? 1
		    : key == SCREEN_PAGE_UP		    ? -page
		    : key == SCREEN_PAGE_DOWN		    ? page
		    : key == SCREEN_FIRST		    ? -all
		    : key == SCREEN_LAST		    ? all
							    : 0;

	if (rows)
		top_list_move(&top->list, &top->live, rows);
	return rows != 0;
}

/* -- all of them --------------------------------------------------------------------------- */

static void obey(struct top *top, int key)
{
	switch (key) {
	case '+':
	case '=': /* the same key, without shift */
	case '-':
		change_budget(top, key != '-');
		break;
	case ' ':
		top->frozen = !top->frozen;
		break;
	case 'd':
	case 's':
		begin_to_ask(top);
		break;
	case 'h':
	case '?':
		top->help = true;
		break;
	default:
		if (!move(top, key))
			sort_by(top, key);
	}
}

/* Does this come from a person? */
static bool is_pressed(int key)
{
	return key != SCREEN_TIME && key != SCREEN_REDRAW;
}

bool top_key(struct top *top, int key)
{
	if (key == SCREEN_END)
		return false;
	if (!is_pressed(key))
		return true;
	top->message[0] = '\0';
	if (top->asks) {
		type(top, key);
	} else if (top->help) {
		top->help = false;
	} else {
		if (key == 'q')
			return false;
		obey(top, key);
	}
	return true;
}
