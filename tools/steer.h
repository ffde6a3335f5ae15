/* SPDX-License-Identifier: MIT */
/* steer.h - looks into pagers and changes what they may do, while they run
 *
 * What a command may have is its budget, a number in the memory that its processes share (pool.h);
 * what else can be wanted of its pagers lies beside their counters (steering.h).  When any of it
 * is changed the bell rings: each process that hears it gives up its part of what is too much,
 * and who is short takes of what there is more by itself.
 *
 * Locking: none, as in pool.h and steering.h.
 */
#ifndef SPILL_STEER_H
#define SPILL_STEER_H

#include "stats.h"
#include <stddef.h>

/* Tables in which one process has pagers. */
#define STEER_TABLES 16

/* A process that is steered.  Under `spill run' it has one table, that of its command; each pager that
 * a program opens by itself has its own. */
struct steer {
	uint32_t pid;
	uint64_t mark;
	struct stats_table *table[STEER_TABLES];
	int bell[STEER_TABLES]; /* open, or -1: the process has closed it */
	size_t tables;
};

/* 0, or -errno as survey_take. */
int steer_open(struct steer *steer, uint32_t pid);
void steer_close(struct steer *steer);

/* Those that listen look at what was changed.  0, or -ENOENT: none of them can hear. */
int steer_ring(const struct steer *steer);

/* Gives the command of a process so many bytes.  0, or -errno as survey_open_pool: -ENOENT if
 * `spill run' did not start it. */
int steer_budget(const struct steer *steer, uint64_t bytes);

#endif
