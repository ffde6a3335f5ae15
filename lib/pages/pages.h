/* SPDX-License-Identifier: MIT */
/* pages.h - all pages of a pager, and their states
 *
 * pages/ holds the page table, whose rows are chunks (chunk.h: the life of a page), the arena,
 * whose trays hold what left a short while ago, and the ranges of addresses that are paged.  It
 * knows states, their changes and their counts.  It decides nothing and does no I/O: which page
 * leaves, and when, is up to paging.  The room includes base, command, kernel and store.
 *
 * Locking: chunk.c changes the counters together with the state that they count; each is exact by
 * itself.
 */
#ifndef SPILL_PAGES_H
#define SPILL_PAGES_H

#include "command/budget.h"
#include "pages/arena.h"
#include "pages/pagetable.h"

struct pages {
	struct pagetable table;
	struct arena arena;
	struct store *store;	   /* holds the copies of pages */
	_Atomic uint64_t resident; /* in pages, as the next four */
	_Atomic uint64_t cached;
	_Atomic uint64_t unsaved; /* cached, and perhaps nowhere else: not hashed yet */
	_Atomic uint64_t kept;	  /* pages with contents, wherever they are */
	_Atomic uint64_t proven;  /* resident and hot */
	_Atomic uint64_t waiting; /* frames in queued trays that are no probes */
	_Atomic uint64_t probing; /* frames in queued probes (policy.h) */
};

/* The struct must be zeroed.  0 or -ENOMEM. */
int pages_init(struct pages *pages, struct budget *budget, struct store *store);
void pages_free(struct pages *pages);

/* Sets all counts to 0: arming failed, or this is a fork's child. */
static inline void pages_reset_counts(struct pages *pages)
{
	pages->resident = pages->cached = pages->kept = pages->proven = 0;
	pages->unsaved = pages->waiting = pages->probing = 0;
}

/* So many frames more, or fewer, are in a queued tray.  (C) */
static inline void pages_count_queued(struct pages *pages, const struct tray *tray, int64_t frames)
{
	atomic_fetch_add(tray->probe ? &pages->probing : &pages->waiting, (uint64_t)frames);
}

/* Bytes of the tables. */
static inline uint64_t pages_tables(const struct pages *pages)
{
	return pagetable_bytes(&pages->table) + arena_bytes(&pages->arena);
}

#endif
