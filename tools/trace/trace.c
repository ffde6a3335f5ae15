/* SPDX-License-Identifier: MIT */
/* trace.c - spill trace: records how a command, or a running process, uses its memory
 *
 * A command is run as by `spill run' (launch.h), with SPILL_TRACE and SPILL_TRACE_SAMPLE in the
 * environment: the pager makes the recording (trace.h, watch.h).  A running process is asked for
 * one (recorder.h).
 */
#include "config.h"
#include "common/tool.h"
#include "paging/watch.h"
#include "run/launch.h"
#include "run/supervise.h"
#include "trace/recorder.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_DEFAULT "spill.trace"

struct recorder {
	struct launch launch;
	const char *file;
	unsigned sample; /* chunks */
	bool quiet;
	bool for_command; /* options were given that a running process cannot have */
	char path[2 * PROGRAM_PATH];
};

static const char help[] =
	"Usage: spill trace [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"       spill trace [-o FILE] [--sample N] [--quiet] PID\n"
	"\n"
	"Runs COMMAND as `spill run' does, and records in a file which of its memory it\n"
	"touches, and when; `spill report' shows how much memory it needs.  With PID, records\n"
	"a process that already runs under spill, until it ends or you press ^C.\n"
	"\n"
	"  -o, --output FILE       the file to record in; %p in it stands for the process ID\n"
	"                          (default: " FILE_DEFAULT ")\n"
	"      --sample N          record at most N pieces of memory of 64 pages: more are\n"
	"                          more exact, and slow COMMAND down more (default: 256)\n" LAUNCH_HELP
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
		if (c == OPTION_QUIET)
			recorder->quiet = true;
		else
			recorder->for_command = true;
		return launch_option(&recorder->launch, argv, c);
	}
}

/* -- the file ------------------------------------------------------------------------------ */

static bool is_one_for_each(const struct recorder *recorder)
{
	return strstr(recorder->file, "%p") != NULL;
}

static int refuse_to_replace(const char *file)
{
	return tool_fail("%s already exists; remove it, or name another file with -o", file);
}

/* The command may change its directory before it needs the file. */
static int find_path(struct recorder *recorder)
{
	char cwd[PROGRAM_PATH];
	const char *file = recorder->file;

	if (strlen(file) >= PROGRAM_PATH)
		return tool_fail("%s: %s", file, strerror(ENAMETOOLONG));
	if (!is_one_for_each(recorder) && access(file, F_OK) == 0)
		return refuse_to_replace(file);
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

/* -- a process that runs ------------------------------------------------------------------- */

/* A lone number is a process, unless it follows "--". */
static bool is_process(const struct launch *launch)
{
	const char *word = launch->argv[0];

	return word[strspn(word, "0123456789")] == '\0' && !launch->argv[1] &&
	       strcmp(launch->argv[-1], "--") != 0;
}

static int follow(const struct recorder *recorder)
{
	const char *pid = recorder->launch.argv[0], *file = recorder->file;
	const char *place = strstr(file, "%p");
	char path[PROGRAM_PATH];
	int n;

	if (recorder->for_command)
		return tool_fail("process %s is already running: only the options -o, --sample and "
				 "--quiet apply to it",
				 pid);
	if (place)
		n = snprintf(path, sizeof(path), "%.*s%s%s", (int)(place - file), file, pid,
			     place + 2);
	else
		n = snprintf(path, sizeof(path), "%s", file);
	if (n >= (int)sizeof(path))
		return tool_fail("%s: %s", file, strerror(ENAMETOOLONG));
	if (access(path, F_OK) == 0)
		return refuse_to_replace(path);
	return record_process(pid, path, recorder->sample, recorder->quiet);
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
	if (!status && is_process(&recorder.launch))
		return follow(&recorder);
	if (!status)
		status = find_path(&recorder);
	if (!status)
		status = launch_prepare(&recorder.launch);
	if (status)
		return status;
	set_environment(&recorder);
	return run(&recorder);
}
