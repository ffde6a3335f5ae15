/* SPDX-License-Identifier: MIT */
/* set.c - spill set: what should change while a command runs, and whether it may */
#include "base/page.h"
#include "base/size.h"
#include "common/table.h"
#include "common/tool.h"
#include "paging/readahead.h"
#include "processes/processes.h"
#include "processes/steer.h"
#include "processes/survey.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: spill set PID [KEY=VALUE]...\n"
	"       spill set --help\n"
	"\n"
	"Changes what the command that process PID belongs to may have, while it runs.\n"
	"Without KEY=VALUE, prints what it has.\n"
	"\n"
	"  budget=SIZE|N%         memory for all of its processes together, 8M or more; N% is a\n"
	"                         part of the cgroup's limit or the machine's memory\n"
	"  readahead=SIZE|auto    how much to read ahead at most, 0 to 4M; auto is a 64th of the\n"
	"                         budget\n"
	"  paused=on|off          its processes wait when they need a page that is not in\n"
	"                         memory, and leave the disk to others\n"
	"\n"
	"      --json             print JSON, for programs\n"
	"      --help             print this, and exit\n";

enum { OPTION_JSON = 256, OPTION_HELP };

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct change {
	bool set_budget, set_readahead, set_paused;
	uint64_t budget;    /* bytes */
	uint32_t readahead; /* as steering.h has it */
	bool paused;
};

/* -- values -------------------------------------------------------------------------------- */

static int parse_budget(const char *text, struct change *change)
{
	uint64_t whole = steer_budget_most(), bytes;
	char most[SIZE_TEXT];

	if (size_parse(text, whole, &bytes))
		return tool_fail("budget: %s is not a size (such as 512M, 2G or 80%%)", text);
	if (!steer_budget_fits(bytes))
		return tool_fail("budget: %s is not from 8M to %s, which is all there is", text,
				 size_format(most, whole));
	change->budget = bytes;
	change->set_budget = true;
	return 0;
}

static uint64_t readahead_max(void)
{
	return (uint64_t)READAHEAD_MAX << page_shift();
}

static int parse_readahead(const char *text, struct change *change)
{
	uint64_t bytes = 0;
	char most[SIZE_TEXT];

	change->set_readahead = true;
	change->readahead = 0;
	if (strcmp(text, "auto") == 0)
		return 0;
	if (strcmp(text, "0") != 0 && size_parse(text, 0, &bytes))
		return tool_fail("readahead: %s is neither a size (such as 128K) nor auto", text);
	if (bytes > readahead_max())
		return tool_fail("readahead: %s is not from 0 to %s", text,
				 size_format(most, readahead_max()));
	change->readahead = (uint32_t)pages_of(bytes) + 1;
	return 0;
}

static int parse_paused(const char *text, struct change *change)
{
	change->set_paused = true;
	change->paused = strcmp(text, "on") == 0;
	if (!change->paused && strcmp(text, "off") != 0)
		return tool_fail("paused: %s is neither on nor off", text);
	return 0;
}

static const struct {
	const char *name;
	int (*parse)(const char *text, struct change *change);
} keys[] = {
	{ "budget=", parse_budget },
	{ "readahead=", parse_readahead },
	{ "paused=", parse_paused },
};

static int parse_change(const char *text, struct change *change)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i].name);

		if (strncmp(text, keys[i].name, length) == 0)
			return keys[i].parse(text + length, change);
	}
	return tool_fail("%s is not KEY=VALUE with a known key; see `spill set --help'", text);
}

/* -- changing it --------------------------------------------------------------------------- */

static int make_change(const struct steer *steer, const struct change *change)
{
	for (size_t i = 0; i < steer->view.tables; i++) {
		struct steering *steering = &steer->view.table[i]->steering;

		if (change->set_readahead)
			steering->readahead = change->readahead;
		if (change->set_paused)
			steering->paused = change->paused;
	}
	return change->set_budget ? steer_budget(steer, change->budget) : steer_ring(steer);
}

/* -- showing it ---------------------------------------------------------------------------- */

static int print_json(uint64_t budget, const struct steering *steering)
{
	json_t *readahead = steering->readahead ? json_integer((json_int_t)(steering->readahead - 1)
							       << page_shift())
						: json_null();

	table_print_json(json_pack("{s:I, s:o, s:b}", "budget", (json_int_t)budget, "readahead",
				   readahead, "paused", steering->paused != 0),
			 false);
	return 0;
}

static int print(const struct steer *steer, bool json)
{
	const struct steering *steering = &steer->view.table[0]->steering;
	struct survey survey = { 0 };
	char text[SIZE_TEXT];
	uint64_t budget;
	int err = survey_take(&survey, steer->view.pid);

	if (err)
		return err;
	budget = survey_share(&survey.process[0]).budget;
	survey_free(&survey);
	if (json)
		return print_json(budget, steering);
	printf("budget=%s\n", size_format(text, budget));
	printf("readahead=%s\n",
	       steering->readahead
		       ? size_format(text, (uint64_t)(steering->readahead - 1) << page_shift())
		       : "auto");
	printf("paused=%s\n", steering->paused ? "on" : "off");
	return 0;
}

static int steer_process(const char *text, const struct change *change, bool json)
{
	struct steer steer;
	uint32_t pid;
	int err;

	if (tool_parse_pid(text, &pid))
		return tool_fail("%s is not a process number", text);
	err = steer_open(&steer, pid);
	if (err)
		return processes_refuse(text, err);
	err = change ? make_change(&steer, change) : print(&steer, json);
	steer_close(&steer);
	if (err == -ENOENT && change && change->set_budget)
		return tool_fail("process %s was not started by `spill run': its program sets the "
				 "budget; see spill_set_budget(3)",
				 text);
	return err ? processes_refuse(text, err) : 0;
}

int set_main(int argc, char **argv)
{
	struct change change = { 0 };
	char **operands;
	bool json = false;
	int status = 0, c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		if (c == OPTION_HELP)
			return tool_help(help);
		if (c != OPTION_JSON)
			return tool_bad_option(argv, c);
		json = true;
	}
	operands = argv + optind;
	if (!operands[0])
		return tool_fail("no process number is given; see `spill set --help'");
	for (char **text = operands + 1; *text && !status; text++)
		status = parse_change(*text, &change);
	return status ? status : steer_process(operands[0], operands[1] ? &change : NULL, json);
}
