/* SPDX-License-Identifier: MIT */
/* ahead.h - pages read before anybody touches them
 *
 * What a stream asks for beyond its fault's chunk (readahead.h) is read into trays, one for each
 * chunk, and stays there: the pages are cached.  The first touch is a soft fault.  It brings in the
 * whole chunk with one MOVE and moves the stream on.  Pages that nobody touches go the way of all
 * trays, and their stream is told.
 *
 * Nobody waits for these reads.  So they take frames only while there are some to spare, and if one
 * fails, it is left to whoever needs the page.
 *
 * Locking: takes the chunks' locks (C), but only tries them.
 */
#ifndef SPILL_AHEAD_H
#define SPILL_AHEAD_H

#include "paging/handler.h"

/* With this many pages of a chunk, a whole tray is worth recycling for them. */
#define AHEAD_RECYCLES (CHUNK_PAGES / 2)

/* Starts reading these pages, as far as they are on swap space alone and frames, buffers and locks
 * are available. */
void ahead_read(struct handler *handler, struct ahead ahead);

/* Takes out of *ahead what lies in the next chunk; returns that chunk's number and the pages.
 * false: nothing is left. */
bool ahead_next(struct ahead *ahead, int64_t *ret_number, uint64_t *ret_mask);

/* Are there n frames for reading ahead?  Those for faults are left alone. */
bool ahead_has_frames(struct paging *paging, unsigned n);

#endif
