/* SPDX-License-Identifier: MIT */
/* pack.h - pages that leave are packed, and come back unpacked
 *
 *	a tray --pack_away--> the compressed store --fault: pack_bring--> resident
 *	                                `----pack_tend--> a tray --> swap space
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
 * Pages that are read in order are left to the disk, which reads many at once.
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

/* Now and then: keeps the stock of empty blocks, drains thin ones, chooses the store's share, and passes
 * on what is oldest if the store holds more.  The caller holds no lock, and has entered an eviction. */
void pack_tend(struct handler *handler);

/* No other frame can be freed: the store, which has some, gives up its stock, or else passes on what is
 * oldest, whatever its share.  The caller as above.  true: something was done. */
bool pack_relieve(struct handler *handler);

#endif
