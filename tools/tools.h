/* SPDX-License-Identifier: MIT */
/* tools.h - what the files of spill(1) share
 *
 * One file to a subcommand; `spill run` has more than one, and those that look at other
 * processes share some:
 *
 *	ask.c		what page tables hold
 *	finding.c	what is fine, costs something, or is broken
 *	installed.c	where the preload library is
 *	html.c		pages for a browser
 *	picture.c	where the pages of a process are
 *	place.c		in which file system swap space lies
 *	rate.c		what was counted between two looks
 *	recorder.c	records a process that runs
 *	speed.c		how fast swap space is
 *	steer.c		changes what a command may have while it runs
 *	survey.c	the processes that run under spill
 *	swap_create.c	what `spill swap' does, one by one
 *	swap_check.c
 *	swap_info.c
 *	table.c		columns for people, JSON for programs
 *	terminal.c	what can be drawn
 *	turn.c		one process at a time
 *	launch.c	options, checks, the environment: for run.c and trace.c
 *	supervise.c	--stats: fork, forward signals, wait
 *	totals.c	--stats: what is printed then
 */
#ifndef SPILL_TOOLS_H
#define SPILL_TOOLS_H

#include "pager/options.h"
#include "kernel/program.h"
#include "observe/stats.h"
#include <stdio.h>
#include <sys/resource.h>

/* As env(1) and timeout(1) have them. */
enum exit_status {
	EXIT_SPILL = 125,	   /* spill itself failed, the command was not run */
	EXIT_NOT_EXECUTABLE = 126, /* the command is there, but cannot be executed */
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128, /* and the number of the signal that killed it */
};

/* Prints "spill: ..." as one line on stderr; gives EXIT_SPILL. */
int tool_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same as a warning. */
void tool_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what is wrong with an option that getopt_long did not like; its optstring begins with
 * ':'.  Gives EXIT_SPILL. */
int tool_bad_option(char **argv, int c);

/* Prints it on stdout; gives the exit status. */
int tool_help(const char *text);

/* Finds the preload library; NULL, or why it cannot be used. */
#define PRELOAD_NAME "libspill-preload.so"
const char *tool_find_preload(char path[PROGRAM_PATH]);

/* The number of a process; 0, or -EINVAL: it is none. */
int tool_parse_pid(const char *text, uint32_t *ret_pid);
/* Seconds from one look to the next, 0.01 to 86400; 0, or -EINVAL. */
int tool_parse_interval(const char *text, double *ret_seconds);

/* A user's name, in text; his number if he has none, or one of more than 8 characters. */
const char *tool_user_name(uint32_t user, char text[16]);

/* Says why survey_take cannot look at that process; gives EXIT_SPILL. */
int tool_fail_attach(const char *pid, int err);

/* The subcommands: argv[0] is their name.  Each gives the exit status. */
int doctor_main(int argc, char **argv);
int map_main(int argc, char **argv);
int ps_main(int argc, char **argv);
int report_main(int argc, char **argv);
int run_main(int argc, char **argv);
int set_main(int argc, char **argv);
int stat_main(int argc, char **argv);
int swap_main(int argc, char **argv);
int top_main(int argc, char **argv);
int trace_main(int argc, char **argv);

/* -- swap_*.c ------------------------------------------------------------------ */

/* What `spill swap' does; each gives the exit status.  size, target: NULL if it is not given; need: 0
 * if not. */
int swap_create(const char *path, const char *size);
int swap_check(const char *target, uint64_t need, bool json);
int swap_info(char **targets, bool json);

/* -- supervise.c --------------------------------------------------------------- */

struct pool;

struct outcome {
	int status; /* as wait(2) gives it */
	double seconds;
	struct rusage usage; /* of the command and all that it waited for */
};

/* Executes path with argv in a child and waits for it, passing signals on, and looks meanwhile what
 * its processes hold that no pager counts.  0, or -errno: it could not be executed. */
int supervise(const char *path, char **argv, struct pool *pool, struct outcome *ret_outcome);

/* What a shell would give for it. */
int outcome_exit_status(const struct outcome *outcome);

/* -- totals.c ------------------------------------------------------------------- */

/* Prints what the command's pagers have counted, for people or as JSON. */
void totals_print(FILE *file, bool json, const char *command, const struct options *options,
		  const struct stats_table *table, const struct outcome *outcome);

#endif
