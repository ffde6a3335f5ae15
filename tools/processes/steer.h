/* SPDX-License-Identifier: MIT */
/* steer.h - looks into running pagers, and changes what they may do
 *
 * A command's budget is a number in the memory that its processes share (pool.h).  Whatever else
 * can be wanted of its pagers lies beside their counters (steering.h).  When any of it changes, the
 * bell rings.  Each process that hears it gives up its part of what is too much; a process that is
 * short takes more by itself.
 *
 * Locking: none, as in pool.h and steering.h.
 */
#ifndef SPILL_STEER_H
#define SPILL_STEER_H

#include "observe/view.h"
#include <stdbool.h>

struct steer {
	struct view view;
	int bell[VIEW_TABLES]; /* one for each table; -1: the process has closed it */
};

/* 0 or -errno, as view_open. */
int steer_open(struct steer *steer, uint32_t pid);
void steer_close(struct steer *steer);

/* Makes those that listen look at what has changed.  0; -ENOENT: none of them can hear; -ESRCH: the
 * process is gone. */
int steer_ring(const struct steer *steer);

/* The most that a command may have: all memory there is.  Is a budget within bounds? */
uint64_t steer_budget_most(void);
bool steer_budget_fits(uint64_t bytes);

/* Sets the budget of the process's command, in bytes.  0, or -errno as survey_open_pool: -ENOENT if
 * `spill run' did not start it. */
int steer_budget(const struct steer *steer, uint64_t bytes);

#endif
