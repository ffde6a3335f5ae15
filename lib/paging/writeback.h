/* SPDX-License-Identifier: MIT */
/* writeback.h - writing evicted pages to swap space
 *
 * Dirty pages of several trays go out in one request, to adjacent slots.  Each
 * handler takes slots in long runs ahead of need, so neighbours in time are
 * neighbours on disk.  While a write is in flight its pages can go back by
 * copy; the tray itself stays until the write is done.
 *
 * A device that stops for a while takes no more writes, if there is another, and no more than
 * part of the frames and of each handler's writes before that is seen: the rest goes on.
 *
 * A page's slot becomes valid when the write is done, if the page is still in
 * tray->writing: what was discarded, or evicted again, meanwhile is not.
 */
#ifndef SPILL_WRITEBACK_H
#define SPILL_WRITEBACK_H

#include "paging/handler.h"

/* 0 or -ENOMEM. */
int writeback_init(struct handler *handler);
void writeback_free(struct handler *handler);

/* Is there a write that can take a chunk's pages, and will it be written soon? */
bool writeback_has_room(struct handler *handler);

/* Adds dirty pages of a tray to the write being put together.  Their hashes
 * stand in the chunk's records.  Gives the part that found slots.  The chunk is
 * locked. */
uint64_t writeback_add(struct handler *handler, struct tray *tray, uint64_t mask);

/* Sends what has been put together. */
void writeback_submit(struct handler *handler);

/* Enters what has been written; false if some chunk was locked: call again. */
bool writeback_finish_all(struct handler *handler);

#endif
