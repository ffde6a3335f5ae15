/* SPDX-License-Identifier: MIT */
/* launch.h - prepares everything for a command that should be paged
 *
 * libspill-preload.so does the work, in the command's processes.  This finds out before anything
 * runs whether all that they need is there, says so if it is not, and leaves it in the environment
 * (options) and in open descriptors (command.h).  Then the command takes the place of this process,
 * or is supervised.
 */
#ifndef SPILL_LAUNCH_H
#define SPILL_LAUNCH_H

#include "command/command.h"
#include "kernel/program.h"
#include "pager/options.h"
#include <getopt.h>

/* SPILL_FD_SWAP: a path and some numbers for each named target. */
#define SWAP_TEXT_SIZE 16384

struct launch {
	/* from the command line; zero: not given */
	struct spill_options given;
	char swap[4096];    /* all -s, joined by ';' */
	bool no_overcommit; /* --overcommit 0, which a 0 in given does not express */
	bool stats;	    /* counters are wanted at the end */
	char **argv;	    /* the command line to run */
	/* the result */
	struct options options;
	char preload[PROGRAM_PATH];
	char program[PROGRAM_PATH];
	char userfaultfd_text[COMMAND_FD_TEXT]; /* "": opened by the system call */
	char budget_text[2 * COMMAND_FD_TEXT];
	char stats_text[COMMAND_FD_TEXT];
	char swap_text[SWAP_TEXT_SIZE];
	int bell; /* its processes listen to this */
	struct pool *pool;
	struct stats_table *table; /* NULL: an outer `spill run' counts in its own */
};

/* Options of every subcommand that launches: for getopt_long, and for --help. */
enum launch_option {
	OPTION_OVERCOMMIT = 256,
	OPTION_STRICT,
	OPTION_ENCRYPT,
	OPTION_COMPRESS,
	OPTION_HANDLERS,
	OPTION_STALL_WARNING,
	OPTION_DISABLE,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_LAUNCH_LAST,
};

/* clang-format off */
#define LAUNCH_SHORT_OPTIONS "m:s:"
#define LAUNCH_LONG_OPTIONS \
	{ "budget", required_argument, NULL, 'm' }, \
	{ "swap", required_argument, NULL, 's' }, \
	{ "overcommit", required_argument, NULL, OPTION_OVERCOMMIT }, \
	{ "strict", no_argument, NULL, OPTION_STRICT }, \
	{ "encrypt", no_argument, NULL, OPTION_ENCRYPT }, \
	{ "compress", required_argument, NULL, OPTION_COMPRESS }, \
	{ "handlers", required_argument, NULL, OPTION_HANDLERS }, \
	{ "stall-warning", required_argument, NULL, OPTION_STALL_WARNING }, \
	{ "disable", required_argument, NULL, OPTION_DISABLE }, \
	{ "quiet", no_argument, NULL, OPTION_QUIET }, \
	{ "help", no_argument, NULL, OPTION_HELP }
#define LAUNCH_HELP \
	"  -m, --budget SIZE|N%    memory for the command: 512M, 1.5G, or a part of the\n" \
	"                          cgroup's limit or the machine's memory (default: 80 % of\n" \
	"                          the cgroup's limit, else half of what is available)\n" \
	"  -s, --swap TARGET       where pages go: DIRECTORY, FILE or DEVICE, with [,pri=N]\n" \
	"                          and [,limit=SIZE]; may be repeated (default: $TMPDIR if\n" \
	"                          it is on a disk, else /var/tmp)\n" \
	"      --overcommit SIZE   how far the budget may be exceeded when swap space is\n" \
	"                          full (default: 0)\n" \
	"      --strict            map memory only if there is swap space for all of it\n" \
	"      --encrypt           encrypt what goes to swap space; the key is in memory only\n" \
	"      --compress lz4|off  compress pages in memory before they go to swap space\n" \
	"                          (default: off)\n" \
	"      --handlers N        threads that serve page faults, 1 to 4 (default: one for\n" \
	"                          each CPU)\n" \
	"      --stall-warning N   say what a page fault waits for after N seconds\n" \
	"                          (default: 10; 0: never)\n" \
	"      --disable LIST      do without some of move,uring,direct,poison,spin,\n" \
	"                          taskrun\n" \
	"      --quiet             print no warnings\n"
#define LAUNCH_HELP_END \
	"The exit status is the command's (128 plus the signal's number if one killed it), or\n" \
	"125 if spill fails, 126 if COMMAND cannot be executed, 127 if it is not found.\n" \
	"\n" \
	"SPILL_BUDGET, SPILL_SWAP, SPILL_OVERCOMMIT, SPILL_STRICT, SPILL_ENCRYPT,\n" \
	"SPILL_COMPRESS, SPILL_HANDLERS, SPILL_STALL_WARNING, SPILL_DISABLE and SPILL_QUIET in\n" \
	"the environment stand in for options that are not given.\n"
/* clang-format on */

/* Reads options (shorts: "+:" and LAUNCH_SHORT_OPTIONS among them), calling option for each, and
 * finds the command after them.  0, an exit status, or -1: help was asked for. */
int launch_parse(struct launch *launch, int argc, char **argv, const char *shorts,
		 const struct option *longs, int (*option)(void *who, char **argv, int c),
		 void *who);

/* Takes one of these options, or complains about one that getopt_long refused.  0 or an exit
 * status. */
int launch_option(struct launch *launch, char **argv, int c);

/* Finds out whether everything is there, and leaves it in the environment and in open descriptors.
 * 0, or an exit status after saying what is wrong. */
int launch_prepare(struct launch *launch);

/* Says why a command cannot be executed; returns the exit status. */
int launch_refuse(const char *name, int err);

#endif
