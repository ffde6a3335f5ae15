/* SPDX-License-Identifier: MIT */
/* study.h - what a recording says: how much memory a program needs, what it touches, when
 *
 * The curve is a miniature simulation (Waldspurger et al., USENIX ATC 2017).  The sample's touches
 * go through the pager's own policy (model.h), with a budget scaled down by the same factor as the
 * memory.  The sample's chunks are numbered one after the other, so what goes through all of the
 * memory in order goes through them in order.  The prediction is what the model reads back, scaled
 * up again.  Memory that is not managed, and what the pager takes for itself, are taken off the
 * budget first, as when a program runs.
 *
 * The sample's part of all pages is known, since the pager counts all pages that are touched for
 * the first time.  It is not derived from the threshold, which says only what the part would be on
 * average (SHARDS, section 3.2, corrects for the same).
 *
 * If the recording began in the middle of a run, there is only the threshold, and nobody knows what
 * the first touch of a page would find.  So the touches go through the policy twice, and the second
 * time counts: as if the program went on like that.
 */
#ifndef SPILL_STUDY_H
#define SPILL_STUDY_H

#include "report/recording.h"

#define STUDY_SLICES 24 /* over the whole time */

/* One budget. */
struct study_point {
	uint64_t budget; /* bytes */
	double read;	 /* pages read back in all */
	double major;	 /* touches that wait for a read */
	double soft;	 /* pages that come back from a tray */
	bool possible;	 /* false: less than the program can have */
};

/* A piece of the address space. */
struct study_region {
	uint64_t start, end; /* bytes */
	double pages;	     /* how many were touched */
	double touches;
};

/* A slice of the time. */
struct study_slice {
	double start;	/* seconds since the first slice */
	double kept;	/* bytes in pages with contents, at its end */
	double touched; /* bytes in pages that were touched in it */
	double read;	/* pages read back in it, and evicted */
	double evicted;
};

struct study_touch {
	uint32_t page; /* in the sample, renumbered */
	uint32_t kind; /* enum trace_kind: a fault, or a discard */
	uint64_t mask;
};

struct study {
	struct recording recording;
	uint64_t *chunks; /* of the sample, by ascending address */
	uint32_t chunk_count;
	uint64_t *seen;	 /* pages of each that were touched */
	double *touched; /* how often each was touched */
	struct study_touch *touch;
	size_t touch_count;
	double touches; /* of pages, scaled to all of the memory */
	double part;	/* of all pages, in the sample */
	bool sampled;	/* false: only faults were recorded, as the budget made them */
	double seconds;
	uint64_t gauge[GAUGES]; /* at the end */
	uint64_t gauge_most[GAUGES];
	uint64_t need; /* bytes: a budget in which everything stays */
	struct study_slice slice[STUDY_SLICES];
	struct study_region *region; /* by ascending address */
	size_t region_count;
};

/* 0 or -errno; -EINVAL: not a recording; -ENODATA: one without a touch. */
int study_load(struct study *study, const char *path);
void study_free(struct study *study);

/* What would this budget cost?  0 or -ENOMEM. */
int study_predict(const struct study *study, uint64_t budget, struct study_point *ret_point);

/* The least budget with which no more than most->read pages are read back, and no more than
 * most->major touches wait for that.  0 or -ENOMEM. */
int study_least(const struct study *study, const struct study_point *most, uint64_t *ret_budget);

#endif
