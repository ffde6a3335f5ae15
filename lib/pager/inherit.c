/* SPDX-License-Identifier: MIT */
/* inherit.c - what a fork's child has of a region, if not a copy: see region.h
 *
 * The array keeps what the program asked for (MADV_DONTFORK, MADV_WIPEONFORK).  The kernel acts on
 * it at the fork, and the child's page table follows.
 *
 * Locking: (G).  In the child there is nobody else, and nothing is taken.
 */
#include "base/newer.h"
#include "pager/region_private.h"

struct inherit_args {
	struct range range;
	int advice;
};

static void note_inherit(struct pager *pager, const struct inherit_args *a)
{
	bool fork = a->advice == MADV_DONTFORK || a->advice == MADV_DOFORK;

	ranges_inherit(&pager->regions, range_start(&a->range), range_end(&a->range),
		       fork ? INHERIT_NOTHING : INHERIT_ZEROS,
		       a->advice == MADV_DONTFORK || a->advice == MADV_WIPEONFORK);
}

/* As it was: see pager_guard_forks. */
static void guard_range(struct pager *pager, const struct range *range)
{
	struct region part;
	size_t i;

	ranges_for_each(part, i, &pager->regions, range_start(range), range_end(range))
		sys_madvise((void *)part.start, part.end - part.start, MADV_DONTFORK);
}

static long inherit_locked(struct pager *pager, void *argument)
{
	const struct inherit_args *a = argument;
	int err = ranges_have_room(&pager->regions)
			  ? sys_madvise(a->range.addr, a->range.size, a->advice)
			  : -ENOMEM;

	/* ENOMEM: it holds for what is mapped. */
	if ((!err || err == -ENOMEM) && ranges_have_room(&pager->regions))
		note_inherit(pager, a);
	if (pager_is_armed(pager) && a->advice == MADV_DOFORK)
		guard_range(pager, &a->range);
	return err;
}

int region_inherit(struct pager *pager, void *addr, size_t size, int advice)
{
	struct inherit_args args = { .range = { addr, size }, .advice = advice };

	return (int)region_call(pager, inherit_locked, &args, sizeof(args));
}

static void forget_pages(struct pager *pager, const struct region *region)
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, region->start, region->end) {
		uint64_t mask = chunk_mask_of(chunk, region->start, region->end);

		pins_drop(pager, chunk, mask);
		chunk_discard(&pager->paging.pages, chunk, mask);
	}
}

/* Where the kernel left nothing, nothing is to be from now on: the pager's mappings that this
 * child is about to make would be what a stray pointer of the program finds there. */
static void block(const struct region *region)
{
	sys_mmap((void *)region->start, region->end - region->start, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}

void region_fork_child(struct pager *pager)
{
	for (size_t i = pager->regions.count; i-- > 0;) {
		struct region region = pager->regions.region[i];

		if (!region.inherit)
			continue;
		if (pager_is_armed(pager))
			forget_pages(pager, &region);
		if (!(region.inherit & INHERIT_NOTHING))
			continue;
		ranges_clear(&pager->regions, region.start, region.end);
		if (pager_is_armed(pager))
			block(&region);
	}
}
