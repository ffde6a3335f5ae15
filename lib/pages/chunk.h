/* SPDX-License-Identifier: MIT */
/* chunk.h - 64 pages, one row of the page table: the life of a page
 *
 * What is true of a page is a bit in each of these masks:
 *
 *	            resident cached swapped filling poisoned
 *	absent         .       .      .       .        .
 *	resident       1       .     0/1      .        .
 *	cached         .       1     0/1      .        .
 *	swapped        .       .      1       .        .
 *	filling        .       .     0/1      1        .
 *	poisoned       .       .      .       .        1
 *
 * swapped means that the store holds a copy; if the page is resident or cached as
 * well, the copy is good as long as the contents still hash to what was kept
 * with its place.  A page that is evicted and all zeros becomes absent.
 *
 *	absent --zero fill--> resident --evict--> cached --reclaim--> swapped
 *	                          ^-----soft fault---'                   |
 *	                          `--------------- major fault ----------'
 *
 * Cached pages lie in trays (arena.h) at their own offsets.  A chunk has one
 * tray for each time that part of it was evicted and not yet reclaimed;
 * usually none or one.
 *
 * A page that is foreign has none of these: the program gave it to a userfaultfd of its own.
 * The kernel lets us put pages there all the same (mm/userfaultfd.c of Linux 6.18: COPY asks
 * whether the mapping has a userfaultfd, not whose it is), so we must not.
 *
 * All changes of state are in chunk.c; a debug build runs chunk_check after each.
 *
 * Invariant: as in the table; cached is the union of the trays' valid masks,
 * which are disjoint; a read's mask is part of filling; hot is part of resident
 * and filling.
 * Locking: (C) the row's own lock.  Handlers only try it; application threads
 * wait for it, several in the order of their addresses, while they hold (G).
 * A row lives as long as its pager, so a pointer to it is always good.
 */
#ifndef SPILL_CHUNK_H
#define SPILL_CHUNK_H

#include "pages/arena.h"
#include "base/lock.h"
#include "base/page.h"
#include "spill.h"
#include "store/store.h"

struct pages;

/* Records change only in evictions, in write-backs and under (G); a fork holds all of
 * these back, so that its child sees records that fit their row. */
struct page_record {
	uint64_t hash;	    /* (C) of the contents that the place holds, or is about to */
	struct place place; /* (C) in the store; true while swapped */
};

/* A read of pages of a chunk, as far as the chunk knows of it (the rest is in fill.h). */
struct inflight {
	struct inflight *sibling; /* (C) the chunk's next */
	uint64_t mask;		  /* (C) pages that are still wanted */
	uint64_t all;		  /* pages that are read; each holds a credit */
};

/* A place in one of the policy's queues. */
struct queued {
	struct chunk *newer, *older;
	bool here;
};

struct chunk {
	struct lock lock;
	uintptr_t address;	  /* of the first page; never changes */
	uint64_t resident;	  /* (C) */
	uint64_t cached;	  /* (C) */
	uint64_t swapped;	  /* (C) */
	uint64_t filling;	  /* (C) */
	uint64_t poisoned;	  /* (C) */
	uint64_t pinned;	  /* (C) not to be evicted */
	uint64_t hot;		  /* (C) came back soon after it had left: proven (policy.h) */
	uint64_t left[2];	  /* (C) left in this epoch, and in the one before (policy.h) */
	uint64_t epoch;		  /* (C) when left was brought up to date */
	uint64_t unmovable;	  /* (C) MOVE refused with EINVAL; cleared by mprotect */
	uint64_t foreign;	  /* (C) another userfaultfd has it: never to be filled */
	struct tray *trays;	  /* (C) linked through tray->sibling */
	struct inflight *reads;	  /* (C) in flight, linked through their sibling */
	struct queued queue[2];	  /* (P) by standing (policy.h) */
	bool claimed;		  /* (G) locked for a change of the mapping (replace.c) */
	bool sampled, watched;	  /* (W) in a recording's sample, in its queue (watch.h) */
	struct page_record *page; /* CHUNK_PAGES of them, apart: rows alone are walked faster */
};

static inline bool chunk_try_lock(struct chunk *chunk)
{
	return lock_try(&chunk->lock, LOCK_CHUNK);
}

static inline void chunk_unlock(struct chunk *chunk)
{
	lock_drop(&chunk->lock, LOCK_CHUNK);
}

static inline void *chunk_page(const struct chunk *chunk, unsigned i)
{
	return (void *)(chunk->address + ((uintptr_t)i << page_shift()));
}

/* Of an address within it. */
static inline unsigned chunk_index(const struct chunk *chunk, uintptr_t address)
{
	unsigned i = (unsigned)((address - chunk->address) >> page_shift());

	assert(i < CHUNK_PAGES);
	return i;
}

/* The pages of this chunk that [start, end) touches. */
uint64_t chunk_mask_of(const struct chunk *chunk, uintptr_t start, uintptr_t end);

static inline uint64_t chunk_absent(const struct chunk *chunk)
{
	return ~(chunk->resident | chunk->cached | chunk->swapped | chunk->filling |
		 chunk->poisoned | chunk->foreign);
}

/* On swap space alone. */
static inline uint64_t chunk_readable(const struct chunk *chunk)
{
	return chunk->swapped & ~(chunk->resident | chunk->cached | chunk->filling);
}

/* SPILL_ABSENT, SPILL_RESIDENT ... */
static inline unsigned chunk_state(const struct chunk *chunk, unsigned i)
{
	uint64_t bit = mask_bit(i);

	return chunk->resident & bit   ? SPILL_RESIDENT
	       : chunk->filling & bit  ? SPILL_FILLING
	       : chunk->poisoned & bit ? SPILL_POISONED
	       : chunk->cached & bit   ? SPILL_CACHED
	       : chunk->swapped & bit  ? SPILL_SWAPPED
				       : SPILL_ABSENT;
}

/* -- changes of state; the caller holds (C) ------------------------------- */

/* A read of these pages is in flight, or they are being filled right now. */
void chunk_begin_fill(struct chunk *chunk, uint64_t mask);
/* They are no longer; installed is the part that is mapped now. */
void chunk_end_fill(struct pages *pages, struct chunk *chunk, uint64_t mask, uint64_t installed);

/* A read of these pages is in flight into a tray of the chunk, new or not, with
 * frames and credits for them: nobody asked for them yet. */
void chunk_begin_ahead(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask);
/* It no longer is; good is the part that is in the tray now: cached. */
void chunk_end_ahead(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask,
		     uint64_t good);

/* These pages, resident or being filled, were wanted back soon: they are hot. */
void chunk_prove(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* Pages that arming found, or that came behind our back, are resident. */
void chunk_found_resident(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* Resident pages left for this tray, which is the chunk's from now on. */
void chunk_evict(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask);
/* The same for a tray that the chunk has already, and that is in no queue. */
void chunk_evict_more(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask);
/* Cached pages that were being put back (chunk_begin_fill) no longer are;
 * installed went back: moved with their frames, else copied. */
void chunk_end_restore(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask,
		       uint64_t installed, bool moved);
/* Cached pages need not be kept: the store has them, or they are zeros. */
void chunk_uncache(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask);
/* The tray leaves the chunk; nothing in it is valid any more. */
void chunk_detach(struct chunk *chunk, struct tray *tray);

/* The place now holds the contents whose hash is in the record; and it no longer
 * does (it is free). */
void chunk_keep_copy(struct chunk *chunk, unsigned i, struct place place);
void chunk_drop_copies(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* The contents are gone, whatever they were: zeros from now on.  The caller
 * has made the mapping agree. */
void chunk_discard(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* The pages are another's from now on, whatever they hold; and they may be ours again, absent. */
void chunk_let_go(struct pages *pages, struct chunk *chunk, uint64_t mask);
void chunk_welcome(struct chunk *chunk, uint64_t mask);

/* The contents are lost: whoever touches it gets SIGBUS. */
void chunk_poison(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* Arming failed: nothing is known of its pages, and no queue has it. */
void chunk_forget(struct chunk *chunk);

/* In a fork's child: what the row says here.  Trays and reads in flight are the
 * parent's; present: managed pages that the child has, asked for where a handler was at
 * work on the chunk.  Gives the pages of which the child has nothing, since they could neither
 * be written nor put back: they are poisoned. */
uint64_t chunk_fork_child(struct pages *pages, struct chunk *chunk, uint64_t present);

/* Stops if an invariant does not hold (debug builds; else nothing). */
#ifdef SPILL_DEBUG
void chunk_check(const struct chunk *chunk);
#else
static inline void chunk_check(const struct chunk *chunk)
{
	(void)chunk;
}
#endif

/* The tray that holds page i, or NULL. */
struct tray *chunk_tray_of(const struct chunk *chunk, unsigned i);

/* What of a tray may go back with page i of it.  Holes in what was read ahead are pages that were
 * here already, unless they are still being read.  What waits after an eviction is better left
 * where a touch proves it. */
uint64_t chunk_restorable(const struct tray *tray, unsigned i);

#endif
