/* SPDX-License-Identifier: MIT */
/* lender.c - a thread for a process that has plain memory and relatives: see lender.h */
#include "lender.h"
#include "last.h"
#include "pager.h"
#include "thread.h"

/* What is not worth a thread. */
#define LENDER_LEAST ((uint64_t)4 << 20)

static _Atomic bool running;

static void wait_for_news(const struct share *share)
{
	struct pollfd fd = { .fd = share->ear, .events = POLLIN };
	uint64_t ns = share->overlap.frames ? share->overlap.pause : last_check();
	struct timespec timeout = { 0, (long)ns };

	sys_poll(&fd, 1, &timeout);
}

static void *lender_main(void *arg)
{
	struct pager *pager = arg;

	thread_begin();
	while (!pager_is_armed(pager)) {
		wait_for_news(pager->share);
		if (share_heard(pager->share) && share_must_lend(pager)) {
			region_arm(pager);
			break;
		}
		if (pager->share->overlap.frames)
			region_fit(pager);
	}
	if (pager_is_armed(pager))
		share_lend(pager);
	atomic_store(&running, false);
	thread_end();
	return NULL;
}

void lender_start(struct pager *pager)
{
	pthread_t thread;

	if (!pager || !pager->share || pager->share->ear < 0 || pager_is_armed(pager) ||
	    pager->regions.accessible < LENDER_LEAST || atomic_exchange(&running, true))
		return;
	if (thread_start(&thread, "spill/lender", lender_main, pager) < 0)
		atomic_store(&running, false);
	else
		pthread_detach(thread);
}

void lender_reset(void)
{
	atomic_store(&running, false);
}

bool lender_runs(void)
{
	return running;
}
