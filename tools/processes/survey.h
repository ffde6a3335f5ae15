/* SPDX-License-Identifier: MIT */
/* survey.h - the processes that run under spill, and what each has counted
 *
 * A survey looks at what the processes of this machine have open (attach.h): those that
 * publish counters, or were handed them by `spill run`, are under spill.  Those of other
 * users are not seen.  Taken again it shows them as they are then; what it found once it goes
 * on counting, also when the processes have ended.
 */
#ifndef SPILL_SURVEY_H
#define SPILL_SURVEY_H

#include "observe/stats.h"
#include <stdbool.h>
#include <stddef.h>

struct survey_process {
	uint32_t pid;
	uint32_t user;
	uint64_t mark;	/* as in its own pid namespace (process.h) */
	size_t command; /* index of the command that it belongs to */
	char name[16];
	bool paged;	  /* it has an armed pager; else it has plain memory */
	struct stats sum; /* of its pagers; gauges too: the pagers of a process are beside each
			     other */
};

/* What one memfd of counters tells of: the processes of one `spill run`, or one pager. */
struct survey_command {
	const struct stats_table *table;
	uint64_t device, inode;
};

struct survey {
	struct survey_process *process; /* ordered by pid */
	size_t processes;
	struct survey_command *command;
	size_t commands;
	bool only_these; /* no other commands are looked for */
};

/* Looks at process pid, or at all (0).  0, -ENOENT: nothing of it runs under spill, -ESRCH:
 * there is no such process, -EACCES: it is somebody else's.  survey: zeros at first. */
int survey_take(struct survey *survey, uint32_t pid);
void survey_free(struct survey *survey);

/* The same process, as it was then; NULL: it was not there. */
const struct survey_process *survey_find(const struct survey *survey,
					 const struct survey_process *wanted);

/* The budget of its command (pool.h), opened; or -errno as survey_take, -ENOENT also if it has
 * none. */
int survey_open_pool(uint32_t pid, int flags);

/* That budget, or that of the process's own pagers (0: it is not known), and what is taken of it by
 * all of them, memory that is not paged included; in bytes. */
struct survey_share {
	uint64_t budget, held;
};
struct survey_share survey_share(const struct survey_process *process);

/* What its handlers have used of the CPU, in ns. */
uint64_t survey_cpu(const struct survey_process *process);

/* All counters added up, of the pagers that are gone too: of one command, of all. */
void survey_sum_command(const struct survey_command *command, struct stats *ret_sum);
void survey_sum(const struct survey *survey, struct stats *ret_sum);

#endif
