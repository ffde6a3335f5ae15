/* SPDX-License-Identifier: MIT */
/* live.h - commands and processes under spill: their state, their rates, the commands' last minute
 *
 * Each look is a survey of its own, compared with the previous one.  So nothing is kept of what has
 * ended, and what is found for the first time has no rates yet.
 *
 * Locking: none.
 */
#ifndef SPILL_LIVE_H
#define SPILL_LIVE_H

#include "processes/survey.h"
#include "top/minute.h"

/* What has a rate. */
enum live_series { LIVE_SOFT, LIVE_MAJOR, LIVE_READ, LIVE_WRITTEN, LIVE_SERIES };

struct live_process {
	struct survey_process was; /* at the last look */
	size_t command;		   /* index of its command */
	double rate[LIVE_SERIES];  /* NAN: not known, or not paged */
	double p99;		   /* ns of a major fault; NAN: there was none */
};

/* Processes that share one budget. */
struct live_command {
	uint64_t device, inode; /* identify its counters */
	uint32_t pid;		/* its first process, */
	char name[16];		/* and what that runs */
	unsigned processes;
	struct survey_share share;
	uint64_t resident, cached, compressed, swapped; /* bytes, over all its processes */
	double rate[LIVE_SERIES];
	double p50, p99; /* ns of a major fault; NAN: there was none */
	struct minute minute[LIVE_SERIES];
	struct stats sum; /* at the last look */
};

struct live {
	struct live_process *process; /* by ascending pid */
	size_t processes;
	struct live_command *command; /* by ascending pid */
	size_t commands;
	struct survey survey;
	bool only;	       /* look at one command only: */
	size_t wanted;	       /* its index in the survey */
	uint64_t time, before; /* ns: the last look, and the one before; 0: never */
};

/* From now on looks only at the command of process pid.  0, or -errno as survey_take.  live must be
 * zeroed. */
int live_only(struct live *live, uint32_t pid);

/* Looks.  Pointers to what was there before are no longer good. */
void live_look(struct live *live);
void live_free(struct live *live);

#endif
