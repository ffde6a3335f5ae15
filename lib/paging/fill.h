/* SPDX-License-Identifier: MIT */
/* fill.h - reading pages back from swap space
 *
 * A fill reads pages of a chunk that lie near to each other, there and on swap space.  A few
 * pages go through a bounce buffer and are copied in (no TLB flush); long runs
 * are read into an empty tray and moved in (no copy).  Each page is checked
 * against the hash that was kept when it was written.
 *
 * A fill stands in its chunk's list while it is in flight: whoever discards
 * pages takes them out of its mask, and they are thrown away when they come.
 */
#ifndef SPILL_FILL_H
#define SPILL_FILL_H

#include "paging/handler.h"

/* From this many pages on, a tray and one MOVE (one flush, 25 us with another
 * thread running) are cheaper than a copy of each page (1.2 us). */
#define FILL_TRAY_MIN 16

/* The same of pages in several runs: each flushes. */
static inline bool fill_moves(uint64_t mask)
{
	return mask_count(mask) >= FILL_TRAY_MIN * mask_runs(mask);
}

void fill_init(struct handler *handler, char *bounce, unsigned bounce_pages);

/* Starts reading swapped pages of the chunk: as many of mask, from the one named must
 * outwards, as one read brings and as there are buffers and credits for.  Gives what is
 * being read now, 0 if nothing.  The caller holds (C). */
uint64_t fill_start(struct handler *handler, struct chunk *chunk, uint64_t mask, unsigned must);

/* Could one be started? */
bool fill_is_free(const struct handler *handler);

/* Starts reading the first of these pages, which nobody waits for, into a tray
 * that does not use these offsets: the chunk's, or one of none, which is queued.  Gives
 * what is being read now, 0 if nothing.  The caller holds (C). */
uint64_t fill_start_ahead(struct handler *handler, struct chunk *chunk, struct tray *tray,
			  uint64_t mask);

/* Installs what has been read; false if some could not be finished yet. */
bool fill_finish_all(struct handler *handler);

/* Maps pages of the chunk that are being filled: from base + their offsets in
 * the chunk.  Gives what is mapped now; *ret_again: the kernel had no memory
 * or was busy, and the rest is worth another try. */
uint64_t fill_copy(struct pager *pager, struct chunk *chunk, uint64_t mask, const char *base,
		   bool *ret_again);
/* The same with the frames of a tray, which loses them. */
uint64_t fill_move(struct pager *pager, struct chunk *chunk, uint64_t mask, struct tray *tray,
		   bool *ret_again);

/* Cached pages go back from their tray: with their frames; or copied, and then
 * the caller has taken credits for them, of which what is not needed is given
 * back.  The caller holds (C). */
uint64_t fill_restore_move(struct pager *pager, struct chunk *chunk, uint64_t mask,
			   struct tray *tray, bool *ret_again);
uint64_t fill_restore_copy(struct pager *pager, struct chunk *chunk, uint64_t mask,
			   struct tray *tray, bool *ret_again);

/* Gives a tray of the chunk back if it holds nothing any more and nobody has it in
 * hand.  The caller holds (C). */
void fill_drop_tray(struct pager *pager, struct chunk *chunk, struct tray *tray);

/* The pages are lost: SIGBUS for whoever touches them.  The caller holds (C). */
void fill_poison(struct pager *pager, struct chunk *chunk, uint64_t mask, int err);
/* The same, where nothing can make room for them (told by the caller). */
void fill_give_up(struct pager *pager, struct chunk *chunk, uint64_t mask);
/* The same for a page for whose row there is no memory. */
void fill_give_up_unknown(struct pager *pager, uintptr_t address);
/* Whoever touches it gets SIGBUS, and so does who waits for it.  Ends the process if that cannot
 * be had. */
void fill_mark_lost(struct pager *pager, void *addr);

/* Poisoned pages among these are about to be discarded: makes them memory with
 * this protection again, where a discard alone does not.  The caller holds (C). */
void fill_lift_poison(struct pager *pager, struct chunk *chunk, uint64_t mask, int prot);

#endif
