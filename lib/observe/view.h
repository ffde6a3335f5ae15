/* SPDX-License-Identifier: MIT */
/* view.h - the tables of counters in which one process has pagers
 *
 * Under `spill run' there is one table, the command's; each pager that a program opens by itself
 * has its own.  A process of a command whose memory is still plain has no pager in the table yet,
 * but would have it there.
 *
 * For tools and other programs, not for the pager: it allocates.
 * Locking: none; each struct view belongs to its caller.
 */
#ifndef SPILL_VIEW_H
#define SPILL_VIEW_H

#include "observe/stats.h"
#include <stddef.h>

#define VIEW_TABLES 16

struct view {
	uint32_t pid;
	uint64_t mark; /* in the pid namespace of the process (process.h) */
	bool paged;    /* it has an armed pager */
	struct stats_table *table[VIEW_TABLES];
	size_t tables;
};

/* 0; -ESRCH: there is no such process; -EACCES: it belongs to somebody else; -ENOENT: it does not
 * run under spill. */
int view_open(struct view *view, uint32_t pid, bool writable);
void view_close(struct view *view);

/* Adds up the counters and gauges of its pagers, but not the histograms: a pager writes those at
 * each fault, so they are best not read without need. */
void view_sum(const struct view *view, struct spill_stats *sum);

struct view_identity {
	uint64_t mark; /* in its own pid namespace, which may not be ours */
	uint32_t user;
	char name[16]; /* as it calls itself: any bytes */
};

/* false: it is gone. */
bool view_identify(uint32_t pid, struct view_identity *ret);

#endif
