/* SPDX-License-Identifier: MIT */
/* tool.h - what all subcommands say and read alike: complaints, options, numbers, names
 *
 * common/ holds what several subcommands use: this; tables and JSON (table), pages for a browser
 * (html), what stdout can show (terminal), and verdicts with their remedies (finding).  It may
 * include headers of lib/, but no other room of tools/.
 */
#ifndef SPILL_TOOL_H
#define SPILL_TOOL_H

#include <stdint.h>

/* As in env(1) and timeout(1). */
enum exit_status {
	EXIT_SPILL = 125,	   /* spill itself failed; the command was not run */
	EXIT_NOT_EXECUTABLE = 126, /* the command exists but cannot be executed */
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128, /* plus the number of the signal that killed it */
};

/* Prints "spill: ..." as one line on stderr; returns EXIT_SPILL. */
int tool_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same as a warning. */
void tool_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what is wrong with an option that getopt_long refused; optstring must begin with ':'.
 * Returns EXIT_SPILL. */
int tool_bad_option(char **argv, int c);

/* Prints text on stdout; returns the exit status. */
int tool_help(const char *text);

/* Parses a process id.  0, or -EINVAL if it is none. */
int tool_parse_pid(const char *text, uint32_t *ret_pid);
/* Parses the seconds between two looks, 0.01 to 86400.  0 or -EINVAL. */
int tool_parse_interval(const char *text, double *ret_seconds);

/* Returns a user's name, in text; the user's number if there is no name, or one of more than 8
 * characters. */
const char *tool_user_name(uint32_t user, char text[16]);

#endif
