/* SPDX-License-Identifier: MIT */
/* options.h - what a pager is to be like, all questions answered
 *
 * One name for one thing: the option --foo-bar is SPILL_FOO_BAR in the
 * environment and foo_bar here.  options_fill takes what the caller set, then
 * the environment, then the default; afterwards nothing reads the environment.
 * (A set-user-ID program takes nothing from the environment.)
 */
#ifndef SPILL_OPTIONS_H
#define SPILL_OPTIONS_H

#include "kernel/uffd.h"
#include "spill.h"
#include "store/target.h"
#include <stdbool.h>

struct options {
	uint64_t budget;	/* bytes, whole pages */
	char swap[4096];	/* TARGET[;TARGET]..., the paths are absolute */
	uint64_t swap_limit;	/* bytes, 0: none of its own */
	uint64_t overcommit;	/* bytes */
	unsigned handlers;	/* threads, at least 1 */
	unsigned disable;	/* or of enum spill_feature */
	unsigned stall_warning; /* seconds, 0: never */
	unsigned trace_sample;	/* chunks, 0: what is recorded is no sample */
	bool quiet;
	bool encrypt;
	bool strict;
	bool user_mode;
};

/* given may be NULL.  0, or -EINVAL; then *ret_why (if not NULL) is a static
 * text or one kept in ret_options->swap that says what is wrong, such as
 * "SPILL_BUDGET: 12Q is not a size"; the rest of ret_options is untouched.
 * Also reads what else there is in the environment for the library: SPILL_LOG
 * (error_log_to), SPILL_TRACE (trace_to), SPILL_DEBUG (debug_kinds) and what the
 * launcher handed over (command_init). */
int options_fill(const struct spill_options *given, struct options *ret_options,
		 const char **ret_why);

/* Where they page to. */
struct target_list options_targets(const struct options *options);

/* The names of SPILL_DISABLE: "move,uring".  0 or -EINVAL. */
int options_parse_disable(const char *text, unsigned *ret_disable);

/* A number of handlers: 1 to HANDLERS_MAX.  0 or -EINVAL. */
int options_parse_handlers(const char *text, unsigned *ret_handlers);

/* Chunks of a recording's sample, WATCH_MIN to WATCH_MAX.  0 or -EINVAL. */
int options_parse_trace_sample(const char *text, unsigned *ret_chunks);

/* Seconds, at most a day; 0: never.  0 or -EINVAL. */
int options_parse_stall_warning(const char *text, unsigned *ret_seconds);

#endif
