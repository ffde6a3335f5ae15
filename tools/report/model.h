/* SPDX-License-Identifier: MIT */
/* model.h - the pager without a kernel: how often pages would be read back
 *
 * It replays touches through the pager's own code: policy.c, readahead.c, chunk.c and
 * arena.c as they are.  There is no userfaultfd, thread or disk: every read and write is done at
 * once.
 */
#ifndef SPILL_MODEL_H
#define SPILL_MODEL_H

#include <stdint.h>

struct model;

/* As a pager would have them with some budget. */
struct model_size {
	uint64_t limit;	    /* frames: the budget */
	uint64_t charge;    /* of these, what handlers take for themselves */
	uint64_t low, high; /* evictions keep so many free; 0: as such a budget has it */
	unsigned spent;	    /* trays with frames that hold nothing, before these are given back; */
	unsigned window;    /* pages that are read ahead at most; */
	unsigned streams;   /* that are followed; 0: as the pager has it */
};

struct model_counts {
	uint64_t zeroed; /* pages that were touched for the first time, or after a discard */
	uint64_t read;	 /* pages read back, wanted or not */
	uint64_t major;	 /* touches that had to wait for that */
	uint64_t soft;	 /* touches of what was in a tray */
};

/* Of so many pages, in chunks of 64, none of which was touched.  NULL: no memory. */
struct model *model_new(uint32_t pages, const struct model_size *size);
void model_free(struct model *model);

/* A page is touched; with: if it is made now, these of its chunk are made with it.  0, or -ENOSPC:
 * there are too few frames for anything. */
int model_touch(struct model *model, uint32_t page, uint64_t with);
/* Pages of the chunk are discarded: they are zeros when they are touched next. */
void model_discard(struct model *model, uint32_t chunk, uint64_t mask);

struct model_counts model_counts(const struct model *model);

#endif
