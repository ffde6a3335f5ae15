/* SPDX-License-Identifier: MIT */
/* renounce.c - a managed range becomes plain memory: see region.h
 *
 * Chunk by chunk: what is not here is read, and if it is all still here under the chunk's lock, the
 * pager forgets it.  Evictions may take it out in between; then it is read again.
 */
#include "pager.h"
#include "region.h"

/* How often what is brought back may leave again before the range is given up. */
#define TRIES 100

/* All chunks of the range are locked.  What is here stays; nothing may be elsewhere. */
static long op_forget(void *context, void *addr, size_t size)
{
	struct pager *pager = context;
	uintptr_t start = (uintptr_t)addr, end = start + size;
	struct chunk *chunk;

	if (!pager_is_armed(pager))
		return 0;
	pagetable_for_each(chunk, &pager->table, start, end) {
		uint64_t elsewhere = (chunk->cached | chunk->swapped) & ~chunk->resident;

		if ((elsewhere | chunk->filling | chunk->poisoned) &
		    chunk_mask_of(chunk, start, end))
			return -EAGAIN;
	}
	sys_madvise(addr, size, MADV_DOFORK);
	return uffd_unregister(&pager->uffd, addr, size);
}

/* As the program would; what it may not read is readable meanwhile. */
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

/* Reads the pages of at most a chunk that are not here; those that were never touched stay so. */
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

static int renounce_part(struct pager *pager, void *addr, size_t size)
{
	int err = -EAGAIN;

	for (unsigned tries = 0; tries < TRIES && err == -EAGAIN; tries++) {
		err = bring_back(pager, addr, size);
		if (!err)
			err = (int)region_replace(pager, addr, size, false, op_forget, pager);
	}
	return err;
}

int region_renounce(struct pager *pager, void *addr, size_t size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);
	uintptr_t end = page_round_up((uintptr_t)addr + size);
	int err = 0;

	if (!region_covers(pager, addr, size))
		return -ENOMEM;
	for (uintptr_t at = start, next; at < end && !err; at = next) {
		next = (at | (chunk_size() - 1)) + 1;
		next = next < end ? next : end;
		err = renounce_part(pager, (void *)at, next - at);
	}
	return err;
}
