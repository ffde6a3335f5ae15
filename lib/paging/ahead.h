/* SPDX-License-Identifier: MIT */
/* ahead.h - pages read before anybody touches them
 *
 * What a stream asks for beyond the chunk of its fault (readahead.h) is read
 * into trays, a tray to a chunk, and stays there: the pages are cached.  The
 * first touch is a soft fault, which brings in all of the chunk with one MOVE
 * and moves the stream on.  Pages that nobody touches go the way of all trays,
 * and their stream is told.
 *
 * Nobody waits for these reads, so they take frames only while there are some to
 * spare, and a read that fails is left to whoever needs the page.
 *
 * Locking: takes the chunks' locks (C), by trying.
 */
#ifndef SPILL_AHEAD_H
#define SPILL_AHEAD_H

#include "paging/handler.h"

/* So many pages of a chunk are worth a whole tray, which is recycled for them. */
#define AHEAD_RECYCLES (CHUNK_PAGES / 2)

/* Starts to read these pages, as far as they are on swap space alone, and there
 * are frames, buffers and locks to be had. */
void ahead_read(struct handler *handler, struct ahead ahead);

/* What of it lies in the next chunk, of this number, is taken out of it.  false: it is empty. */
bool ahead_next(struct ahead *ahead, int64_t *ret_number, uint64_t *ret_mask);

/* Are there n frames for it?  Those for faults are left alone. */
bool ahead_has_frames(struct paging *paging, unsigned n);

#endif
