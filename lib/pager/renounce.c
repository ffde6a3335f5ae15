/* SPDX-License-Identifier: MIT */
/* renounce.c - making what is managed in a range plain memory: see region.h
 *
 * This goes chunk by chunk.  It reads what is not here.  If everything is still here under the
 * chunk's lock, the pager forgets it.  If evictions have taken something out in between, it is read
 * again.
 *
 * Afterwards the whole range is foreign, including what was not managed: faults may still be on
 * their way to the handlers, and windows would fill pages next to it.
 */
#include "base/guard.h"
#include "pager/pager.h"
#include "pager/region.h"

/* How often what was brought back may leave again before the range is given up. */
#define TRIES 100

static int unregister(struct pager *pager, uintptr_t start, uintptr_t end)
{
	struct region part;
	int err = 0;
	size_t i;

	ranges_for_each(part, i, &pager->regions, start, end) {
		void *addr = (void *)part.start;

		sys_madvise(addr, part.end - part.start, MADV_DOFORK);
		err = err ? err : uffd_unregister(&pager->paging.uffd, addr, part.end - part.start);
	}
	return err;
}

/* For the part of one chunk, which has a row and is locked.  What is here stays; nothing may be
 * elsewhere. */
static long op_forget(void *context, void *addr, size_t size)
{
	struct pager *pager = context;
	uintptr_t start = (uintptr_t)addr, end = start + size;
	struct chunk *chunk = pagetable_find(&pager->paging.pages.table, start);
	uint64_t mask = chunk_mask_of(chunk, start, end);
	uint64_t elsewhere = (chunk->cached | chunk->compressed | chunk->swapped) &
			     ~chunk->resident;
	int err = 0;

	if ((elsewhere | chunk->filling | chunk->poisoned) & mask)
		return -EAGAIN;
	if (pager_is_armed(pager))
		err = unregister(pager, start, end);
	if (!err)
		chunk_let_go(&pager->paging.pages, chunk, mask);
	return err;
}

/* Touches the page as the program would.  A page that the program may not read is made readable
 * meanwhile. */
static int read_page(struct pager *pager, char *page)
{
	int prot = region_protection(pager, page, page_size());
	bool hidden = prot >= 0 && !(prot & PROT_READ);
	int err = prot < 0 ? prot : 0;

	if (hidden)
		err = region_protect(pager, page, page_size(), PROT_READ, NO_KEY);
	if (!err)
		(void)*(volatile char *)page;
	if (hidden && !err)
		err = region_protect(pager, page, page_size(), prot, NO_KEY);
	return err;
}

/* Reads the pages of one chunk, or of less, that are not here.  Those that were never touched stay
 * so. */
static int bring_back(struct pager *pager, char *addr, size_t size)
{
	unsigned char states[CHUNK_PAGES];
	int err = region_states(pager, addr, size, states);

	for (size_t i = 0; i < size >> page_shift() && !err; i++) {
		unsigned state = states[i] & SPILL_STATE_MASK;

		if (state == SPILL_POISONED)
			err = -EIO;
		else if (state != SPILL_ABSENT && state != SPILL_RESIDENT)
			err = read_page(pager, addr + (i << page_shift()));
	}
	return err;
}

static long make_row(struct pager *pager, void *argument)
{
	return pagetable_make(&pager->paging.pages.table, *(uintptr_t *)argument) ? 0 : -ENOMEM;
}

static int renounce_part(struct pager *pager, void *addr, size_t size)
{
	int err = -EAGAIN;

	if (guard_call(pager, make_row, &addr, sizeof(addr)))
		return -ENOMEM;
	for (unsigned tries = 0; tries < TRIES && err == -EAGAIN; tries++) {
		err = bring_back(pager, addr, size);
		if (!err)
			err = (int)region_replace(pager, addr, size, false, op_forget, pager);
	}
	return err;
}

static bool is_mapped(uintptr_t page)
{
	unsigned char there;

	return sys_mincore((void *)page, page_size(), &there) == 0;
}

int region_renounce(struct pager *pager, void *addr, size_t size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);
	uintptr_t end = page_round_up((uintptr_t)addr + size);
	int err = 0;

	/* Make no rows for what the kernel will refuse. */
	if (start >= end || !is_mapped(start) || !is_mapped(end - page_size()))
		return -EINVAL;
	for (uintptr_t at = start, next; at < end && !err; at = next) {
		next = chunk_part_end(at, end);
		err = renounce_part(pager, (void *)at, next - at);
	}
	return err;
}
