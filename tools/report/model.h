/* SPDX-License-Identifier: MIT */
/* model.h - the pager without a kernel: how often would pages be read back?
 *
 * It replays touches through the pager's own code, policy.c, readahead.c, chunk.c and arena.c as
 * they are.  There is no userfaultfd, no thread and no disk: every read and write is done at once.
 */
#ifndef SPILL_MODEL_H
#define SPILL_MODEL_H

#include <stdint.h>

struct model;

/* What the pager does for a time (evict.c, AMPLE_NS) the model does for about as many faults. */
#define AMPLE_FAULTS 500

/* Free frames that evictions keep. */
struct model_reserve {
	uint64_t low, high;
};

/* The sizes that a pager would have with some budget. */
struct model_size {
	uint64_t limit;			     /* frames: the budget */
	uint64_t charge;		     /* of these, what handlers take for themselves */
	struct model_reserve reserve, ample; /* the second while pages are read ahead (evict.c);
						0: as for such a budget */
	unsigned ample_faults;		     /* for so many faults after that, */
	unsigned spent;	  /* trays with spent frames before these are given back, */
	unsigned window;  /* most pages to read ahead, */
	unsigned streams; /* streams to follow; each 0: as the pager does */
};

struct model_counts {
	uint64_t zeroed; /* pages touched for the first time, or after a discard */
	uint64_t read;	 /* pages read back, wanted or not */
	uint64_t major;	 /* touches that had to wait for a read */
	uint64_t soft;	 /* touches of pages in trays */
};

/* A model of this many pages, in chunks of 64, none touched so far.  NULL: no memory. */
struct model *model_new(uint32_t pages, const struct model_size *size);
void model_free(struct model *model);

/* A page is touched.  with: if the page is made now, these pages of its chunk are made too.  0, or
 * -ENOSPC: there are too few frames for anything. */
int model_touch(struct model *model, uint32_t page, uint64_t with);
/* Pages of the chunk are discarded: they will be zeros when next touched. */
void model_discard(struct model *model, uint32_t chunk, uint64_t mask);

struct model_counts model_counts(const struct model *model);

#endif
