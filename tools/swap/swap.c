/* SPDX-License-Identifier: MIT */
/* swap.c - spill swap: makes swap space, tries it, describes it */
#include "swap/swap.h"
#include "base/size.h"
#include "common/tool.h"
#include <getopt.h>
#include <string.h>

static const char help[] =
	"Usage: spill swap create PATH [SIZE]\n"
	"       spill swap check [--need SIZE] [--json] [TARGET]\n"
	"       spill swap info [--json] [TARGET]...\n"
	"       spill swap --help\n"
	"\n"
	"create  makes a swap file with room for SIZE and all of its blocks; or changes the size\n"
	"        of one; or prepares a device (without SIZE, all of it)\n"
	"check   tests a target: does it return what was written, how fast is it, and what budget\n"
	"        and readahead does that call for?  What the target holds is lost.\n"
	"info    shows what a target is, and who uses it; writes nothing\n"
	"\n"
	"A TARGET is written as for `spill run', and has the same default.\n"
	"\n"
	"      --need SIZE    how much memory a job needs: check recommends a budget\n"
	"      --json         print JSON, for programs\n"
	"      --help         print this, and exit\n";

enum { OPTION_JSON = 256, OPTION_NEED, OPTION_HELP };

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "need", required_argument, NULL, OPTION_NEED },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct wish {
	uint64_t need; /* bytes; 0: not given */
	bool json;
};

static int create(char **operands, const struct wish *wish)
{
	if (wish->need || wish->json)
		return tool_fail("create takes no options; see `spill swap --help'");
	if (!operands[0])
		return tool_fail("create needs a PATH; see `spill swap --help'");
	if (operands[1] && operands[2])
		return tool_fail("%s is one argument too many; see `spill swap --help'",
				 operands[2]);
	return swap_create(operands[0], operands[1]);
}

static int check(char **operands, const struct wish *wish)
{
	if (operands[0] && operands[1])
		return tool_fail("%s is one argument too many; see `spill swap --help'",
				 operands[1]);
	return swap_check(operands[0], wish->need, wish->json);
}

static int info(char **operands, const struct wish *wish)
{
	if (wish->need)
		return tool_fail("--need is only for check; see `spill swap --help'");
	return swap_info(operands, wish->json);
}

static const struct {
	const char *name;
	int (*act)(char **operands, const struct wish *wish);
} actions[] = {
	{ "create", create },
	{ "check", check },
	{ "info", info },
};

int swap_main(int argc, char **argv)
{
	struct wish wish = { 0 };
	char **operands;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (c == OPTION_HELP)
			return tool_help(help);
		if (c == OPTION_JSON)
			wish.json = true;
		else if (c != OPTION_NEED)
			return tool_bad_option(argv, c);
		else if (size_parse(optarg, 0, &wish.need))
			return tool_fail("--need: %s is not a size (such as 512M or 2G)", optarg);
	}
	operands = argv + optind;
	for (size_t i = 0; operands[0] && i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(operands[0], actions[i].name) == 0)
			return actions[i].act(operands + 1, &wish);
	if (!operands[0])
		return tool_fail("name create, check or info; see `spill swap --help'");
	return tool_fail("%s is not create, check or info; see `spill swap --help'", operands[0]);
}
