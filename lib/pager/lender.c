/* SPDX-License-Identifier: MIT */
/* lender.c - a thread for a process that has plain memory and relatives: see lender.h */
#include "pager/lender.h"
#include "command/bell.h"
#include "kernel/last.h"
#include "pager/pager.h"
#include "base/thread.h"

/* Less than this is not worth a thread. */
#define LENDER_LEAST ((uint64_t)4 << 20)

static _Atomic bool running;

/* Changed only by the thread that has set running. */
static struct thread thread;
static bool started;
static _Atomic bool stopping;

static void wait_for_news(const struct share *share)
{
	struct pollfd fd = { .fd = share->ear, .events = POLLIN };
	uint64_t ns = share->overlap.frames ? share->overlap.pause : last_check();
	struct timespec timeout = { 0, (long)ns };

	sys_poll(&fd, 1, &timeout);
}

static void lender_main(void *arg)
{
	struct pager *pager = arg;

	while (!pager_is_armed(pager) && !stopping) {
		wait_for_news(pager->paging.share);
		thread_attend();
		if (bell_heard(pager->paging.share->ear) && share_must_lend(pager->paging.share)) {
			region_arm(pager);
			break;
		}
		if (pager->paging.share->overlap.frames)
			region_fit(pager);
	}
	if (pager_is_armed(pager))
		share_lend(pager->paging.share);
	atomic_store(&running, false);
}

static void wake(void *arg)
{
	struct pager *pager = arg;

	bell_ring(pager->paging.share->bell);
}

void lender_start(struct pager *pager)
{
	if (!pager || !pager->paging.share || pager->paging.share->ear < 0 ||
	    pager_is_armed(pager) || pager->regions.accessible < LENDER_LEAST ||
	    atomic_exchange(&running, true))
		return;
	/* The earlier one has ended, or is about to. */
	if (started)
		thread_join(&thread);
	started = thread_start(&thread, "spill/lender", lender_main, wake, pager) == 0;
	if (!started)
		atomic_store(&running, false);
}

void lender_reset(void)
{
	if (started)
		thread_forget(&thread);
	started = false;
	atomic_store(&running, false);
}

bool lender_stop(void)
{
	if (!running || !started)
		return false;
	stopping = true;
	wake(thread.arg);
	thread_join(&thread);
	started = false;
	stopping = false;
	return true;
}
