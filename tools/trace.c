/* SPDX-License-Identifier: MIT */
/* trace.c - spill trace: runs a command, and records how it uses its memory
 *
 * As `spill run` does it (launch.h), with SPILL_TRACE and SPILL_TRACE_SAMPLE in the environment:
 * the recording itself is the pager's (trace.h, watch.h).
 */
#include "config.h"
#include "launch.h"
#include "watch.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_DEFAULT "spill.trace"

struct recorder {
	struct launch launch;
	const char *file;
	unsigned sample; /* chunks */
	char path[2 * PROGRAM_PATH];
};

static const char help[] =
	"Usage: spill trace [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"\n"
	"Runs COMMAND as `spill run' does, and records in a file which of its memory it\n"
	"touches when; `spill report' tells how much memory it needs.\n"
	"\n"
	"  -o, --output FILE       where to; %p in it stands for the number of the process\n"
	"                          (default: " FILE_DEFAULT ")\n"
	"      --sample N          look at so many pieces of memory of 64 pages at most: more\n"
	"                          are more exact, and slow COMMAND down more (default: 256)\n" LAUNCH_HELP
	"      --help              print this, and exit\n"
	"\n" LAUNCH_HELP_END;

#define SAMPLE_DEFAULT 256

enum { OPTION_SAMPLE = OPTION_LAUNCH_LAST };

static const struct option long_options[] = {
	LAUNCH_LONG_OPTIONS,
	{ "output", required_argument, NULL, 'o' },
	{ "sample", required_argument, NULL, OPTION_SAMPLE },
	{ NULL, 0, NULL, 0 },
};

static int parse_option(void *who, char **argv, int c)
{
	struct recorder *recorder = who;

	switch (c) {
	case 'o':
		recorder->file = optarg;
		return 0;
	case OPTION_SAMPLE:
		if (options_parse_trace_sample(optarg, &recorder->sample))
			return tool_fail("--sample: %s is not a number from %d to %d", optarg,
					 WATCH_MIN, WATCH_MAX);
		return 0;
	default:
		return launch_option(&recorder->launch, argv, c);
	}
}

/* -- the file ------------------------------------------------------------------------------ */

static bool is_one_for_each(const struct recorder *recorder)
{
	return strstr(recorder->file, "%p") != NULL;
}

/* The command may go to another directory before it needs it. */
static int find_path(struct recorder *recorder)
{
	char cwd[PROGRAM_PATH];
	const char *file = recorder->file;

	if (strlen(file) >= PROGRAM_PATH)
		return tool_fail("%s: %s", file, strerror(ENAMETOOLONG));
	if (!is_one_for_each(recorder) && access(file, F_OK) == 0)
		return tool_fail("%s: is there already; remove it, or name another with -o", file);
	if (*file == '/')
		snprintf(recorder->path, sizeof(recorder->path), "%s", file);
	else if (getcwd(cwd, sizeof(cwd)))
		snprintf(recorder->path, sizeof(recorder->path), "%s/%s", cwd, file);
	else
		return tool_fail("%s: %s", file, strerror(errno));
	return 0;
}

static void set_environment(const struct recorder *recorder)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", recorder->sample);
	setenv("SPILL_TRACE", recorder->path, 1);
	setenv("SPILL_TRACE_SAMPLE", text, 1);
}

/* -- running ------------------------------------------------------------------------------- */

static int run(struct recorder *recorder)
{
	struct launch *launch = &recorder->launch;
	struct outcome outcome;
	int err = supervise(launch->program, launch->argv, launch->pool, &outcome);

	if (err)
		return launch_refuse(launch->argv[0], err);
	if (!is_one_for_each(recorder) && access(recorder->path, F_OK) != 0)
		tool_warn("%s was not made: no process of %s had enough memory to be paged",
			  recorder->file, launch->argv[0]);
	return outcome_exit_status(&outcome);
}

int trace_main(int argc, char **argv)
{
	static struct recorder recorder = { .file = FILE_DEFAULT, .sample = SAMPLE_DEFAULT };
	int status;

	recorder.launch.given.size = sizeof(recorder.launch.given);
	status = launch_parse(&recorder.launch, argc, argv, "+:o:" LAUNCH_SHORT_OPTIONS,
			      long_options, parse_option, &recorder);
	if (status < 0)
		return tool_help(help);
	if (!status)
		status = find_path(&recorder);
	if (!status)
		status = launch_prepare(&recorder.launch);
	if (status)
		return status;
	set_environment(&recorder);
	return run(&recorder);
}
