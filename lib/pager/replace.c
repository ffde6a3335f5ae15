/* SPDX-License-Identifier: MIT */
/* replace.c - a mapping goes, and what the pager knew of it: see region.h
 *
 * State and mapping change together.  The rows of the range are claimed: their locks are held from
 * before the system call until the page table says what it did.  A row that is made meanwhile is
 * not: of its pages, those that came before the call are gone, those behind it are there, and the
 * kernel tells which.
 *
 * Locking: (G) all the time, and (C) of each claimed row.
 */
#include "kernel/pagemap.h"
#include "pager/region_private.h"
#include "paging/fill.h"
#include "paging/watch.h"

struct replace_args {
	struct range range;
	bool keep;
	region_op op;
	void *context;
};

/* -- the rows --------------------------------------------------------------------------- */

/* The rows that there are.  Others may appear as long as this lasts: somebody
 * touches a page for the first time while its range is discarded. */
static void claim_rows(struct pager *pager, const struct range *range)
{
	struct chunk *chunk;

	range_for_each_row(chunk, pager, range) {
		lock_take(&chunk->lock, LOCK_CHUNK);
		chunk->claimed = true;
	}
}

static void drop_rows(struct pager *pager, const struct range *range)
{
	struct chunk *chunk;

	range_for_each_row(chunk, pager, range) {
		if (!chunk->claimed)
			continue;
		chunk->claimed = false;
		chunk_unlock(chunk);
	}
}

/* -- what is gone ------------------------------------------------------------------------- */

static void discard(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	if (__builtin_expect(pager->paging.discards != NULL, 0) && mask &&
	    watch_takes(pager->paging.watch, chunk))
		trace_append(pager->paging.discards, TRACE_DISCARD, chunk_page_number(chunk, 0),
			     mask);
	chunk_discard(&pager->paging.pages, chunk, mask);
}

/* A row that appeared meanwhile: its pages came before the call, and are gone, or
 * behind it. */
static void discard_latecomer(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	lock_take(&chunk->lock, LOCK_CHUNK);
	mask &= chunk->resident;
	mask &= ~pagemap_present(pager->paging.pagemap_fd, chunk_page(chunk, 0), CHUNK_PAGES);
	discard(pager, chunk, mask);
	chunk_unlock(chunk);
}

/* The mapping stays, so what poisoned pages of it must not. */
static void lift_poison(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	uintptr_t from = chunk->address, to = from + chunk_size();
	struct region part;
	size_t i;

	if (!(chunk->poisoned & mask))
		return;
	ranges_for_each(part, i, &pager->regions, from, to)
		fill_lift_poison(&pager->paging, chunk,
				 mask & chunk_mask_of(chunk, part.start, part.end), part.prot);
}

static void discard_chunks(struct pager *pager, const struct replace_args *a)
{
	const struct range *range = &a->range;
	struct chunk *chunk;

	range_for_each_row(chunk, pager, range) {
		uint64_t mask = range_mask(range, chunk);

		if (!chunk->claimed) {
			discard_latecomer(pager, chunk, mask);
			continue;
		}
		if (a->keep)
			lift_poison(pager, chunk, mask);
		else
			pins_drop(pager, chunk, mask);
		discard(pager, chunk, mask);
	}
}

/* The call failed at some mapping (of locked pages, for MADV_DONTNEED): what it discarded
 * before that is gone all the same. */
static void discard_gone(struct pager *pager, const struct range *range)
{
	struct chunk *chunk;

	range_for_each_row(chunk, pager, range) {
		uint64_t mask = range_mask(range, chunk) & chunk->resident;

		if (!chunk->claimed || !mask)
			continue;
		mask &= ~pagemap_present(pager->paging.pagemap_fd, chunk_page(chunk, 0),
					 CHUNK_PAGES);
		discard(pager, chunk, mask);
	}
}

/* -- replacing ------------------------------------------------------------------------ */

static bool op_failed(long result)
{
	return result < 0 && result >= -4095;
}

static long replace_locked(struct pager *pager, void *argument)
{
	const struct replace_args *a = argument;
	const struct range *range = &a->range;
	bool armed = pager_is_armed(pager);
	long result;

	if (!ranges_have_room(&pager->regions))
		return -ENOMEM;
	if (armed)
		claim_rows(pager, range);
	result = a->op(a->context, range->addr, range->size);
	if (op_failed(result)) {
		if (armed)
			discard_gone(pager, range);
	} else {
		if (armed)
			discard_chunks(pager, a);
		if (!a->keep) {
			ranges_clear(&pager->regions, range_start(range), range_end(range));
			readahead_advise(&pager->paging.readahead,
					 range_start(range) >> page_shift(),
					 range_end(range) >> page_shift(), SPILL_NORMAL);
			if (!armed) /* others may have the rest */
				pager_fits(pager, pager->regions.accessible);
		}
	}
	if (armed)
		drop_rows(pager, range);
	return result;
}

long region_replace(struct pager *pager, void *addr, size_t size, bool keep, region_op op,
		    void *context)
{
	struct replace_args args = {
		.range = { addr, size },
		.keep = keep,
		.op = op,
		.context = context,
	};

	return region_call(pager, replace_locked, &args, sizeof(args));
}

static long op_unmap(void *context, void *addr, size_t size)
{
	(void)context;
	return sys_munmap(addr, size);
}

static long op_discard(void *context, void *addr, size_t size)
{
	(void)context;
	return sys_madvise(addr, size, MADV_DONTNEED);
}

int region_unmap(struct pager *pager, void *addr, size_t size)
{
	return (int)region_replace(pager, addr, size, false, op_unmap, NULL);
}

int region_discard(struct pager *pager, void *addr, size_t size)
{
	return (int)region_replace(pager, addr, size, true, op_discard, NULL);
}

/* -- releasing ---------------------------------------------------------------------------- */

/* The part is in the argument's place. */
static long first_part_locked(struct pager *pager, void *argument)
{
	struct range *range = argument;
	struct region part = { 0 };
	size_t i = ranges_find(&pager->regions, range_start(range));

	if (i < pager->regions.count)
		part = ranges_part(&pager->regions, i, range_start(range), range_end(range));
	if (part.start >= part.end)
		return false;
	*range = (struct range){ (void *)part.start, part.end - part.start };
	return true;
}

/* Unmaps the parts of a range that are regions, one at a time. */
int region_release(struct pager *pager, void *addr, size_t size)
{
	char *end = (char *)addr + page_round_up(size);

	for (char *at = addr; at < end;) {
		struct range part = { at, (size_t)(end - at) };
		int err;

		if (!region_call(pager, first_part_locked, &part, sizeof(part)))
			return 0;
		err = region_unmap(pager, part.addr, part.size);
		if (err)
			return err;
		at = (char *)part.addr + part.size;
	}
	return 0;
}
