/* SPDX-License-Identifier: MIT */
/* survey.h - the processes that run under spill, and what each has counted
 *
 * A survey looks at what the processes of this machine have open (fd_search.h).  Those that publish
 * counters, or were handed them by `spill run`, are under spill.  Other users' processes are not
 * seen.  A survey that is taken again shows the processes as they are then.  It goes on counting
 * what it once found, even when the processes have ended.
 */
#ifndef SPILL_SURVEY_H
#define SPILL_SURVEY_H

#include "observe/stats.h"
#include <stdbool.h>
#include <stddef.h>

struct survey_process {
	uint32_t pid;
	uint32_t user;
	uint64_t mark;	/* as in its own PID namespace (process.h) */
	size_t command; /* index of its command */
	char name[16];
	bool paged;	  /* it has an armed pager; otherwise its memory is plain */
	struct stats sum; /* over its pagers; gauges too, since a process's pagers exist side by
			     side */
};

/* What one memfd of counters covers: the processes of one `spill run`, or one pager. */
struct survey_command {
	const struct stats_table *table;
	uint64_t device, inode;
};

struct survey {
	struct survey_process *process; /* by ascending pid */
	size_t processes;
	struct survey_command *command;
	size_t commands;
	bool only_these; /* do not look for other commands */
};

/* Looks at process pid, or at all (0).  survey must be zeroed.  0; -ENOENT: it does not run under
 * spill, or nothing does; -ESRCH: there is no such process; -EACCES: it is somebody else's. */
int survey_take(struct survey *survey, uint32_t pid);
void survey_free(struct survey *survey);

/* The same process as it was then; NULL: it was not there. */
const struct survey_process *survey_find(const struct survey *survey,
					 const struct survey_process *wanted);

/* Opens the pool of the process's command (pool.h).  A descriptor, or -errno as survey_take;
 * -ENOENT also if the command has none. */
int survey_open_pool(uint32_t pid, int flags);

/* That command's budget, or that of the process's own pagers (0: not known), and what all of them
 * take of it, including memory that is not paged.  In bytes. */
struct survey_share {
	uint64_t budget, held;
};
struct survey_share survey_share(const struct survey_process *process);

/* CPU time that its handlers have used, in ns. */
uint64_t survey_cpu(const struct survey_process *process);

/* All counters added up, including pagers that are gone: of one command, of all. */
void survey_sum_command(const struct survey_command *command, struct stats *ret_sum);
void survey_sum(const struct survey *survey, struct stats *ret_sum);

#endif
