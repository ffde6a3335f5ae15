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

#include "observe/view.h"
#include <stdbool.h>

struct steer {
	struct view view;
	int bell[VIEW_TABLES]; /* of each table, or -1: the process has closed it */
};

/* 0, or -errno as view_open. */
int steer_open(struct steer *steer, uint32_t pid);
void steer_close(struct steer *steer);

/* Those that listen look at what was changed.  0, or -ENOENT: none of them can hear, -ESRCH: it is gone. */
int steer_ring(const struct steer *steer);

/* The most that a command may have: all there is.  Whether it may have so much. */
uint64_t steer_budget_most(void);
bool steer_budget_fits(uint64_t bytes);

/* Gives the command of a process so many bytes.  0, or -errno as survey_open_pool: -ENOENT if
 * `spill run' did not start it. */
int steer_budget(const struct steer *steer, uint64_t bytes);

#endif
