/* SPDX-License-Identifier: MIT */
/* arena.h - trays and frames: the pager's own memory, and the budget
 *
 * The arena is a range of addresses, cut into trays of 64 pages.  A chunk's
 * pages leave into a tray at the same offsets, so that a whole chunk can go
 * with one UFFDIO_MOVE.  A tray has frames (pages that are really there) and
 * among them valid ones (the contents of its chunk's page).
 *
 * The budget is counted in frames.  Credits are taken before anything that can
 * make the kernel allocate a page, and given back when the frame is gone: so
 * used never passes limit, whatever goes on.  Frames that move between the
 * application and a tray stay counted.
 *
 * Trays are handed out in the order of their addresses and come back in about
 * the same order, so that neighbours are given back with one DONTNEED.
 *
 * Invariant: valid is a part of frames; used is the number
 * of frames of all trays, of all resident pages and of buffers.
 * Locking: (A) the free map and the list of spent trays, a leaf.  A tray's masks are
 * guarded by its chunk's lock (C); a tray that belongs to a fill, by the handler that
 * owns that.
 */
#ifndef SPILL_ARENA_H
#define SPILL_ARENA_H

#include "base/lock.h"
#include "base/page.h"

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

/* Frames beyond the limit, more than there can be: nothing has to leave.  Added, and taken back. */
#define CREDIT_UNLIMITED ((int64_t)1 << 48)

struct arena {
	struct lock lock;
	char *base;
	size_t tray_count;
	struct tray *trays;
	uint64_t *taken; /* (A) a bit for each tray */
	size_t cursor;	 /* (A) word of taken where the next search begins */

	struct tray *spent[SPENT_BATCH]; /* (A) trays with frames that hold nothing */
	_Atomic unsigned spent_count;	 /* (A) */

	_Atomic int64_t limit; /* frames: the budget */
	_Atomic int64_t used;
	_Atomic int64_t peak;
	_Atomic int64_t
		overcommit;	 /* frames beyond the limit: the allowance, and what cannot leave */
	_Atomic bool allowed;	 /* the allowance is in it */
	_Atomic int64_t beyond;	 /* frames: up to so many come back beyond that */
	_Atomic uint64_t *given; /* frames that were given back, ever (share.h), or NULL */
};

/* Maps trays for a budget of so many frames.  0 or -ENOMEM. */
int arena_init(struct arena *arena, uint64_t budget_frames);
void arena_free(struct arena *arena);

/* How many bytes the table of trays takes with such a budget. */
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

/* Credits: take n frames if the budget has them. */
bool credit_take(struct arena *arena, unsigned n);
/* Takes them even beyond the budget: pages that are there already. */
void credit_force(struct arena *arena, uint64_t n);
void credit_give(struct arena *arena, uint64_t n);
/* So many frames more may be taken from now on, beside what else is allowed beyond the limit; false:
 * that is so already, or there are none. */
bool credit_allow(struct arena *arena, int64_t frames);
/* Frames that may still be taken; negative after the budget was lowered. */
int64_t credit_left(struct arena *arena);

#endif
