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

#include "stats.h"
#include <stdbool.h>
#include <stddef.h>

struct survey_process {
	uint32_t pid;
	uint32_t user;
	uint32_t inner; /* its number in its own pid namespace */
	uint32_t start; /* as in its mark (process.h) */
	size_t command; /* index of the command that it belongs to */
	char name[16];
	bool paged;	  /* it has an armed pager; else it has plain memory */
	struct stats sum; /* of its pagers; gauges too: the pagers of a process are beside each
			     other */
	uint64_t cpu;	  /* ns that its handlers have used */
};

/* What one memfd of counters tells of: the processes of one `spill run`, or one pager. */
struct survey_command {
	const struct stats_table *table;
	uint64_t device, inode;
	uint64_t budget; /* of all of its processes; 0: it is not known */
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

/* The budget of its command (pool.h), opened; or -errno as survey_take, -ENOENT also if it has none. */
int survey_open_pool(uint32_t pid, int flags);

/* All that was counted, of the pagers that are gone too; gauges are those of living processes. */
void survey_sum(const struct survey *survey, struct stats *ret_sum);

#endif
