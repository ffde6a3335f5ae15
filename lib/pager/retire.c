/* SPDX-License-Identifier: MIT */
/* retire.c - a pager gives up, and what it managed is plain memory: see pager.h */
#include "pager/fork.h"
#include "base/guard.h"
#include "pager/lender.h"
#include "pager/pager.h"

static long first_region(struct pager *pager, void *ret_region)
{
	bool taken = region_lock(pager);
	bool ret = pager->regions.count > 0;

	if (ret)
		*(struct region *)ret_region = pager->regions.region[0];
	region_unlock(pager, taken);
	return ret;
}

/* What is not here comes back. */
static int renounce_all(struct pager *pager)
{
	struct region part;
	int err = 0;

	while (!err && guard_call(pager, first_region, &part, sizeof(part)))
		err = region_renounce(pager, (void *)part.start, part.end - part.start);
	return err;
}

/* Forks have nothing to do any more, and it does not arm again. */
static long end_guarded(struct pager *pager, void *argument)
{
	bool taken;

	(void)argument;
	fork_delist(pager);
	taken = region_lock(pager);
	atomic_store(&pager->armed, false);
	pager->kept_whole = true;
	region_unlock(pager, taken);
	return 0;
}

static long leave_guarded(struct pager *pager, void *argument)
{
	(void)argument;
	share_leave(pager);
	return 0;
}

static int bring_all_back(struct pager *pager)
{
	int err;

	pager->retiring = true;
	atomic_fetch_add(&pager->arena.overcommit, CREDIT_UNLIMITED);
	err = renounce_all(pager);
	if (err) {
		pager->retiring = false;
		atomic_fetch_sub(&pager->arena.overcommit, CREDIT_UNLIMITED);
	}
	return err;
}

int pager_retire(struct pager *pager)
{
	bool was_armed;
	char none = 0;
	int err;

	lender_stop();
	/* It does not arm from now on; or, if it has, takes nothing out. */
	was_armed = !region_keep(pager, true);
	err = was_armed ? bring_all_back(pager) : 0;
	if (err)
		return err;
	guard_call(pager, end_guarded, &none, sizeof(none));
	if (was_armed) {
		pager_stop(pager, false);
		stat_set(&pager->stats->armed, 0);
		pager_publish(pager);
	}
	if (pager->share)
		guard_call(pager, leave_guarded, &none, sizeof(none));
	return 0;
}
