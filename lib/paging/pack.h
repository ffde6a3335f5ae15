/* SPDX-License-Identifier: MIT */
/* pack.h - pages that leave are packed, and come back unpacked
 *
 *	a tray --pack_away--> the compressed store --fault: pack_bring--> resident
 *	                                `----pack_pass_on--> a tray --> swap space
 *
 * When a tray is saved (evict.h), what packs well goes to the compressed store, and the rest joins a
 * write.  So a page is either there or on its way to swap space when its frame is wanted.  Clean pages
 * are packed as well: they keep their copy on swap space, and leave the store for nothing.
 *
 * A copy stays in the store after a fault only where pages are read in order, since these soon leave
 * again as they were.
 *
 * The store grows up to its share.  Beyond that what is oldest is passed on, chunk by chunk: unpacked
 * into a tray, from which it is written as everything else is.
 *
 * Where pages do not pack, one of a chunk is tried, and the others only if it does.
 *
 * Locking: the caller holds the chunk's lock (C), unless it says otherwise.
 */
#ifndef SPILL_PACK_H
#define SPILL_PACK_H

#include "paging/handler.h"

/* Frames of the budget that only the store's own pages may have, on their way to swap space. */
#define PACK_RESERVE 16

/* Packs pages of a saved tray, whose hashes are in the chunk's records.  Returns those that the
 * compressed store holds now.  An eviction is entered. */
uint64_t pack_away(struct handler *handler, struct chunk *chunk, struct tray *tray, uint64_t mask);

/* Makes compressed pages resident; the caller has taken credits for them, and marked them as being
 * filled.  keep: the copies stay.  Returns what is resident now; *ret_again: the rest is worth another
 * try. */
uint64_t pack_bring(struct handler *handler, struct chunk *chunk, uint64_t mask, bool keep,
		    bool *ret_again);

/* How many empty blocks the store should have in stock: to pack pages takes frames before it frees
 * some. */
unsigned pack_stock(const struct paging *paging);

/* Does the store hold more than its share? */
bool pack_is_over(const struct paging *paging);

/* Lets the oldest pages go on to swap space, or drops what swap space has, or what is resident, too.
 * The caller holds no lock, and has entered an eviction.  true: something was done. */
bool pack_pass_on(struct handler *handler);

/* Has the store many frames that hold nothing, since they are in blocks that hold something?  The
 * second function frees one such block, as far as it gets the locks of its pages.  The caller holds no
 * lock, and has entered an eviction. */
bool pack_is_thin(const struct paging *paging);
void pack_drain(struct handler *handler);

#endif
