/* SPDX-License-Identifier: MIT */
/* writeback.h - writing evicted pages to swap space
 *
 * Dirty pages of several trays go out in one request, to adjacent places.  Each
 * handler takes places in long runs ahead of need, so neighbours in time are
 * neighbours on disk.  While a write is in flight its pages can go back by
 * copy; the tray itself stays until the write is done.
 *
 * A device that stops for a while takes no more writes, if there is another, and no more than
 * part of the frames and of each handler's writes before that is seen: the rest goes on.
 *
 * A page's place becomes valid when the write is done, if the page is still in
 * tray->writing: what was discarded, or evicted again, meanwhile is not.
 */
#ifndef SPILL_WRITEBACK_H
#define SPILL_WRITEBACK_H

#include "paging/paging.h"
#include "store/lane.h"

#define WRITES_MAX 8
#define WRITE_PAGES_MAX 256 /* 1 MiB at 4 KiB a page */
#define WRITE_PARTS_MAX 32

/* A write in flight: parts of trays, to adjacent places. */
struct write_part {
	struct tray *tray;
	uint64_t mask;
	struct place place; /* of its first page */
};

struct write {
	struct io_request request;
	struct iovec iov[WRITE_PAGES_MAX];
	struct write_part part[WRITE_PARTS_MAX];
	struct writes *writes;
	struct write *next; /* in the list of free or finished ones */
	unsigned parts, parts_done;
	unsigned iovs, pages;
	struct place place; /* of the first page */
	long result;
	uint64_t started; /* ns: when it was submitted; 0: it is not in flight */
};

/* A handler's, all of them. */
struct writes {
	struct paging *paging;
	struct lane *lane;
	struct write *write; /* WRITES_MAX */
	struct write *free, *finished;
	struct write *open; /* being put together */
	struct place run;   /* places taken ahead, for these writes: from this one on */
	unsigned run_left;  /* so many */
};

/* 0 or -ENOMEM. */
int writeback_init(struct writes *writes, struct paging *paging, struct lane *lane);
void writeback_free(struct writes *writes);

/* Places that were taken ahead are given back: in a fork's child they are its parent's. */
void writeback_leave_run(struct writes *writes);

/* Is there a write that can take a chunk's pages, and will it be written soon? */
bool writeback_has_room(struct writes *writes);

/* Adds dirty pages of a tray to the write being put together.  Their hashes
 * stand in the chunk's records.  Gives the part that found places.  The chunk is
 * locked. */
uint64_t writeback_add(struct writes *writes, struct tray *tray, uint64_t mask);

/* Sends what has been put together. */
void writeback_submit(struct writes *writes);

/* Enters what has been written; false if some chunk was locked: call again. */
bool writeback_finish_all(struct writes *writes);

#endif
