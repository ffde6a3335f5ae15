/* SPDX-License-Identifier: MIT */
/* live.h - commands and processes under spill: as they are now, what they do a second, and what the
 * commands did in the last minute
 *
 * Each look is a survey of its own, compared with the one before: so nothing is kept of what has
 * ended.  What is found for the first time has no rates yet.
 *
 * Locking: none.
 */
#ifndef SPILL_LIVE_H
#define SPILL_LIVE_H

#include "processes/survey.h"
#include "top/minute.h"

/* What there is so much of a second. */
enum live_series { LIVE_SOFT, LIVE_MAJOR, LIVE_READ, LIVE_WRITTEN, LIVE_SERIES };

struct live_process {
	struct survey_process was; /* at the last look */
	size_t command;		   /* index of the command that it belongs to */
	double rate[LIVE_SERIES];  /* NAN: not known, or it is not paged */
	double p99;		   /* ns of a major fault; NAN: there was none */
};

/* What shares one budget. */
struct live_command {
	uint64_t device, inode; /* of its counters */
	uint32_t pid;		/* its first process; */
	char name[16];		/* what that runs */
	unsigned processes;
	struct survey_share share;
	uint64_t resident, cached, swapped; /* bytes, of all its processes */
	double rate[LIVE_SERIES];
	double p50, p99; /* ns of a major fault; NAN: there was none */
	struct minute minute[LIVE_SERIES];
	struct stats sum; /* at the last look */
};

struct live {
	struct live_process *process; /* ordered by pid */
	size_t processes;
	struct live_command *command; /* ordered by pid */
	size_t commands;
	struct survey survey;
	bool only;	       /* no more than one command is looked at: */
	size_t wanted;	       /* its index in the survey */
	uint64_t time, before; /* ns: when it was last looked, and before; 0: never */
};

/* From now on it looks at no other command than that of process pid.  0, or -errno as survey_take.
 * live: zeros at first. */
int live_only(struct live *live, uint32_t pid);

/* Looks; what was there before is at another place now. */
void live_look(struct live *live);
void live_free(struct live *live);

#endif
