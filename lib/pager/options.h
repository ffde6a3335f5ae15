/* SPDX-License-Identifier: MIT */
/* options.h - what a pager should be like, with every question answered
 *
 * One name for one thing: the option --foo-bar is SPILL_FOO_BAR in the environment, and foo_bar
 * here.  options_fill takes what the caller set, then the environment, then the default; after that
 * nothing reads the environment.  (A set-user-ID program takes nothing from it.)
 */
#ifndef SPILL_OPTIONS_H
#define SPILL_OPTIONS_H

#include "kernel/prices.h"
#include "spill.h"
#include "store/target.h"
#include <stdbool.h>

struct options {
	uint64_t budget;     /* bytes, in whole pages */
	char swap[4096];     /* TARGET[;TARGET]..., with absolute paths */
	uint64_t swap_limit; /* bytes; 0: no limit of its own */
	uint64_t overcommit; /* bytes */
	unsigned handlers;   /* threads, at least 1 */
	unsigned disable;    /* enum spill_feature, or'ed */
	enum prices_set calibration;
	unsigned stall_warning; /* seconds; 0: never */
	unsigned trace_sample;	/* chunks; 0: recordings are not sampled */
	bool quiet;
	bool encrypt;
	bool compress;
	bool strict;
	bool user_mode;
};

/* given may be NULL.  0, -EINVAL or -ENOSYS; then *ret_why, unless NULL, says what is wrong: a static text,
 * or one in ret_options->swap, such as "SPILL_BUDGET: 12Q is not a size".  The rest of *ret_options
 * is then unchanged.  Also reads what else the environment has for the library: SPILL_LOG
 * (error_log_to), SPILL_TRACE (trace_to), SPILL_DEBUG (debug_kinds), and what the launcher handed
 * over (command_init). */
int options_fill(const struct spill_options *given, struct options *ret_options,
		 const char **ret_why);

/* The swap targets that these options name. */
struct target_list options_targets(const struct options *options);

/* Parses the names of SPILL_DISABLE: "move,uring".  0 or -EINVAL. */
int options_parse_disable(const char *text, unsigned *ret_disable);

/* Parses a number of handlers, 1 to HANDLERS_MAX.  0 or -EINVAL. */
int options_parse_handlers(const char *text, unsigned *ret_handlers);

/* Parses "lz4" or "off".  0 or -EINVAL. */
int options_parse_compress(const char *text, bool *ret_compress);

/* Parses the chunks of a recording's sample, WATCH_MIN to WATCH_MAX.  0 or -EINVAL. */
int options_parse_trace_sample(const char *text, unsigned *ret_chunks);

/* Parses seconds, at most a day; 0: never.  0 or -EINVAL. */
int options_parse_stall_warning(const char *text, unsigned *ret_seconds);

#endif
