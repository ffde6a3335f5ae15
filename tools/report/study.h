/* SPDX-License-Identifier: MIT */
/* study.h - what a recording says: how much memory a program needs, what it touches, when
 *
 * The curve is a miniature simulation (Waldspurger et al., USENIX ATC 2017): the touches of the
 * sample go through the pager's own policy (model.h) with a budget that is as small a part
 * of the budget as the sample is of the memory.  Its chunks are numbered one after the other, so
 * what goes through all of the memory in order goes through them in order.  What it reads back,
 * divided by that part, is what is predicted.  Memory that is not managed, and what the pager takes for itself, is
 * taken off the budget first, as it is when a program runs.
 *
 * The part that the sample is of all pages is known, since the pager counts all that are
 * touched for the first time; it is not taken from the threshold, which says what it would be on
 * average (SHARDS, section 3.2, corrects for the same).
 *
 * Where the recording began in the middle of a run there is nothing but the threshold, and what the
 * first touch of a page would find is not known.  So the touches go through the policy twice, and
 * the second time counts: as if the program went on like that.
 */
#ifndef SPILL_STUDY_H
#define SPILL_STUDY_H

#include "report/recording.h"

#define STUDY_SLICES 24 /* of the time */

/* One budget. */
struct study_point {
	uint64_t budget; /* bytes */
	double read;	 /* pages read back, in all */
	double major;	 /* touches that wait for that */
	double soft;	 /* pages that come back from a tray */
	bool possible;	 /* else it is less than the program can have */
};

/* A piece of the address space. */
struct study_region {
	uint64_t start, end; /* bytes */
	double pages;	     /* that were touched */
	double touches;
};

/* A slice of the time. */
struct study_slice {
	double start;	/* seconds since the first */
	double kept;	/* bytes: of pages with contents, at its end */
	double touched; /* bytes: of pages that were touched in it */
	double read;	/* pages that were read back then, and evicted */
	double evicted;
};

struct study_touch {
	uint32_t page; /* of the sample, numbered anew */
	uint32_t kind; /* enum trace_kind: a fault, or a discard */
	uint64_t mask;
};

struct study {
	struct recording recording;
	uint64_t *chunks; /* of the sample, in the order of their addresses */
	uint32_t chunk_count;
	uint64_t *seen;	 /* their pages that were touched */
	double *touched; /* how often */
	struct study_touch *touch;
	size_t touch_count;
	double touches; /* of pages, in all of the memory */
	double part;	/* of all pages that the sample is */
	bool sampled;	/* else only faults were recorded that the budget made */
	double seconds;
	uint64_t gauge[GAUGES]; /* at the end */
	uint64_t gauge_most[GAUGES];
	uint64_t need; /* bytes: a budget in which all of it stays */
	struct study_slice slice[STUDY_SLICES];
	struct study_region *region; /* in the order of their addresses */
	size_t region_count;
};

/* 0 or -errno; -EINVAL: it is no recording; -ENODATA: one without a touch. */
int study_load(struct study *study, const char *path);
void study_free(struct study *study);

/* What this budget would cost.  0 or -ENOMEM. */
int study_predict(const struct study *study, uint64_t budget, struct study_point *ret_point);

/* The least budget with which no more pages than most->read are read back, and no more than
 * most->major touches wait for it.  0 or -ENOMEM. */
int study_least(const struct study *study, const struct study_point *most, uint64_t *ret_budget);

#endif
