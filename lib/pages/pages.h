/* SPDX-License-Identifier: MIT */
/* pages.h - all pages of a pager: what their state is kept in
 *
 * This room has the page table, whose rows are chunks (chunk.h: the life of a page), the arena whose
 * trays hold what left a short while ago, and the ranges of addresses that are paged.  It knows
 * states, their changes, and the counts of them.  It decides nothing, and does no I/O: which page
 * leaves, and when, is paging's.  It includes base, command, kernel and store.
 *
 * Locking: the counters are changed by chunk.c, with the state that they count; each is exact by
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
	struct store *store;	   /* that has the copies of them */
	_Atomic uint64_t resident; /* pages */
	_Atomic uint64_t cached;
	_Atomic uint64_t kept;	  /* with contents, wherever they are */
	_Atomic uint64_t proven;  /* resident and hot */
	_Atomic uint64_t waiting; /* frames in queued trays */
};

/* In zeroed memory.  0 or -ENOMEM. */
int pages_init(struct pages *pages, struct budget *budget, struct store *store);
void pages_free(struct pages *pages);

/* Nothing is counted any more. */
static inline void pages_reset_counts(struct pages *pages)
{
	pages->resident = pages->cached = pages->kept = pages->proven = pages->waiting = 0;
}

/* Bytes of the tables. */
static inline uint64_t pages_tables(const struct pages *pages)
{
	return pagetable_bytes(&pages->table) + arena_bytes(&pages->arena);
}

#endif
