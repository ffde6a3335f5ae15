/* SPDX-License-Identifier: MIT */
/* run.c - spill run: runs a command in less memory than it needs
 *
 * launch.h says how.  With --stats this process waits for the command to end, and prints what was
 * counted.
 */
#include "config.h"
#include "run/run.h"
#include "base/fd.h"
#include "common/tool.h"
#include "run/launch.h"
#include "run/supervise.h"
#include "run/totals.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct run {
	struct launch launch;
	bool json;
	const char *stats_path; /* NULL: stderr */
	int stats_fd;		/* for stats_path, or -1 */
};

/* -- options ------------------------------------------------------------------------------ */

static const char help[] =
	"Usage: spill run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"\n"
	"Runs COMMAND so that its processes together hold no more memory than the budget;\n"
	"what does not fit goes to swap space, and comes back when it is touched.\n"
	"\n" LAUNCH_HELP
	"      --stats[=FILE]      print what was paged when the command has ended, on stderr\n"
	"                          or into FILE\n"
	"      --json              the same for programs (implies --stats)\n"
	"      --help              print this, and exit\n"
	"\n" LAUNCH_HELP_END;

enum { OPTION_STATS = OPTION_LAUNCH_LAST, OPTION_JSON };

static const struct option long_options[] = {
	LAUNCH_LONG_OPTIONS,
	{ "stats", optional_argument, NULL, OPTION_STATS },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ NULL, 0, NULL, 0 },
};

static int parse_option(void *who, char **argv, int c)
{
	struct run *run = who;

	switch (c) {
	case OPTION_STATS:
		run->launch.stats = true;
		run->stats_path = optarg;
		return 0;
	case OPTION_JSON:
		run->launch.stats = run->json = true;
		return 0;
	default:
		return launch_option(&run->launch, argv, c);
	}
}

/* -- statistics ------------------------------------------------------------------------- */

static int open_stats(struct run *run)
{
	int fd;

	run->stats_fd = -1;
	if (!run->stats_path)
		return 0;
	fd = open(run->stats_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		return tool_fail("--stats: %s: %s", run->stats_path, strerror(errno));
	run->stats_fd = fd_raise(fd);
	return 0;
}

/* The file keeps its contents until there is something to replace them. */
static FILE *open_report(struct run *run)
{
	if (run->stats_fd < 0)
		return stderr;
	if (ftruncate(run->stats_fd, 0) && errno != EINVAL) /* EINVAL: a pipe, a terminal */
		return NULL;
	return fdopen(run->stats_fd, "w");
}

static int print_report(struct run *run, const struct outcome *outcome)
{
	FILE *file = open_report(run);

	if (file)
		totals_print(file, run->json, run->launch.argv[0], &run->launch.options,
			     run->launch.table, outcome);
	if (!file || fflush(file) || ferror(file))
		tool_fail("--stats: %s: %s", run->stats_path ? run->stats_path : "stderr",
			  strerror(errno));
	return outcome_exit_status(outcome);
}

/* -- running ---------------------------------------------------------------------------- */

static int run_and_report(struct run *run)
{
	struct launch *launch = &run->launch;
	struct outcome outcome;
	int err = supervise(launch->program, launch->argv, launch->pool, &outcome);

	return err ? launch_refuse(launch->argv[0], err) : print_report(run, &outcome);
}

int run_main(int argc, char **argv)
{
	static struct run run;
	int status;

	run.launch.given.size = sizeof(run.launch.given);
	status = launch_parse(&run.launch, argc, argv, "+:" LAUNCH_SHORT_OPTIONS, long_options,
			      parse_option, &run);
	if (status < 0)
		return tool_help(help);
	if (!status)
		status = launch_prepare(&run.launch);
	if (!status)
		status = open_stats(&run);
	if (status)
		return status;
	if (run.launch.stats)
		return run_and_report(&run);
	execvp(run.launch.program, run.launch.argv);
	return launch_refuse(run.launch.argv[0], -errno);
}
