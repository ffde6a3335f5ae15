/* SPDX-License-Identifier: MIT */
/* lane.h - a handler's way into the store
 *
 * Each handler has one lane.  The lane has an engine (io.h) for the store's swap spaces, and is the
 * one place where its handler waits: for completions, and for the descriptors that the handler
 * watches.  The caller brings a request for each put and get, with done, iov, iov_count and owner
 * filled in; the lane knows where it goes.
 *
 * Swap files grow ahead of need in the same way (lane_grow): fallocate may take as long as the disk
 * likes, and the handler goes on serving faults.  Meanwhile other handlers do not let that file
 * grow.
 *
 * First rule: as io.h.
 * Locking: a lane belongs to one thread.  What it uses of the store is shared (swap.h).
 */
#ifndef SPILL_LANE_H
#define SPILL_LANE_H

#include "store/io.h"
#include "store/store.h"

struct lane {
	struct store *store;
	struct io *io;
	uint64_t now;		 /* ns: as its handler has it, set in each round */
	struct io_seal seal;	 /* for io, if the store has a cipher */
	unsigned puts_most;	 /* put requests that its handler has */
	unsigned puts[SWAP_MAX]; /* of these, those in flight, by swap space */
	struct io_request step;	 /* a step of a growing file, */
	struct swap_growth growth;
	bool growing; /* if one is under way */
};

struct lane_setup {
	unsigned number;      /* the handler's */
	unsigned disable;     /* enum spill_feature, or'ed */
	unsigned gets, puts;  /* most requests in flight */
	unsigned piece_pages; /* size of each encryption buffer (lane_frames) */
	int ears[IO_EARS];
};

/* From any thread.  0 or -errno. */
int lane_open(struct lane *lane, struct store *store, const struct lane_setup *setup);
/* As io_close. */
void lane_close(struct lane *lane, bool in_child);

/* Frames that a lane takes if its encryption buffers have this many pages. */
unsigned lane_frames(const struct store *store, unsigned piece_pages);

/* Takes up to want adjacent places; returns their number, and the first in *ret_place.  crowd: of
 * several spaces, one with this many pages in flight gets no more.  -ENOSPC; -EAGAIN: there may be
 * room, but the space is busy or still growing (swap_alloc). */
int lane_find(struct lane *lane, unsigned want, int64_t crowd, struct place *ret_place);

/* Starts reading or writing the request's pages, from this place on. */
void lane_get(struct lane *lane, struct place place, struct io_request *request);
void lane_put(struct lane *lane, struct place place, unsigned pages, struct io_request *request);
/* Must be called from done of each put, whatever its result. */
void lane_put_done(struct lane *lane, struct place place, unsigned pages, uint64_t now);

/* Starts the next step of a file that should grow, unless this lane has one under way. */
void lane_grow(struct lane *lane);

#endif
