/* SPDX-License-Identifier: MIT */
/* arming.c - when paging starts: see region.h
 *
 * A pager arms when what can be touched would pass the budget: memory is adopted, becomes
 * accessible, or the budget shrinks.  It never arms while all is to be kept (mlockall).
 */
#include "paging/start.h"
#include "pager/region_private.h"

/* What can be touched once the range has this protection, and bytes of it are managed. */
static uint64_t accessible_then(struct pager *pager, const struct range *range, int prot,
				uint64_t bytes)
{
	uint64_t now = pager->regions.accessible;

	now -= ranges_bytes(&pager->regions, range_start(range), range_end(range), true);
	return prot == PROT_NONE ? now : now + bytes;
}

/* Strict: all that can be touched has a place on swap space beforehand, and what the handlers
 * take ahead. */
static int back(struct pager *pager, uint64_t accessible)
{
	if (!pager->options.strict)
		return 0;
	return store_back(&pager->paging.store,
			  accessible + (paging_reserve(&pager->paging) << page_shift()))
		       ? -ENOMEM
		       : 0;
}

int region_arm_for(struct pager *pager, const struct range *range, int prot, uint64_t bytes)
{
	uint64_t accessible = accessible_then(pager, range, prot, bytes);
	int err = 0;

	if (!pager_is_armed(pager) && pager_fits(pager, accessible))
		return 0;
	if (!pager_is_armed(pager))
		err = pager_arm(pager);
	if (!err && accessible > pager->regions.accessible)
		err = back(pager, accessible);
	return err;
}

static long arm_locked(struct pager *pager, void *argument)
{
	bool only_if_needed = *(bool *)argument;

	if (pager_is_armed(pager) || pager->kept_whole)
		return 0;
	if (only_if_needed && pager_fits(pager, pager->regions.accessible))
		return 0;
	return pager_arm(pager);
}

static int arm(struct pager *pager, bool only_if_needed)
{
	return (int)region_call(pager, arm_locked, &only_if_needed, sizeof(only_if_needed));
}

int region_arm(struct pager *pager)
{
	return arm(pager, false);
}

int region_fit(struct pager *pager)
{
	return arm(pager, true);
}

static long keep_locked(struct pager *pager, void *argument)
{
	if (pager_is_armed(pager))
		return false;
	pager->kept_whole = *(bool *)argument;
	return true;
}

bool region_keep(struct pager *pager, bool keep)
{
	return region_call(pager, keep_locked, &keep, sizeof(keep));
}

static long set_budget_locked(struct pager *pager, void *argument)
{
	size_t bytes = *(size_t *)argument;

	if (pager->paging.budget.pinned > pins_most(bytes))
		return -EBUSY;
	paging_set_budget(&pager->paging, bytes);
	if (pager_is_armed(pager) || pager_fits(pager, pager->regions.accessible))
		return 0;
	return pager_arm(pager);
}

int region_set_budget(struct pager *pager, size_t budget)
{
	int err = (int)region_call(pager, set_budget_locked, &budget, sizeof(budget));

	return err || !pager_is_armed(pager) ? err : pager_fit(pager);
}
