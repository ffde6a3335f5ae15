/* SPDX-License-Identifier: MIT */
/* pin.c - pages that are never evicted: see region.h
 *
 * A pinned page is a bit of its row (chunk->pinned), so each page of a pinned range has a row.
 * Pinning notes the pages, then touches them, so that all are resident when it returns.  A part of
 * the budget cannot be pinned.  Pins end with the mapping that they were for.
 *
 * Invariant: budget.pinned is the number of these bits, of all rows.
 * Locking: (G), and (C) of one row after the other; none while pages are touched.
 */
#include "base/newer.h"
#include "pager/region_private.h"

/* -- how many, and no longer ------------------------------------------------------------------ */

/* What is left is for all else that comes and goes: with less than 4 MiB the pager is kept busy with
 * itself. */
#define UNPINNED_LEAST ((uint64_t)4 << 20)

uint64_t pins_most(uint64_t budget)
{
	uint64_t rest = budget / 4 > UNPINNED_LEAST ? budget / 4 : UNPINNED_LEAST;

	return (budget - rest) >> page_shift();
}

void pins_drop(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	mask &= chunk->pinned;
	chunk->pinned &= ~mask;
	atomic_fetch_sub(&pager->paging.budget.pinned, mask_count(mask));
}

/* -- pinning ------------------------------------------------------------------------------ */

static uint64_t unpinned_pages(struct pager *pager, const struct range *range)
{
	uint64_t n = (range_end(range) - range_start(range)) >> page_shift();
	struct chunk *chunk;

	range_for_each_row(chunk, pager, range)
		n -= mask_count(chunk->pinned & range_mask(range, chunk));
	return n;
}

static int set_pins(struct pager *pager, const struct range *range)
{
	uintptr_t end = range_end(range);

	for (uintptr_t at = range_start(range); at < end; at = chunk_part_end(at, end)) {
		struct chunk *chunk = pagetable_make(&pager->paging.pages.table, at);
		uint64_t more;

		if (!chunk)
			return -ENOMEM;
		lock_take(&chunk->lock, LOCK_CHUNK);
		more = range_mask(range, chunk) & ~chunk->pinned;
		chunk->pinned |= more;
		atomic_fetch_add(&pager->paging.budget.pinned, mask_count(more));
		chunk_unlock(chunk);
	}
	return 0;
}

static long pin_locked(struct pager *pager, void *argument)
{
	const struct range *range = argument;
	uint64_t most = pins_most(pager->paging.budget.bytes);

	if (range_managed(pager, range) != range_end(range) - range_start(range))
		return -ENOMEM;
	if (pager->paging.budget.pinned + unpinned_pages(pager, range) > most)
		return -ENOMEM;
	return set_pins(pager, range);
}

static long unpin_locked(struct pager *pager, void *argument)
{
	const struct range *range = argument;
	struct chunk *chunk;

	range_for_each_row(chunk, pager, range) {
		lock_take(&chunk->lock, LOCK_CHUNK);
		pins_drop(pager, chunk, range_mask(range, chunk));
		/* Handlers may have let it out of the queue. */
		if (chunk->resident)
			policy_insert(&pager->paging.policy, chunk);
		chunk_unlock(chunk);
	}
	return 0;
}

/* Touches every page; the kernel tells of a poisoned one instead of raising
 * SIGBUS.  Before Linux 5.14, and where kernel faults are not served, it cannot, and we touch
 * them ourselves. */
static int touch_pages(const struct pager *pager, const struct range *range)
{
	bool asks_us = pager_is_armed(pager) && !pager->paging.uffd.kernel;
	int err = asks_us ? -EINVAL : sys_madvise(range->addr, range->size, MADV_POPULATE_READ);

	if (err == -EFAULT || err == -EHWPOISON)
		return -EIO;
	if (err == -EINVAL)
		for (uintptr_t at = range_start(range); at < range_end(range); at += page_size())
			(void)*(volatile char *)at;
	return 0;
}

int region_pin(struct pager *pager, void *addr, size_t size)
{
	struct range range = range_widened(addr, size);
	int err = (int)region_call(pager, pin_locked, &range, sizeof(range));

	if (!err)
		err = touch_pages(pager, &range);
	if (err == -EIO)
		region_unpin(pager, addr, size);
	return err;
}

int region_unpin(struct pager *pager, void *addr, size_t size)
{
	struct range range = range_widened(addr, size);

	if (!region_covers(pager, addr, size))
		return -ENOMEM;
	return (int)region_call(pager, unpin_locked, &range, sizeof(range));
}
