/* SPDX-License-Identifier: MIT */
/* arena.h - trays and frames: the pager's own memory
 *
 * The arena is a range of addresses, cut into trays of 64 pages.  A chunk's
 * pages leave into a tray at the same offsets, so that a whole chunk can go
 * with one UFFDIO_MOVE.  A tray has frames (pages that are really there) and
 * among them valid ones (the contents of its chunk's page).
 *
 * Trays are handed out in the order of their addresses and come back in about
 * the same order, so that neighbours are given back with one DONTNEED.
 *
 * Frames that move between the application and a tray stay counted (budget.h).
 *
 * Invariant: valid is a part of frames.
 * Locking: (A) the free map and the list of spent trays, a leaf.  A tray's masks are
 * guarded by its chunk's lock (C); a tray that belongs to a fill, by the handler that
 * owns that.
 */
#ifndef SPILL_ARENA_H
#define SPILL_ARENA_H

#include "base/lock.h"
#include "base/page.h"
#include "command/budget.h"

struct chunk;

struct tray {
	struct chunk *_Atomic chunk; /* whose pages; set by who takes the tray */
	struct tray *sibling;	     /* (C) the next tray of the chunk */
	struct tray *next;	     /* (P) the second-chance queue, towards its tail */
	struct tray *prev;	     /* (P) */
	_Atomic uint64_t frames;     /* (C) for writing */
	uint64_t valid;		     /* (C) contents of the chunk's pages */
	uint64_t writing;	     /* (C) a write is in flight and will be of use */
	unsigned busy;		     /* (C) reads and writes of it in flight, of use or not */
	_Atomic bool queued;	     /* (C) for writing; in the second-chance queue */
	bool picked;		     /* (P) somebody has it in hand, from the queue's head */
	bool ahead;    /* (C) its pages were read ahead, and nobody has touched them */
	bool unseen;   /* (C) its pages left to be watched (watch.h): none was hashed or written */
	char *address; /* never changes */
};

/* Trays that are swept together (spent.h). */
#define SPENT_BATCH 16

struct arena {
	struct budget *budget; /* that frames of trays are taken of */
	struct lock lock;
	char *base;
	size_t tray_count;
	struct tray *trays;
	uint64_t *taken; /* (A) a bit for each tray */
	size_t cursor;	 /* (A) word of taken where the next search begins */

	struct tray *spent[SPENT_BATCH]; /* (A) trays with frames that hold nothing */
	_Atomic unsigned spent_count;	 /* (A) */
};

/* Maps trays for a budget of so many frames.  0 or -ENOMEM. */
int arena_init(struct arena *arena, uint64_t budget_frames);
void arena_free(struct arena *arena);

/* How many bytes the table of trays takes, and would with such a budget. */
size_t arena_bytes(const struct arena *arena);
size_t arena_tables(uint64_t budget_frames);

/* An empty tray, or NULL. */
struct tray *tray_alloc(struct arena *arena);
/* Gives the frames of n trays back to the kernel, the credits to the budget,
 * and the trays to the arena. */
#define TRAY_FREE_MAX 16
void tray_free(struct arena *arena, struct tray *trays[], unsigned n);

static inline void *tray_page(const struct tray *tray, unsigned i)
{
	return tray->address + ((size_t)i << page_shift());
}

/* The kernel brought, took or discarded these pages of it (tsan.h). */
static inline void tray_changed(const struct tray *tray, uint64_t mask)
{
	unsigned i;

	if (SPILL_TSAN)
		mask_for_each(i, mask)
			tsan_kernel_wrote(tray_page(tray, i), (long)page_size());
}

#endif
