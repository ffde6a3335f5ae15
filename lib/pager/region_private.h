/* SPDX-License-Identifier: MIT */
/* region_private.h - what the files behind region.h share
 *
 *	region.c	the lock, the way in, adopting
 *	arming.c	when paging starts
 *	replace.c	a mapping goes
 *	protect.c	mprotect
 *	inherit.c	what a fork's child has of it
 *	pin.c		pages that are never evicted
 *	advise.c	what the application says of its use
 *	remap.c, renounce.c, states.c	need none of this
 *
 * Locking: the caller holds (G), unless it is said.
 */
#ifndef SPILL_REGION_PRIVATE_H
#define SPILL_REGION_PRIVATE_H

#include "pager/pager.h"

/* -- the range that a call is about, as the application gives it ---------------------- */

struct range {
	void *addr;
	size_t size;
};

static inline uintptr_t range_start(const struct range *range)
{
	return (uintptr_t)range->addr;
}

static inline uintptr_t range_end(const struct range *range)
{
	return (uintptr_t)range->addr + page_round_up(range->size);
}

/* All the pages that a range touches. */
static inline struct range range_widened(void *addr, size_t size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);
	uintptr_t end = page_round_up((uintptr_t)addr + size);

	return (struct range){ (void *)start, end - start };
}

/* How many bytes of it are managed. */
static inline uint64_t range_managed(const struct pager *pager, const struct range *range)
{
	return ranges_bytes(&pager->regions, range_start(range), range_end(range), false);
}

/* The pages of it that lie in this chunk. */
static inline uint64_t range_mask(const struct range *range, const struct chunk *chunk)
{
	return chunk_mask_of(chunk, range_start(range), range_end(range));
}

/* Each row that there is of its pages, in the order of their addresses. */
#define range_for_each_row(chunk, pager, range)                                       \
	pagetable_for_each((chunk), &(pager)->paging.pages.table, range_start(range), \
			   range_end(range))

/* Calls change for its pages in each row, with (C) of one row after the other. */
void range_change(struct pager *pager, const struct range *range,
		  void (*change)(struct chunk *chunk, uint64_t mask));

/* -- arming.c -------------------------------------------------------------------------- */

/* Arms the pager if the budget is passed once the range has this protection, and bytes of it are
 * managed.  0 or -errno. */
int region_arm_for(struct pager *pager, const struct range *range, int prot, uint64_t bytes);

/* -- pin.c ------------------------------------------------------------------------------ */

/* How many pages may be pinned of a budget of so many bytes.  Needs no lock. */
uint64_t pins_most(uint64_t budget);

/* These pages of the chunk are no longer pinned, if they were.  The caller holds (C), too. */
void pins_drop(struct pager *pager, struct chunk *chunk, uint64_t mask);

#endif
