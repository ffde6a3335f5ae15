/* SPDX-License-Identifier: MIT */
/* retire.c - a pager gives up and leaves plain memory: see pager.h */
#include "pager/fork.h"
#include "base/guard.h"
#include "pager/lender.h"
#include "pager/pager.h"
#include "paging/gauges.h"
#include "paging/start.h"

static long first_locked(struct pager *pager, void *ret_region)
{
	if (pager->regions.count == 0)
		return false;
	*(struct region *)ret_region = pager->regions.region[0];
	return true;
}

/* Brings back what is not here. */
static int renounce_all(struct pager *pager)
{
	struct region part;
	int err = 0;

	while (!err && region_call(pager, first_locked, &part, sizeof(part)))
		err = region_renounce(pager, (void *)part.start, part.end - part.start);
	return err;
}

/* From now on forks have nothing to do, and the pager does not arm again. */
static long end_locked(struct pager *pager, void *unused)
{
	(void)unused;
	atomic_store(&pager->paging.armed, false);
	pager->kept_whole = true;
	return 0;
}

/* Forks have nothing to do any more, and it does not arm again. */
static long end_guarded(struct pager *pager, void *unused)
{
	(void)unused;
	fork_delist(pager);
	return region_call(pager, end_locked, NULL, 0);
}

static long leave_guarded(struct pager *pager, void *argument)
{
	(void)argument;
	share_leave(pager->paging.share);
	return 0;
}

static int bring_all_back(struct pager *pager)
{
	int err;

	pager->paging.retiring = true;
	atomic_fetch_add(&pager->paging.budget.overcommit, CREDIT_UNLIMITED);
	err = renounce_all(pager);
	if (err) {
		pager->paging.retiring = false;
		atomic_fetch_sub(&pager->paging.budget.overcommit, CREDIT_UNLIMITED);
	}
	return err;
}

int pager_retire(struct pager *pager)
{
	bool was_armed;
	char none = 0;
	int err;

	lender_stop();
	/* Keep it from arming; or, if it is armed, from taking anything out. */
	was_armed = !region_keep(pager, true);
	err = was_armed ? bring_all_back(pager) : 0;
	if (err)
		return err;
	guard_call(pager, end_guarded, &none, sizeof(none));
	if (was_armed) {
		paging_stop(&pager->paging, false);
		compressed_close(&pager->paging.store.compressed);
		stat_set(&pager->paging.stats->armed, 0);
		gauges_publish(&pager->paging);
	}
	if (pager->paging.share)
		guard_call(pager, leave_guarded, &none, sizeof(none));
	return 0;
}
