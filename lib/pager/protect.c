/* SPDX-License-Identifier: MIT */
/* protect.c - mprotect over ranges that may be managed in part: see region.h
 *
 * The kernel is asked first, then the array follows.  What becomes accessible counts from then on,
 * so the pager may arm.
 *
 * Locking: (G), and (C) of one row after the other.
 */
#include "pager/region_private.h"

struct protect_args {
	struct range range;
	int prot, key;
};

/* What MOVE refused before, it may take now. */
static void forget_unmovable(struct chunk *chunk, uint64_t mask)
{
	chunk->unmovable &= ~mask;
}

static int ask_kernel(const struct protect_args *a, void *addr, size_t size)
{
	if (a->key == NO_KEY)
		return sys_mprotect(addr, size, a->prot);
	return (int)sys_call4(SYS_pkey_mprotect, addr, size, a->prot, a->key);
}

/* Where the part of the range that begins at at ends, and whether it is managed. */
static bool next_part(struct pager *pager, const struct range *range, uintptr_t at,
		      uintptr_t *ret_end)
{
	size_t i = ranges_find(&pager->regions, at);
	const struct region *next = &pager->regions.region[i];
	bool managed = i < pager->regions.count && next->start <= at;
	uintptr_t end = range_end(range);

	if (i < pager->regions.count)
		end = managed ? next->end : next->start;
	*ret_end = end < range_end(range) ? end : range_end(range);
	return managed;
}

/* Where something in the range is not mapped, or may not be so, the kernel stops, and has
 * changed what lies before that.  So do we, by going the same way part by part. */
static void protect_parts(struct pager *pager, const struct protect_args *a)
{
	for (uintptr_t at = range_start(&a->range), end; at < range_end(&a->range); at = end) {
		bool managed = next_part(pager, &a->range, at, &end);

		if (!ranges_have_room(&pager->regions) || ask_kernel(a, (void *)at, end - at) < 0)
			break;
		if (managed)
			ranges_protect(&pager->regions, at, end, a->prot);
	}
}

static long protect_locked(struct pager *pager, void *argument)
{
	const struct protect_args *a = argument;
	uint64_t managed = range_managed(pager, &a->range);
	int err;

	if (!ranges_have_room(&pager->regions))
		return -ENOMEM;
	err = region_arm_for(pager, &a->range, a->prot, managed);
	if (err)
		return err;
	err = ask_kernel(a, a->range.addr, a->range.size);
	if (err)
		protect_parts(pager, a);
	else
		ranges_protect(&pager->regions, range_start(&a->range), range_end(&a->range),
			       a->prot);
	if (pager_is_armed(pager))
		range_change(pager, &a->range, forget_unmovable);
	return err;
}

int region_protect(struct pager *pager, void *addr, size_t size, int prot, int key)
{
	struct protect_args args = { .range = { addr, size }, .prot = prot, .key = key };

	return (int)region_call(pager, protect_locked, &args, sizeof(args));
}

static long protection_locked(struct pager *pager, void *argument)
{
	const struct range *range = argument;
	uintptr_t start = (uintptr_t)range->addr, end = start + range->size;
	uint64_t bytes = 0;
	struct region part;
	int prot = -1;
	size_t i;

	ranges_for_each(part, i, &pager->regions, start, end) {
		if (prot != -1 && prot != part.prot)
			break;
		prot = part.prot;
		bytes += part.end - part.start;
	}
	return bytes == range->size ? prot : -EFAULT;
}

int region_protection(struct pager *pager, void *addr, size_t size)
{
	struct range range = { addr, size };

	return (int)region_call(pager, protection_locked, &range, sizeof(range));
}
