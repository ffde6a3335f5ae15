/* SPDX-License-Identifier: MIT */
/* arena.h - trays and frames: the pager's own memory
 *
 * The arena is a range of addresses, cut into trays of 64 pages.  A chunk's pages leave for a tray
 * and keep their offsets, so that a whole chunk can leave with one UFFDIO_MOVE.  A tray has frames:
 * pages of it that physically exist.  Some of these are valid: they hold the contents of the
 * chunk's page.
 *
 * Trays are handed out by ascending address and come back in about the same order, so that one
 * DONTNEED gives back several neighbours.
 *
 * Frames that move between the application and a tray stay counted (budget.h).
 *
 * Invariant: valid is a part of frames.
 * Locking: (A) the free map and the list of spent trays, a leaf.  A tray's masks are guarded by its
 * chunk's lock (C).  A tray that belongs to a fill is its handler's.
 */
#ifndef SPILL_ARENA_H
#define SPILL_ARENA_H

#include "base/lock.h"
#include "base/page.h"
#include "command/budget.h"

struct chunk;

struct tray {
	struct chunk *_Atomic chunk; /* whose pages these are; set by the thread that takes the
					tray */
	struct tray *sibling;	     /* (C) the chunk's next tray */
	struct tray *next;	     /* (P) second-chance queue, towards its tail */
	struct tray *prev;	     /* (P) */
	_Atomic uint64_t frames;     /* (C) for writing */
	uint64_t valid;		     /* (C) contents of the chunk's pages */
	uint64_t writing;	     /* (C) pages whose write in flight is still of use */
	uint64_t written;	     /* (C) valid pages that were written from here */
	unsigned busy;		     /* (C) reads and writes in flight, of use or not */
	_Atomic bool queued;	     /* (C) for writing; in the second-chance queue */
	bool picked;		     /* (P) taken from the queue's head by some thread */
	bool ahead;		     /* (C) its pages were read ahead, and never touched */
	bool passing;		     /* (C) from the compressed store to swap space (pack.h) */
	unsigned char lent;	     /* (C) of its frames, those lent by the budget (budget.h) */
	bool probe;		     /* (C) its pages were proven: who touches them? (policy.h) */
	uint64_t since;		     /* (P) when it was queued, in frames given up */
	bool watched;		     /* (C) its pages left so that touches are seen (watch.h) */
	_Atomic bool unsaved;	     /* (C) for writing; its pages are not hashed yet (evict.h) */
	char *address;		     /* of its first page; never changes */
};

/* Trays that are swept together (spent.h). */
#define SPENT_BATCH 16

struct arena {
	struct budget *budget; /* which pays for the frames of trays */
	struct lock lock;
	char *base;
	size_t tray_count;
	struct tray *trays;
	uint64_t *taken; /* (A) a bit for each tray */
	size_t cursor;	 /* (A) word of taken at which the next search begins */

	struct tray *spent[SPENT_BATCH]; /* (A) trays with frames that hold nothing */
	_Atomic unsigned spent_count;	 /* (A) */
};

/* Maps trays for a budget of this many frames.  0 or -ENOMEM. */
int arena_init(struct arena *arena, uint64_t budget_frames);
void arena_free(struct arena *arena);

/* Bytes that the table of trays takes; bytes that it would take with this budget. */
size_t arena_bytes(const struct arena *arena);
size_t arena_tables(uint64_t budget_frames);

/* Returns an empty tray, or NULL. */
struct tray *tray_alloc(struct arena *arena);
/* Gives the frames of n trays back to the kernel, their credits to the budget, and the trays to the
 * arena. */
#define TRAY_FREE_MAX 16
void tray_free(struct arena *arena, struct tray *trays[], unsigned n);

static inline void *tray_page(const struct tray *tray, unsigned i)
{
	return tray->address + ((size_t)i << page_shift());
}

/* The kernel filled, took or discarded these pages of the tray (tsan.h). */
static inline void tray_changed(const struct tray *tray, uint64_t mask)
{
	unsigned i;

	if (SPILL_TSAN)
		mask_for_each(i, mask)
			tsan_kernel_wrote(tray_page(tray, i), (long)page_size());
}

#endif
