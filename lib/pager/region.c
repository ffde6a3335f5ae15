/* SPDX-License-Identifier: MIT */
/* region.c - the lock over all regions, the way in, and how memory becomes a region: see region.h */
#include "pager/region_private.h"
#include "paging/start.h"
#include <string.h>

/* -- the lock ----------------------------------------------------------------------- */

/* False: a thread that forks has it already. */
static bool region_lock(struct pager *pager)
{
	if (pager->region_owner == sys_gettid())
		return false;
	lock_take(&pager->region_lock, LOCK_REGION);
	return true;
}

/* What region_call gives to guard_call. */
struct locked_call {
	guard_function function;
	_Alignas(max_align_t) char argument[REGION_ARGUMENT_MAX];
};
static_assert(sizeof(struct locked_call) <= GUARD_ARGUMENT_MAX, "guard_call takes no more");

static long call_locked(struct pager *pager, void *argument)
{
	struct locked_call *call = argument;
	bool taken = region_lock(pager);
	long result = call->function(pager, call->argument);

	if (taken)
		lock_drop(&pager->region_lock, LOCK_REGION);
	return result;
}

long region_call(struct pager *pager, guard_function function, void *argument, size_t size)
{
	struct locked_call call = { .function = function };
	long result;

	assert(size <= sizeof(call.argument));
	if (size)
		memcpy(call.argument, argument, size);
	result = guard_call(pager, call_locked, &call, sizeof(call));
	if (size)
		memcpy(argument, call.argument, size);
	return result;
}

void range_change(struct pager *pager, const struct range *range,
		  void (*change)(struct chunk *chunk, uint64_t mask))
{
	struct chunk *chunk;

	range_for_each_row(chunk, pager, range) {
		lock_take(&chunk->lock, LOCK_CHUNK);
		change(chunk, range_mask(range, chunk));
		chunk_unlock(chunk);
	}
}

/* -- adopting --------------------------------------------------------------------------- */

/* Frames and slots have run out: more memory could not be kept.  That may come before any eviction
 * has found no slot, so it is told here, too. */
static bool is_exhausted(struct pager *pager)
{
	if (!pager_is_armed(pager) || paging_has_room(&pager->paging, 1))
		return false;
	paging_tell_full(&pager->paging);
	return true;
}

struct adopt_args {
	struct range range;
	int prot;
};

static long adopt_locked(struct pager *pager, void *argument)
{
	const struct adopt_args *a = argument;
	uintptr_t start = range_start(&a->range), end = range_end(&a->range);
	int err;

	if (!ranges_have_room(&pager->regions) || is_exhausted(pager))
		return -ENOMEM;
	err = region_arm_for(pager, &a->range, a->prot, end - start);
	if (!err && pager_is_armed(pager))
		err = paging_register(&pager->paging, a->range.addr, end - start);
	if (err)
		return err;
	/* What another userfaultfd had here is gone: the range was mapped anew. */
	range_change(pager, &a->range, chunk_welcome);
	ranges_set(&pager->regions, start, end, a->prot);
	return 0;
}

/* What it waits for may take as long as the disk does: with signals open, and no lock held. */
int region_adopt(struct pager *pager, void *addr, size_t size, int prot)
{
	struct adopt_args args = { .range = { addr, size }, .prot = prot };
	bool was_armed = pager_is_armed(pager);
	int err = (int)region_call(pager, adopt_locked, &args, sizeof(args));

	if (!err && !was_armed && pager_is_armed(pager))
		pager_fit(pager);
	return err;
}

/* -- asking ---------------------------------------------------------------------------- */

static long managed_locked(struct pager *pager, void *argument)
{
	return (long)range_managed(pager, argument);
}

static uint64_t region_bytes(struct pager *pager, const void *addr, size_t size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);
	struct range range = { (void *)start, (uintptr_t)addr + size - start };

	if (!pager->regions.reserved)
		return 0;
	return (uint64_t)region_call(pager, managed_locked, &range, sizeof(range));
}

bool region_overlaps(struct pager *pager, const void *addr, size_t size)
{
	return region_bytes(pager, addr, size) > 0;
}

bool region_covers(struct pager *pager, const void *addr, size_t size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);
	uintptr_t end = page_round_up((uintptr_t)addr + size);

	return region_bytes(pager, addr, size) == end - start;
}
