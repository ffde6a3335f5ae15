/* SPDX-License-Identifier: MIT */
/* remap.c - mremap of managed ranges: see region.h
 *
 * Growing in place and shrinking are the kernel's own calls.  Moving maps a new
 * region and copies what the old one holds, chunk by chunk, giving each back as
 * it goes: right whatever state the pages are in, and within the budget.
 */
#include "guard.h"
#include "pager.h"
#include "region.h"
#include <string.h>

struct grow_args {
	void *addr;
	size_t old_size, new_size;
	int prot;
};

/* The protection of the region at addr, or -1. */
static int prot_at(struct pager *pager, uintptr_t addr)
{
	size_t i = ranges_find(&pager->regions, addr);

	if (i == pager->regions.count || pager->regions.region[i].start > addr)
		return -1;
	return pager->regions.region[i].prot;
}

static long grow_guarded(struct pager *pager, void *argument)
{
	struct grow_args *a = argument;
	bool taken = region_lock(pager);
	void *result;

	a->prot = prot_at(pager, (uintptr_t)a->addr);
	result = sys_mremap(a->addr, a->old_size, a->new_size, 0, NULL);
	region_unlock(pager, taken);
	return sys_is_error(result) ? sys_error(result) : 0;
}

static void *grow_in_place(struct pager *pager, void *addr, size_t old_size, size_t new_size,
			   int *ret_prot)
{
	struct grow_args args = { .addr = addr, .old_size = old_size, .new_size = new_size };
	char *tail = (char *)addr + old_size;
	int err = (int)guard_call(pager, grow_guarded, &args, sizeof(args));

	*ret_prot = args.prot;
	if (!err) {
		err = region_adopt(pager, tail, new_size - old_size, args.prot);
		if (err)
			region_unmap(pager, tail, new_size - old_size);
	}
	return err ? (void *)(long)err : addr;
}

/* Copies the pages of one chunk that are not absent.  The memory is touched as
 * the program would: faults are served as usual. */
static int copy_chunk(struct pager *pager, char *to, const char *from, size_t size)
{
	unsigned char state[CHUNK_PAGES];
	int err = region_states(pager, (void *)(uintptr_t)from, size, state);

	for (size_t i = 0; !err && i < size >> page_shift(); i++) {
		unsigned s = state[i] & SPILL_STATE_MASK;

		if (s == SPILL_POISONED)
			err = -EFAULT;
		else if (s != SPILL_ABSENT)
			memcpy(to + (i << page_shift()), from + (i << page_shift()), page_size());
	}
	return err;
}

static int copy_region(struct pager *pager, char *to, char *from, size_t size)
{
	int err = 0;

	for (size_t done = 0; done < size && !err;) {
		uintptr_t at = (uintptr_t)from + done;
		size_t part = ((at | (chunk_size() - 1)) + 1) - at;

		part = part < size - done ? part : size - done;
		err = copy_chunk(pager, to + done, from + done, part);
		if (!err)
			region_discard(pager, from + done, part);
		done += part;
	}
	return err;
}

static long op_map_fixed(void *context, void *addr, size_t size)
{
	int prot = *(int *)context;

	return (long)sys_mmap(addr, size, prot,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static void *map_target(struct pager *pager, size_t size, int prot, void *fixed)
{
	void *to;
	int err;

	if (fixed)
		to = (void *)region_replace(pager, fixed, size, false, op_map_fixed, &prot);
	else
		to = sys_mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_is_error(to))
		return to;
	err = region_adopt(pager, to, size, prot);
	if (err) {
		sys_munmap(to, size);
		return (void *)(long)err;
	}
	return to;
}

static void *move(struct pager *pager, void *addr, size_t old_size, size_t new_size, int prot,
		  void *fixed)
{
	size_t kept = old_size < new_size ? old_size : new_size;
	void *to;
	int err = 0;

	if (prot < 0 || !(prot & PROT_READ) || !(prot & PROT_WRITE))
		return (void *)-EFAULT;
	to = map_target(pager, new_size, prot, fixed);
	if (sys_is_error(to))
		return to;
	err = copy_region(pager, to, addr, kept);
	if (err) {
		region_unmap(pager, to, new_size);
		return (void *)(long)err;
	}
	region_unmap(pager, addr, old_size);
	return to;
}

void *region_remap(struct pager *pager, void *addr, size_t old_size, size_t new_size, int flags,
		   void *fixed)
{
	int prot = PROT_READ | PROT_WRITE;
	void *ret = (void *)-ENOMEM;

	old_size = page_round_up(old_size);
	new_size = page_round_up(new_size);
	if (!old_size || !new_size || (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED)) ||
	    !region_covers(pager, addr, old_size))
		return (void *)-EINVAL;
	if (!fixed) {
		if (new_size <= old_size) {
			char *tail = (char *)addr + new_size;

			if (new_size < old_size)
				region_unmap(pager, tail, old_size - new_size);
			return addr;
		}
		ret = grow_in_place(pager, addr, old_size, new_size, &prot);
		if (!sys_is_error(ret) || !(flags & MREMAP_MAYMOVE))
			return ret;
	}
	return move(pager, addr, old_size, new_size, prot, fixed);
}
