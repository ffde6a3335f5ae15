/* SPDX-License-Identifier: MIT */
/* spill.c - spill(1): finds the subcommand */
#include "config.h"
#include "base/page.h"
#include "common/tool.h"
#include "doctor/doctor.h"
#include "map/map.h"
#include "processes/processes.h"
#include "report/report.h"
#include "run/run.h"
#include "swap/swap.h"
#include "top/top.h"
#include "trace/recorder.h"
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *what;
} subcommands[] = {
	{ "run", run_main, "run a command in less memory than it needs" },
	{ "doctor", doctor_main, "check that everything is there, and say how to get what is not" },
	{ "map", map_main, "show where each page of a process is" },
	{ "ps", ps_main, "list the processes that run under spill" },
	{ "set", set_main, "change the budget of a command, or pause it, while it runs" },
	{ "stat", stat_main, "report what their pagers do, as vmstat does for the kernel" },
	{ "swap", swap_main, "make a swap file, measure its speed, show who uses it" },
	{ "top", top_main, "show processes, budgets and the last minute on the whole screen" },
	{ "trace", trace_main, "record how a command uses its memory" },
	{ "report", report_main, "show how much memory a recorded program needs" },
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static int print_help(void)
{
	puts("Usage: spill SUBCOMMAND [OPTION]... [ARGUMENT]...\n"
	     "       spill --help | --version\n"
	     "\n"
	     "Lets programs use more memory than they are given: what does not fit goes to\n"
	     "swap space of their own, and comes back when it is touched.\n"
	     "\n"
	     "Subcommands:");
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		printf("  %-10s %s\n", subcommands[i].name, subcommands[i].what);
	puts("\n"
	     "`spill SUBCOMMAND --help' lists the options; the manual is spill(1), and spill(7)\n"
	     "explains the words.");
	return 0;
}

static int print_version(void)
{
	puts("spill " PACKAGE_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	page_init();
	if (!name)
		return tool_fail("no subcommand is given; see `spill --help'");
	if (strcmp(name, "--help") == 0)
		return print_help();
	if (strcmp(name, "--version") == 0)
		return print_version();
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (strcmp(name, subcommands[i].name) == 0)
			return subcommands[i].main(argc - 1, argv + 1);
	return tool_fail("%s: no such %s; see `spill --help'", name,
			 name[0] == '-' ? "option" : "subcommand");
}
