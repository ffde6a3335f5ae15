/* SPDX-License-Identifier: MIT */
/* supervise.h - runs a command as a child: forks, passes signals on, waits for its end
 */
#ifndef SPILL_SUPERVISE_H
#define SPILL_SUPERVISE_H

#include <sys/resource.h>

struct pool;

struct outcome {
	int status; /* as from wait(2) */
	double seconds;
	struct rusage usage; /* of the command and everything that it waited for */
};

/* Executes path with argv in a child and waits for it, passing signals on.  Meanwhile measures what
 * the command's processes hold that no pager counts.  0, or -errno: the command could not be
 * executed. */
int supervise(const char *path, char **argv, struct pool *pool, struct outcome *ret_outcome);

/* The exit status that a shell would give. */
int outcome_exit_status(const struct outcome *outcome);

#endif
