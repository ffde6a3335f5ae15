/* SPDX-License-Identifier: MIT */
/* chunk.h - 64 pages, one row of the page table: the life of a page
 *
 * A page's state is a bit in each of these masks:
 *
 *	            resident cached compressed swapped filling poisoned
 *	absent         .       .        .         .       .        .
 *	resident       1       .       0/1       0/1      .        .
 *	cached         .       1       0/1       0/1      .        .
 *	compressed     .       .        1        0/1      .        .
 *	swapped        .       .        .         1       .        .
 *	filling        .       .       0/1       0/1      1        .
 *	poisoned       .       .        .         .       .        1
 *
 * compressed and swapped mean that the compressed store, or swap space, holds a copy.  If the page is
 * also resident or cached, these copies are good as long as the contents still have the hash that was
 * kept with them.  A page that is all zeros when it is evicted becomes absent.
 *
 *	absent --zero fill--> resident --evict--> cached --reclaim--> compressed ------> swapped
 *	                         ^ ^-----soft fault---'                    |                |
 *	                         | `----------- compressed fault ----------'                |
 *	                         `------------------------- major fault -------------------'
 *
 * Of a page that is one word again and again, the compressed store has nothing: the word stands in
 * the place of the hash.
 *
 * Cached pages lie in trays (arena.h) at their own offsets.  A chunk has one tray for each time
 * that part of it was evicted and not yet reclaimed: usually none or one.
 *
 * A foreign page has none of these bits: the program gave it to a userfaultfd of its own.  The
 * kernel would still let us put pages there (mm/userfaultfd.c of Linux 6.18: COPY checks that the
 * mapping has a userfaultfd, not whose it is), so we must not.
 *
 * All changes of state are in chunk.c; a debug build runs chunk_check after each.
 *
 * Invariants: as in the table; cached is the union of the trays' valid masks, which are disjoint; a
 * read's mask is part of filling; hot is part of resident and filling.
 * Locking: (C) the row's own lock.  Handlers only try it.  Application threads wait for it; they
 * hold (G), and take several rows by ascending address.  A row lives as long as its pager, so a
 * pointer to it never goes bad.
 */
#ifndef SPILL_CHUNK_H
#define SPILL_CHUNK_H

#include "pages/arena.h"
#include "base/lock.h"
#include "base/page.h"
#include "spill.h"
#include "store/store.h"

struct pages;

/* Records change only in evictions, in write-backs and under (G).  A fork holds all of these back,
 * so that its child sees records that match their row. */
struct page_record {
	uint64_t hash;	    /* (C) of what the copies hold, or are about to; or the word */
	struct place place; /* (C) in swap space; valid while swapped */
};

/* A read of a chunk's pages: the part that the chunk knows (the rest is in fill.h). */
struct inflight {
	struct inflight *sibling; /* (C) the chunk's next */
	uint64_t mask;		  /* (C) pages that are still wanted */
	uint64_t all;		  /* pages being read; each holds a credit */
};

/* A link in one of the policy's queues. */
struct queued {
	struct chunk *newer, *older;
	bool here;
};

struct chunk {
	struct lock lock;
	uintptr_t address;	   /* of the first page; never changes */
	uint64_t resident;	   /* (C) */
	uint64_t cached;	   /* (C) */
	uint64_t compressed;	   /* (C) */
	uint64_t swapped;	   /* (C) */
	uint64_t filling;	   /* (C) */
	uint64_t poisoned;	   /* (C) */
	uint64_t pinned;	   /* (C) must not be evicted */
	uint64_t hot;		   /* (C) proven: came back soon after it had left (policy.h) */
	uint64_t unmovable;	   /* (C) MOVE refused with EINVAL; cleared by mprotect */
	uint64_t foreign;	   /* (C) belongs to another userfaultfd: never filled */
	struct tray *trays;	   /* (C) linked by tray->sibling */
	struct inflight *reads;	   /* (C) in flight, linked by sibling */
	struct queued queue[3];	   /* (P) by standing (policy.h) */
	bool claimed;		   /* (G) locked for a change of the mapping (replace.c) */
	bool sampled, watched;	   /* (W) in the sample of a recording, in its queue (watch.h) */
	uint64_t passed;	   /* (C) last given up as probes (policy.h) */
	uint64_t ordered;	   /* (C) last came along with others, in order (pack.h) */
	uint16_t out[CHUNK_PAGES]; /* (C) when each was last unmapped or given up (policy.h) */
	compressed_place at[CHUNK_PAGES]; /* (C) in the compressed store; valid while compressed */
	struct page_record *page;	  /* CHUNK_PAGES of them, kept apart: walking rows alone is
				     faster */
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

/* The page's number in the address space. */
static inline uint64_t chunk_page_number(const struct chunk *chunk, unsigned i)
{
	return (chunk->address >> page_shift()) + i;
}

/* The page that holds this address. */
static inline unsigned chunk_index(const struct chunk *chunk, uintptr_t address)
{
	unsigned i = (unsigned)((address - chunk->address) >> page_shift());

	assert(i < CHUNK_PAGES);
	return i;
}

/* The chunk's pages that [start, end) touches. */
uint64_t chunk_mask_of(const struct chunk *chunk, uintptr_t start, uintptr_t end);

static inline uint64_t chunk_absent(const struct chunk *chunk)
{
	return ~(chunk->resident | chunk->cached | chunk->compressed | chunk->swapped |
		 chunk->filling | chunk->poisoned | chunk->foreign);
}

/* Pages that are in the compressed store, and not in a frame of their own. */
static inline uint64_t chunk_unpackable(const struct chunk *chunk)
{
	return chunk->compressed & ~(chunk->resident | chunk->cached | chunk->filling);
}

/* Pages that are on swap space and nowhere else. */
static inline uint64_t chunk_readable(const struct chunk *chunk)
{
	return chunk->swapped &
	       ~(chunk->resident | chunk->cached | chunk->compressed | chunk->filling);
}

static inline unsigned chunk_state(const struct chunk *chunk, unsigned i)
{
	uint64_t bit = mask_bit(i);

	return chunk->resident & bit	 ? SPILL_RESIDENT
	       : chunk->filling & bit	 ? SPILL_FILLING
	       : chunk->poisoned & bit	 ? SPILL_POISONED
	       : chunk->cached & bit	 ? SPILL_CACHED
	       : chunk->compressed & bit ? SPILL_COMPRESSED
	       : chunk->swapped & bit	 ? SPILL_SWAPPED
					 : SPILL_ABSENT;
}

/* -- changes of state; the caller holds (C) ------------------------------- */

/* These pages are being filled: a read is in flight, or the caller does it right now. */
void chunk_begin_fill(struct chunk *chunk, uint64_t mask);
/* They no longer are.  installed: the part that is mapped now. */
void chunk_end_fill(struct pages *pages, struct chunk *chunk, uint64_t mask, uint64_t installed);

/* A read of these pages is in flight into a tray, which may be new to the chunk.  The tray has
 * frames and credits for them; nobody has asked for them yet. */
void chunk_begin_ahead(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask);
/* The read has ended.  good: the part that is in the tray now, and so cached. */
void chunk_end_ahead(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask,
		     uint64_t good);

/* These pages, resident or being filled, were wanted back soon: they become hot. */
void chunk_prove(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* These pages turned out to be resident: arming found them, or they came behind our back. */
void chunk_found_resident(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* Resident pages have left for this tray, which belongs to the chunk from now on.  They are unsaved:
 * a copy that the store has may be out of date. */
void chunk_evict(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask);
/* The same for a tray that the chunk already has, that is unsaved and in no queue. */
void chunk_evict_more(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask);
/* The tray's pages are being compared with the store's copies, and written if they differ. */
void chunk_save(struct pages *pages, struct tray *tray);
/* The attempt to put cached pages back (chunk_begin_fill) has ended.  installed: those that went
 * back.  moved: with their frames; else they were copied. */
void chunk_end_restore(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask,
		       uint64_t installed, bool moved);
/* These cached pages need not be kept: the store has them, or they are zeros. */
void chunk_uncache(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask);
/* The tray leaves the chunk; nothing in it is valid any more. */
void chunk_detach(struct chunk *chunk, struct tray *tray);

/* The place now holds the contents whose hash is in the record.  The same for one in the compressed
 * store; if that is COMPRESSED_WORD, word takes the place of the hash. */
void chunk_keep_copy(struct chunk *chunk, unsigned i, struct place place);
void chunk_keep_compressed(struct pages *pages, struct chunk *chunk, unsigned i,
			   compressed_place at, uint64_t word);
/* The compressed copy is somewhere else now; the old place becomes free. */
void chunk_move_compressed(struct pages *pages, struct chunk *chunk, unsigned i,
			   compressed_place at);
/* Copies on swap space, or in the compressed store, are given up, or both: their places become free. */
void chunk_drop_swapped(struct pages *pages, struct chunk *chunk, uint64_t mask);
void chunk_drop_compressed(struct pages *pages, struct chunk *chunk, uint64_t mask);
void chunk_drop_copies(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* These pages have been unpacked into this tray, which is new to the chunk: they are on their way
 * from the compressed store to swap space. */
void chunk_begin_passing(struct pages *pages, struct chunk *chunk, struct tray *tray,
			 uint64_t mask);

/* The contents are gone, whatever they were, and read as zeros from now on.  The caller has made
 * the mapping agree. */
void chunk_discard(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* From now on these pages are another userfaultfd's, whatever they hold.  The second function: they
 * may be ours again, and are absent. */
void chunk_let_go(struct pages *pages, struct chunk *chunk, uint64_t mask);
void chunk_welcome(struct chunk *chunk, uint64_t mask);

/* The contents are lost: whoever touches these pages gets SIGBUS. */
void chunk_poison(struct pages *pages, struct chunk *chunk, uint64_t mask);

/* Arming failed: nothing is known of the chunk's pages, and it is in no queue. */
void chunk_forget(struct chunk *chunk);

/* In a fork's child: makes the row true here.  Trays and reads in flight are the parent's.
 * present: the managed pages that the child has; asked for only if a handler was working on the
 * chunk.  Returns the pages that are lost to the child, since they could be neither written nor put
 * back.  They are poisoned. */
uint64_t chunk_fork_child(struct pages *pages, struct chunk *chunk, uint64_t present);

/* Aborts if an invariant does not hold (debug builds only). */
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

/* What may go back from the tray together with page i.  In a tray that was read ahead, holes are
 * pages that were here before, or are still being read.  A tray of an eviction gives only the run
 * around i: the rest is better left where a touch proves it. */
uint64_t chunk_restorable(const struct tray *tray, unsigned i);

#endif
