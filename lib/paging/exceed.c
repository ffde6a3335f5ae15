/* SPDX-License-Identifier: MIT */
/* exceed.c - going over the budget for what cannot leave: see exceed.h */
#include "paging/exceed.h"
#include "base/error.h"
#include "base/process.h"
#include "kernel/pins.h"

/* Each time that nothing can leave, this part of what is held is let in on top; of the excess, this
 * part is taken back at a time. */
#define EXCEED_PART 4
#define EXCEED_BACK_PART 4
#define EXCEED_BACK_NS 10000000000

void exceed_hold_back(struct paging *paging, const char *why)
{
	bool before = false;

	if (paging->held_back || !atomic_compare_exchange_strong(&paging->held_back, &before, true))
		return;
	atomic_fetch_add(&paging->budget.overcommit, CREDIT_UNLIMITED);
	error_report(EVENT_HELD_BACK, "memory stays beyond the budget: %s", why);
}

void exceed_go_on(struct paging *paging)
{
	bool before = true;

	if (paging->held_back && atomic_compare_exchange_strong(&paging->held_back, &before, false))
		atomic_fetch_sub(&paging->budget.overcommit, CREDIT_UNLIMITED);
}

/* Exceeds the budget by this many frames more (or fewer). */
static void exceed_by(struct paging *paging, int64_t frames)
{
	atomic_fetch_add(&paging->budget.exceeding, frames);
	atomic_fetch_add(&paging->budget.overcommit, frames);
	paging->budget.exceeded_at = sys_now();
}

void exceed_by_step(struct paging *paging)
{
	int64_t step = paging->budget.used / EXCEED_PART;
	const char *why = "something else holds it in place";

	exceed_by(paging, step > CHUNK_PAGES ? step : CHUNK_PAGES);
	if (process_locked((uint32_t)sys_getpid()) > 0)
		why = "it is locked (mlock)";
	else if (paging->memory_fd < 0)
		why = "/proc/self/mem is closed to the process (PR_SET_DUMPABLE, or privileges "
		      "that it gave up)";
	else if (pins_possible(false))
		why = "devices or direct I/O may be using it";
	error_report(EVENT_HELD_BACK,
		     "memory stays beyond the budget, and nothing in this process can leave: %s",
		     why);
}

/* Takes some back: what can leave by now, leaves.  If nothing can, the budget is exceeded again. */
static void exceed_less(struct paging *paging)
{
	uint64_t last = paging->budget.exceeded_at, now = sys_now();
	int64_t exceeding = paging->budget.exceeding, back = exceeding / EXCEED_BACK_PART;

	if (!exceeding || now - last < EXCEED_BACK_NS ||
	    !atomic_compare_exchange_strong(&paging->budget.exceeded_at, &last, now))
		return;
	exceed_by(paging, -(back > CHUNK_PAGES	      ? back
			    : exceeding < CHUNK_PAGES ? exceeding
						      : CHUNK_PAGES));
}

void exceed_check(struct paging *paging)
{
	exceed_less(paging);
	if (paging->held_back && (paging->uffd.move || !(pins_expected() || pins_possible(false))))
		exceed_go_on(paging);
}
