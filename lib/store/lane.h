/* SPDX-License-Identifier: MIT */
/* lane.h - a handler's way into the store
 *
 * Each handler has one.  It has the engine (io.h) for the swap spaces of the store, and waits in one
 * place for completions and for the descriptors that its handler watches.  Who puts and gets has a
 * request for each, of which he fills in done, iov, iov_count and owner; the lane knows where it goes.
 *
 * A swap file grows ahead of need the same way (lane_grow): fallocate may take as long as the disk
 * likes, and the handler goes on with its faults.  Other handlers leave that file alone meanwhile.
 *
 * First rule: as io.h.
 * Locking: one thread has it; what the store has of it is shared (swap.h).
 */
#ifndef SPILL_LANE_H
#define SPILL_LANE_H

#include "store/io.h"
#include "store/store.h"

struct lane {
	struct store *store;
	struct io *io;
	struct io_seal seal;	 /* of io, if the store has a cipher */
	unsigned puts_most;	 /* requests that its handler has for puts */
	unsigned puts[SWAP_MAX]; /* of these, in flight, by swap space */
	struct io_request step;	 /* of a file that grows, */
	struct swap_growth growth;
	bool growing; /* which is under way */
};

struct lane_setup {
	unsigned number;      /* the handler's */
	unsigned disable;     /* or of enum spill_feature */
	unsigned gets, puts;  /* most requests in flight */
	unsigned piece_pages; /* of each buffer for encryption (lane_frames) */
	int watches[IO_WATCHES];
};

/* In any thread; 0 or -errno. */
int lane_open(struct lane *lane, struct store *store, const struct lane_setup *setup);
/* As io_close. */
void lane_close(struct lane *lane, bool in_child);

/* Frames that a lane takes with pieces of so many pages. */
unsigned lane_frames(const struct store *store, unsigned piece_pages);

/* Takes up to want adjacent places; gives their number, and the first.  crowd: so many pages in
 * flight to one of several spaces are enough.  -ENOSPC; -EAGAIN: where there may be room no more
 * should be written now, or it grows (swap_alloc). */
int lane_find(struct lane *lane, unsigned want, int64_t crowd, struct place *ret_place);

/* Begins to read, or to write, the pages of the request from this place on. */
void lane_get(struct lane *lane, struct place place, struct io_request *request);
void lane_put(struct lane *lane, struct place place, unsigned pages, struct io_request *request);
/* A put is done, with whatever result: in done of each. */
void lane_put_done(struct lane *lane, struct place place, unsigned pages);

/* Begins a step of a file that should grow, if this lane has none under way. */
void lane_grow(struct lane *lane, uint64_t now);

#endif
