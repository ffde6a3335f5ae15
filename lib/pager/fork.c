/* SPDX-License-Identifier: MIT */
/* fork.c - right data on both sides of a fork: see fork.h */
#include "pager/fork.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/fork_near.h"
#include "base/guard.h"
#include "base/process.h"
#include "paging/handler.h"
#include "paging/start.h"
#include "pager/lender.h"
#include "kernel/pagemap.h"
#include "pager/pager.h"
#include "base/thread.h"
#include <pthread.h>

/* How often prepare checks whether the last writes are done. */
#define QUIET_NS 50000

static struct lock list_lock;
static struct pager *pagers; /* (list_lock) */
static _Atomic bool registered;

static uint64_t signals_before; /* (list_lock) those of the thread that forks */

/* -- the list --------------------------------------------------------------------- */

void fork_registered(void)
{
	registered = true;
}

static long enlist_guarded(struct pager *pager, void *unused)
{
	(void)unused;
	lock_take(&list_lock, LOCK_FORK);
	pager->next = pagers;
	pagers = pager;
	lock_drop(&list_lock, LOCK_FORK);
	return 0;
}

void fork_enlist(struct pager *pager)
{
	guard_call(pager, enlist_guarded, NULL, 0);
	if (!atomic_exchange(&registered, true))
		pthread_atfork(fork_prepare, fork_parent, fork_child);
}

static long delist_guarded(struct pager *pager, void *unused)
{
	(void)unused;
	lock_take(&list_lock, LOCK_FORK);
	for (struct pager **link = &pagers; *link; link = &(*link)->next)
		if (*link == pager) {
			*link = pager->next;
			break;
		}
	lock_drop(&list_lock, LOCK_FORK);
	return 0;
}

void fork_delist(struct pager *pager)
{
	guard_call(pager, delist_guarded, NULL, 0);
}

/* -- prepare ----------------------------------------------------------------------- */

static void prepare_pager(struct pager *pager)
{
	lock_take(&pager->region_lock, LOCK_REGION);
	pager->region_owner = sys_gettid();
	if (pager->paging.share)
		share_prepare(pager->paging.share);
	if (!pager_is_armed(pager))
		return;
	store_fork(&pager->paging.store);
	pager_guard_forks(pager, false);
}

/* The first pager that is not quiet, or NULL. */
static struct pager *find_busy(void)
{
	struct pager *pager = pagers;

	while (pager && paging_is_quiet(&pager->paging))
		pager = pager->next;
	return pager;
}

/* Once all pagers are quiet, keeps the locks.  false: not yet. */
static long prepare_guarded(struct pager *none, void *unused)
{
	struct pager *busy;

	(void)none, (void)unused;
	lock_take(&list_lock, LOCK_FORK);
	busy = find_busy();
	if (busy) {
		handler_wake_all(&busy->paging);
		lock_drop(&list_lock, LOCK_FORK);
		return false;
	}
	for (struct pager *pager = pagers; pager; pager = pager->next)
		prepare_pager(pager);
	return true;
}

/* Brings in the pages of this stack that libc uses in the child before our handler runs there.  The
 * stack may be managed, and a page that is away could not come back yet. */
static void touch_stack(void)
{
	char below[4096];

	*(volatile char *)below = 0;
}

/* The disk may take its time.  Meanwhile signals are let in, and no lock is held. */
void fork_prepare(void)
{
	struct timespec pause = { 0, QUIET_NS };
	uint64_t signals;

	fork_announce();
	for (;;) {
		signals = guard_block_signals();
		if (guard_call(NULL, prepare_guarded, NULL, 0))
			break;
		guard_restore_signals(signals);
		sys_call2(SYS_nanosleep, &pause, 0);
	}
	signals_before = signals;
	touch_stack();
}

/* -- parent ------------------------------------------------------------------------- */

static void release_pager(struct pager *pager)
{
	pager->region_owner = 0;
	lock_drop(&pager->region_lock, LOCK_REGION);
}

static long parent_guarded(struct pager *none, void *unused)
{
	(void)none, (void)unused;
	for (struct pager *pager = pagers; pager; pager = pager->next) {
		if (pager_is_armed(pager)) {
			pager_guard_forks(pager, true);
			store_fork_parent(&pager->paging.store);
		}
		release_pager(pager);
	}
	fork_withdraw();
	for (struct pager *pager = pagers; pager; pager = pager->next) {
		if (pager_is_armed(pager))
			handler_wake_all(&pager->paging);
		lender_start(pager);
	}
	return 0;
}

void fork_parent(void)
{
	uint64_t signals = signals_before;

	guard_call(NULL, parent_guarded, NULL, 0);
	lock_drop(&list_lock, LOCK_FORK);
	guard_restore_signals(signals);
}

/* -- child -------------------------------------------------------------------------- */

/* Whichever thread held these does not exist here. */
static void reset_locks(struct paging *paging)
{
	lock_reset(&paging->pages.arena.lock);
	lock_reset(&paging->policy.lock);
	lock_reset(&paging->readahead.lock);
	lock_reset(&paging->requests.lock);
	pagetable_fork_child(&paging->pages.table);
}

/* Slots that the parent's handlers have taken ahead are of no use here. */
static void leave_runs(struct paging *paging)
{
	for (unsigned i = 0; i < paging->handler_count; i++)
		writeback_leave_run(&paging->handlers[i].writes);
}

static void reset_counts(struct paging *paging)
{
	policy_init(&paging->policy, &paging->pages, &paging->budget);
	apportion_init(&paging->apportion, &paging->budget);
	pages_reset_counts(&paging->pages);
	budget_reset(&paging->budget);
	credit_force(&paging->budget, slab_frames(&paging->store.compressed.slab));
	paging->requests.count = 0;
	paging->evicting = paging->writes = 0;
	paging->swap_full = paging->held_back = false;
}

/* Pages that are not here, as a range; adjacent ones are joined. */
struct away {
	char *start, *end;
};

static void discard(const struct away *away)
{
	if (away->start != away->end)
		sys_madvise(away->start, (size_t)(away->end - away->start), MADV_DONTNEED);
}

/* libc's part of the child may have touched pages that are not here.  What is there now is zeros,
 * and what libc wrote. */
static void discard_strangers(struct chunk *chunk, struct away *away)
{
	uint64_t left = (chunk->compressed | chunk->swapped | chunk->poisoned) & ~chunk->resident;

	for (uint64_t run; left; left &= ~run) {
		char *start, *end;

		run = mask_first_run(left);
		start = chunk_page(chunk, mask_first(run));
		end = start + ((size_t)mask_count(run) << page_shift());
		if (start != away->end) {
			discard(away);
			away->start = start;
		}
		away->end = end;
	}
}

/* The chunk's pages that the child has.  A window of zeros that was being filled may extend over
 * mappings that are not managed; what lies there is not ours to page. */
static uint64_t present_pages(struct pager *pager, int pagemap, const struct chunk *chunk)
{
	struct region part;
	uint64_t managed = 0;
	size_t i;

	ranges_for_each(part, i, &pager->regions, chunk->address, chunk->address + chunk_size())
		managed |= chunk_mask_of(chunk, part.start, part.end);
	return managed & pagemap_present(pagemap, (void *)chunk->address, CHUNK_PAGES);
}

static void report_lost(const struct chunk *chunk, uint64_t lost)
{
	unsigned i;

	mask_for_each(i, lost)
		error_report(
			EVENT_READ_FAILED,
			"the page at %lx is lost in a forked child: it could neither be "
			"written nor put back before the fork; touching it there raises SIGBUS",
			(unsigned long)(uintptr_t)chunk_page(chunk, i));
}

static void rebuild_rows(struct pager *pager)
{
	int pagemap = pagemap_open();
	struct away away = { NULL, NULL };
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, 0, PAGETABLE_END) {
		uint64_t present = 0;

		if (chunk->filling || chunk->lock.word)
			present = present_pages(pager, pagemap, chunk);
		report_lost(chunk, chunk_fork_child(&pager->paging.pages, chunk, present));
		discard_strangers(chunk, &away);
		if (chunk->resident)
			policy_insert(&pager->paging.policy, chunk);
		if (chunk->compressed)
			policy_insert_compressed(&pager->paging.policy, chunk);
	}
	discard(&away);
	fd_close(pagemap);
}

/* Frames that may be the parent's too.  If the pager is armed, those that it holds; otherwise what
 * the process has resident, but no more than its regions can hold. */
static int64_t inherited_frames(const struct pager *pager)
{
	int64_t anonymous, accessible = (int64_t)(pager->regions.accessible >> page_shift());

	if (pager_is_armed(pager))
		return pager->paging.budget.used;
	anonymous = process_anonymous((uint32_t)sys_getpid());
	return anonymous < 0 ? 0 : anonymous < accessible ? anonymous : accessible;
}

static void share_budget(struct pager *pager)
{
	struct paging *paging = &pager->paging;

	if (paging->share)
		paging->share = share_child(paging->share, inherited_frames(pager));
}

static int restart(struct pager *pager)
{
	struct paging *paging = &pager->paging;
	int err = store_fork_child(&paging->store);

	leave_runs(paging);
	paging_stop(paging, true);
	reset_locks(paging);
	reset_counts(paging);
	if (!stats_fork(&paging->seat))
		return -ENOMEM;
	paging->stats = paging->seat.stats;
	rebuild_rows(pager);
	region_fork_child(pager);
	share_budget(pager);
	paging->dormant = true;
	if (!err)
		err = paging_start(paging, &pager->why);
	if (!err)
		err = pager_register_all(pager, false);
	stat_set(&paging->stats->armed, 1);
	return err;
}

static void child_pager(struct pager *pager)
{
	int err = 0;

	lock_reset(&pager->region_lock);
	pager->region_owner = 0;
	if (!pager_is_armed(pager)) {
		region_fork_child(pager);
		share_budget(pager);
		lender_start(pager);
		return;
	}
	err = restart(pager);
	if (err)
		error_fatal("a forked process ends here, because it cannot be paged: %s (%s)",
			    pager->why ? pager->why : "paging did not start", error_name(err));
}

static long child_guarded(struct pager *none, void *unused)
{
	(void)none, (void)unused;
	for (struct pager *pager = pagers; pager; pager = pager->next)
		child_pager(pager);
	return 0;
}

void fork_child(void)
{
	uint64_t signals = signals_before;

	fork_withdraw_child();
	guard_fork_child();
	error_reset();
	lock_reset_held();
	lock_reset(&list_lock);
	lender_reset();
	thread_count = 0;
	guard_call(NULL, child_guarded, NULL, 0);
	guard_restore_signals(signals);
}
