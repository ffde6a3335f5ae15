/* SPDX-License-Identifier: MIT */
/* top.c - spill top: options, and the loop that looks, draws, and waits for keys */
#include "top/top.h"
#include "common/tool.h"
#include "processes/processes.h"
#include "processes/rate.h"
#include "top/screen.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: spill top [OPTION]... [PID]\n"
	"\n"
	"Shows the processes that run under spill, how much of its budget each command uses, and\n"
	"what it did in the last minute, on the whole screen.  Press q to quit; h explains the\n"
	"other keys.  With PID, shows only the command that this process belongs to.\n"
	"\n"
	"  -d, --delay SECONDS    seconds between updates (default: 1)\n"
	"  -n, --count COUNT      end after this many updates\n"
	"      --json             print an object on each line, for programs; one if there is\n"
	"                         no COUNT; needs no terminal\n"
	"      --help             print this, and exit\n";

enum { OPTION_JSON = 256, OPTION_HELP };

static const struct option long_options[] = {
	{ "delay", required_argument, NULL, 'd' },
	{ "count", required_argument, NULL, 'n' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct request {
	unsigned long count; /* 0: not given */
	bool json;
};

static uint64_t interval_ns(const struct top *top)
{
	return (uint64_t)(top->interval * 1e9);
}

static void look(struct top *top)
{
	live_look(&top->live);
	top_list_update(&top->list, &top->live);
}

/* -- the screen ---------------------------------------------------------------------------- */

/* Attends to keys until it is time to look.  false: the user wants to quit. */
static bool attend(struct top *top, uint64_t since)
{
	int key;

	do {
		uint64_t until = since + interval_ns(top);

		top_screen(top);
		key = screen_wait(top->frozen ? UINT64_MAX : until);
		if (!top_key(top, key))
			return false;
	} while (top->frozen || rate_now() < since + interval_ns(top));
	return true;
}

static int show(struct top *top, unsigned long count)
{
	const char *why = screen_begin();

	if (why)
		return tool_fail("top: %s; `spill top --json', `spill ps' and `spill stat' need no "
				 "screen",
				 why);
	look(top);
	if (!top->live.only)
		top->list.pid = 0; /* rates, and so the order, are known from the second look on */
	for (unsigned long i = 0; !count || i < count; i++) {
		if (!attend(top, top->live.time))
			break;
		look(top);
	}
	screen_end();
	return 0;
}

/* -- for programs -------------------------------------------------------------------------- */

static int print(struct top *top, unsigned long count)
{
	live_look(&top->live);
	for (unsigned long i = 0; i < count && !ferror(stdout); i++) {
		rate_sleep_until(top->live.time + interval_ns(top));
		live_look(&top->live);
		table_print_json(top_json(&top->live), true);
		fflush(stdout);
	}
	return 0;
}

/* -- what is wanted ------------------------------------------------------------------------ */

static int parse_count(const char *text, unsigned long *ret_count)
{
	char *end;

	*ret_count = strtoul(text, &end, 10);
	if (end == text || *end || *text == '-' || !*ret_count)
		return tool_fail("%s is not a number of updates", text);
	return 0;
}

static int parse_operands(struct top *top, char **operands)
{
	uint32_t pid;
	int err;

	if (!operands[0])
		return 0;
	if (tool_parse_pid(operands[0], &pid))
		return tool_fail("%s is not a process number", operands[0]);
	if (operands[1])
		return tool_fail("%s is one argument too many; see `spill top --help'",
				 operands[1]);
	err = live_only(&top->live, pid);
	top->list.pid = pid;
	return err ? processes_refuse(operands[0], err) : 0;
}

static int run(struct top *top, const struct request *request, char **operands)
{
	int status = parse_operands(top, operands);

	if (!status)
		status = request->json ? print(top, request->count ? request->count : 1)
				       : show(top, request->count);
	live_free(&top->live);
	top_list_free(&top->list);
	return status;
}

int top_main(int argc, char **argv)
{
	struct top top = { .interval = 1, .list.sort = TOP_MAJOR };
	struct request request = { 0 };
	int status = 0, c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":d:n:", long_options, NULL)) != -1 && !status) {
		switch (c) {
		case 'd':
			if (tool_parse_interval(optarg, &top.interval))
				status = tool_fail("%s is not an interval: 0.01 to 86400 seconds",
						   optarg);
			break;
		case 'n':
			status = parse_count(optarg, &request.count);
			break;
		case OPTION_JSON:
			request.json = true;
			break;
		case OPTION_HELP:
			return tool_help(help);
		default:
			return tool_bad_option(argv, c);
		}
	}
	return status ? status : run(&top, &request, argv + optind);
}
