/* SPDX-License-Identifier: MIT */
/* writeback.h - writing evicted pages to swap space
 *
 * Dirty pages of several trays go out in one request, to adjacent places.  Each handler takes long
 * runs of places ahead of need, so neighbours in time are neighbours on disk.  While a write is in
 * flight, its pages can go back by copy; the tray itself stays until the write is done.
 *
 * A device that stops for a while gets no more writes if there is another.  Until that is noticed,
 * it gets only a part of the frames and of each handler's writes, so the rest goes on.
 *
 * A page gets its place when the write is done, if the page is then still in tray->writing: one
 * that was discarded or evicted again meanwhile is not.
 */
#ifndef SPILL_WRITEBACK_H
#define SPILL_WRITEBACK_H

#include "paging/paging.h"
#include "store/lane.h"

#define WRITES_MAX 8
#define WRITE_PAGES_MAX 256 /* 1 MiB at 4 KiB a page */
#define WRITE_PARTS_MAX 32

/* Part of a write: pages of one tray, to adjacent places. */
struct write_part {
	struct tray *tray;
	uint64_t mask;
	struct place place; /* of the first page */
};

struct write {
	struct io_request request;
	struct iovec iov[WRITE_PAGES_MAX];
	struct write_part part[WRITE_PARTS_MAX];
	struct writes *writes;
	struct write *next; /* in the free list, or in the finished one */
	unsigned parts, parts_done;
	unsigned iovs, pages;
	struct place place; /* of the first page */
	long result;
	uint64_t started; /* ns: when it was submitted; 0: not in flight */
};

/* All writes of a handler. */
struct writes {
	struct paging *paging;
	struct lane *lane;
	struct write *write; /* WRITES_MAX */
	struct write *free, *finished;
	struct write *open; /* being put together */
	struct place run;   /* places taken ahead for these writes: from this one on, */
	unsigned run_left;  /* this many */
};

/* 0 or -ENOMEM. */
int writeback_init(struct writes *writes, struct paging *paging, struct lane *lane);
void writeback_free(struct writes *writes);

/* Gives back places that were taken ahead; for a fork's child they are the parent's. */
void writeback_leave_run(struct writes *writes);

/* Is there a write that can take a chunk's pages, and will it be written soon? */
bool writeback_has_room(struct writes *writes);

/* Swap space was full.  Asks it once more: another process may have left places since.  true: it has
 * some. */
bool writeback_asks_again(struct writes *writes);

/* Adds dirty pages of a tray to the write that is being put together.  The chunk's records hold
 * their hashes.  Returns the part that found places.  The chunk is locked. */
uint64_t writeback_add(struct writes *writes, struct tray *tray, uint64_t mask);

/* Sends what has been put together. */
void writeback_submit(struct writes *writes);

/* Enters what has been written.  false: some chunk was locked, call again. */
bool writeback_finish_all(struct writes *writes);

#endif
