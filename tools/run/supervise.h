/* SPDX-License-Identifier: MIT */
/* supervise.h - runs a command as a child, for those who wait for its end: forks, passes signals on, waits
 */
#ifndef SPILL_SUPERVISE_H
#define SPILL_SUPERVISE_H

#include <sys/resource.h>

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

#endif
