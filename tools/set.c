/* SPDX-License-Identifier: MIT */
/* set.c - spill set: what is to be changed while a command runs, and whether it may be */
#include "tools.h"
#include "probe.h"
#include "size.h"
#include "steer.h"
#include "survey.h"
#include <errno.h>
#include <getopt.h>
#include <string.h>

static const char help[] =
	"Usage: spill set PID KEY=VALUE...\n"
	"       spill set --help\n"
	"\n"
	"Changes what the command that the process PID belongs to may have, while it runs.\n"
	"\n"
	"  budget=SIZE|N%    memory for all of its processes together, 8M or more; N% is a\n"
	"                    part of the cgroup's limit or the machine's memory\n"
	"\n"
	"      --help        print this, and exit\n";

enum { OPTION_HELP = 256 };

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct change {
	uint64_t budget; /* bytes; 0: it stays */
};

static int parse_budget(const char *text, uint64_t *ret_bytes)
{
	uint64_t whole = probe_memory_whole(), bytes;
	char most[SIZE_TEXT];

	if (size_parse(text, whole, &bytes))
		return tool_fail("budget: %s is not a size (such as 512M, 2G or 80%%)", text);
	if (bytes < SPILL_BUDGET_MIN || bytes > whole)
		return tool_fail("budget: %s is not from 8M to %s, which is all there is", text,
				 size_format(most, whole));
	*ret_bytes = bytes;
	return 0;
}

static int parse_change(const char *text, struct change *change)
{
	if (strncmp(text, "budget=", 7) == 0)
		return parse_budget(text + 7, &change->budget);
	return tool_fail("%s: is not KEY=VALUE with a key that there is; see `spill set --help'",
			 text);
}

/* -- changing it --------------------------------------------------------------------------- */

static int make_change(const char *text, uint32_t pid, const struct change *change)
{
	struct survey survey = { 0 };
	int err = survey_take(&survey, pid);

	survey_free(&survey);
	if (err)
		return tool_fail_attach(text, err);
	if (change->budget)
		err = steer_budget(pid, change->budget);
	if (err == -ENOENT)
		return tool_fail("%s: was not started by `spill run': its program sets the "
				 "budget, see spill_set_budget(3)",
				 text);
	return err ? tool_fail_attach(text, err) : 0;
}

int set_main(int argc, char **argv)
{
	struct change change = { 0 };
	char **operands;
	uint32_t pid;
	int status = 0, c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		if (c == OPTION_HELP)
			return tool_help(help);
		return tool_bad_option(argv, c);
	}
	operands = argv + optind;
	if (!operands[0] || !operands[1])
		return tool_fail("what to set is missing; see `spill set --help'");
	if (tool_parse_pid(operands[0], &pid))
		return tool_fail("%s: is not a process number", operands[0]);
	for (char **text = operands + 1; *text && !status; text++)
		status = parse_change(*text, &change);
	return status ? status : make_change(operands[0], pid, &change);
}
