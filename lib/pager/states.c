/* SPDX-License-Identifier: MIT */
/* states.c - the states of pages, for spill_get_states: see region.h
 *
 * States are read chunk by chunk, under each chunk's lock, into memory that is never paged.  So
 * those of a large range are not from one moment.  Before the pager arms, the kernel says which
 * pages are there.
 */
#include "base/guard.h"
#include "kernel/pagemap.h"
#include "pager/pager.h"
#include "pager/region.h"
#include <string.h>

static unsigned char state_of(const struct chunk *chunk, unsigned i)
{
	uint64_t bit = mask_bit(i);
	unsigned state = chunk_state(chunk, i);

	if (chunk->swapped & bit)
		state |= SPILL_FLAG_SLOT;
	if (chunk->pinned & bit)
		state |= SPILL_FLAG_PINNED;
	if (chunk->hot & bit)
		state |= SPILL_FLAG_HOT;
	return (unsigned char)state;
}

/* For the states of one chunk's pages, in memory that is never paged. */
struct states_args {
	uintptr_t address;
	unsigned n;
	int pagemap;
	unsigned char state[CHUNK_PAGES];
};

static void states_armed(struct pager *pager, struct states_args *a)
{
	struct chunk *chunk = pagetable_find(&pager->paging.pages.table, a->address);

	if (!chunk)
		return;
	lock_take(&chunk->lock, LOCK_CHUNK);
	for (unsigned k = 0; k < a->n; k++)
		a->state[k] = state_of(chunk, chunk_index(chunk, a->address) + k);
	chunk_unlock(chunk);
}

static long states_guarded(struct pager *pager, void *argument)
{
	struct states_args *a = argument;
	uint64_t present;

	if (pager_is_armed(pager)) {
		states_armed(pager, a);
		return 0;
	}
	present = pagemap_present(a->pagemap, (void *)a->address, a->n);
	for (unsigned k = 0; k < a->n; k++)
		a->state[k] = present & mask_bit(k) ? SPILL_RESIDENT : SPILL_ABSENT;
	return 0;
}

int region_states(struct pager *pager, void *addr, size_t size, unsigned char *ret_states)
{
	uintptr_t address = (uintptr_t)addr, end = address + page_round_up(size);
	int pagemap;

	pagemap = pager_is_armed(pager) ? -1 : pagemap_open();
	while (address < end) {
		uintptr_t next = chunk_part_end(address, end);
		struct states_args args = { .address = address, .pagemap = pagemap };

		args.n = (unsigned)((next - address) >> page_shift());
		guard_call(pager, states_guarded, &args, sizeof(args));
		memcpy(ret_states, args.state, args.n);
		ret_states += args.n;
		address = next;
	}
	if (pagemap >= 0)
		sys_close(pagemap);
	return 0;
}
