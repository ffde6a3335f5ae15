/* SPDX-License-Identifier: MIT */
/* paging.c - what all handlers of a pager share: see paging.h */
#include "paging/paging.h"
#include "base/error.h"
#include "paging/writeback.h"

void paging_share(struct paging *paging, struct share *share)
{
	paging->share = share;
	if (share)
		share_use(share, &paging->budget);
}

uint64_t paging_command_budget(const struct paging *paging)
{
	if (!paging->share)
		return paging->budget.bytes;
	return (uint64_t)pool_total(paging->share->pool) << page_shift();
}

int paging_register(struct paging *paging, void *addr, size_t size)
{
	/* The pager moves single pages. */
	sys_madvise(addr, size, MADV_NOHUGEPAGE);
	sys_madvise(addr, size, MADV_DONTFORK); /* see pager_guard_forks */
	return uffd_register(&paging->uffd, addr, size, true);
}

/* -- when all is full --------------------------------------------------------------------- */

/* To bring in a page when everything is full, another must leave: a chunk is evicted into free
 * slots first, and then the slot of the page that came is free.  Each handler may also have taken a
 * run of slots for itself. */
uint64_t paging_reserve(const struct paging *paging)
{
	return paging->handler_count * (uint64_t)(WRITE_PAGES_MAX + CHUNK_PAGES);
}

/* What the command has left is the sum over its processes, so it is added up last, and rarely: a
 * process's own swap space is almost always enough. */
bool paging_has_room(const struct paging *paging, int64_t pages)
{
	const struct budget *budget = &paging->budget;
	uint64_t places = store_capacity(&paging->store, paging->swap_full);
	int64_t frames = budget->limit + budget->overcommit - (int64_t)budget->charge;
	int64_t own =
		frames + (int64_t)places - (int64_t)(paging->pages.kept + paging_reserve(paging));

	return own >= pages || (paging->share && own + share_left(paging->share) >= pages);
}

void paging_tell_full(const struct paging *paging)
{
	error_report(EVENT_SWAP_FULL,
		     "swap space is full (%lu MiB): pages stay in memory; name a larger target "
		     "(-s, SPILL_SWAP)",
		     (unsigned long)(store_used(&paging->store) >> 20));
}

/* -- behind our back ---------------------------------------------------------------------- */

#define BEHIND_TOLD 16

void paging_note_behind(struct paging *paging)
{
	if (atomic_fetch_add(&paging->behind, 1) == BEHIND_TOLD)
		error_report(EVENT_BEHIND,
			     "the program discards or unmaps memory by system calls that are not "
			     "libc's: what was paged out may come back; see BUGS in spill(7)");
}
