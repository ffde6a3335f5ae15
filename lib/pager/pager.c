/* SPDX-License-Identifier: MIT */
/* pager.c - making, arming, closing a pager: see pager.h */
#include "pager/pager.h"
#include "base/error.h"
#include "base/fd.h"
#include "kernel/pagemap.h"
#include "observe/trace.h"
#include "pager/fork.h"
#include "paging/handler.h"
#include "paging/start.h"
#include "paging/watch.h"

/* pager_fit looks again after this long.  If swap space is full, it gives up when this many looks
 * in a row have found no change. */
#define FIT_NS 10000000
#define FIT_FUTILE 50

/* -- making ------------------------------------------------------------------------- */

/* What handlers should do, once they start. */
static void set_options(struct paging *paging, const struct options *options)
{
	paging->crew = options->handlers < HANDLERS_MAX ? options->handlers : HANDLERS_MAX;
	paging->disable = options->disable;
	paging->calibration = options->calibration;
	paging->compresses = options->compress;
	paging->user_mode = options->user_mode;
	paging->allowance = (int64_t)(options->overcommit >> page_shift());
	paging->stall_ns = options->stall_warning * UINT64_C(1000000000);
}

/* The pager must be zeroed. */
static int init_paging(struct pager *pager, const struct options *options)
{
	struct paging *paging = &pager->paging;
	int err;

	set_options(paging, options);
	paging->uffd.fd = paging->memory_fd = paging->pagemap_fd = paging->poison_fd = -1;
	paging->trace_fd = paging->ear = -1;
	paging->regions = &pager->regions;
	paging->hash_key = sys_random();
	policy_init(&paging->policy, &paging->pages, &paging->budget);
	apportion_init(&paging->apportion, &paging->budget);
	readahead_init(&paging->readahead, READAHEAD_STREAMS, &paging->budget.limit);
	/* First, since only then there is something to destroy. */
	err = store_init(&paging->store, options->encrypt, &pager->why);
	if (!err)
		err = pages_init(&paging->pages, &paging->budget, &paging->store);
	if (!err)
		err = stats_private(&paging->seat) ? 0 : -ENOMEM;
	paging->stats = paging->seat.stats;
	return err;
}

int pager_new(const struct options *options, struct pager **ret_pager, const char **ret_why)
{
	struct pager *pager;
	int err;

	page_init();
	pager = meta_map(sizeof(*pager));
	if (!pager)
		return -ENOMEM;
	pager->options = *options;
	error_quiet(options->quiet);
	err = init_paging(pager, options);
	if (!err)
		err = ranges_init(&pager->regions);
	if (err) {
		if (pager->why)
			*ret_why = pager->why;
		pager_free(pager);
		return err;
	}
	paging_set_budget(&pager->paging, options->budget);
	fork_enlist(pager);
	*ret_pager = pager;
	return 0;
}

static void unmap_regions(struct pager *pager)
{
	for (size_t i = 0; i < pager->regions.count; i++) {
		struct region *region = &pager->regions.region[i];

		sys_munmap((void *)region->start, region->end - region->start);
	}
}

void pager_free(struct pager *pager)
{
	struct paging *paging;

	if (!pager)
		return;
	paging = &pager->paging;
	fork_delist(pager);
	paging_stop(paging, false);
	if (pager->regions.region)
		unmap_regions(pager);
	ranges_free(&pager->regions);
	pages_free(&paging->pages);
	store_destroy(&paging->store);
	stats_release(&paging->seat);
	meta_unmap(pager, sizeof(*pager));
}

/* -- arming ------------------------------------------------------------------------------ */

void pager_guard_forks(struct pager *pager, bool on)
{
	for (size_t i = 0; i < pager->regions.count; i++) {
		const struct region *region = &pager->regions.region[i];

		if (!(region->inherit & INHERIT_NOTHING))
			sys_madvise((void *)region->start, region->end - region->start,
				    on ? MADV_DONTFORK : MADV_DOFORK);
	}
}

/* Enters the pages of one chunk that are already there. */
static int scan_chunk(struct paging *paging, int pagemap, uintptr_t start, uintptr_t end)
{
	unsigned n = (unsigned)((end - start) >> page_shift());
	struct chunk *chunk = pagetable_make(&paging->pages.table, start);
	uint64_t present;

	if (!chunk)
		return -ENOMEM;
	lock_take(&chunk->lock, LOCK_CHUNK);
	present = pagemap_present(pagemap, (void *)start, n) << chunk_index(chunk, start);
	chunk_found_resident(&paging->pages, chunk, present);
	if (chunk->resident)
		policy_insert(&paging->policy, chunk);
	chunk_unlock(chunk);
	return 0;
}

static int scan_region(struct paging *paging, int pagemap, const struct region *region)
{
	int err = 0;

	for (uintptr_t at = region->start, next; at < region->end && !err; at = next) {
		next = chunk_part_end(at, region->end);
		err = scan_chunk(paging, pagemap, at, next);
	}
	return err;
}

int pager_register_all(struct pager *pager, bool scan)
{
	struct paging *paging = &pager->paging;
	int pagemap = pagemap_open();
	int err = 0;

	for (size_t i = 0; i < pager->regions.count && !err; i++) {
		struct region *region = &pager->regions.region[i];

		err = paging_register(paging, (void *)region->start, region->end - region->start);
		if (!err && scan && region->touched)
			err = scan_region(paging, pagemap, region);
	}
	fd_close(pagemap);
	paging->registered = err == 0;
	return err;
}

/* Arming failed half-way: makes memory plain again.  A ring that watched the userfaultfd is taken
 * down after the descriptor is closed, and keeps it open until then.  Without this, faults would
 * wait, and a second attempt to arm would get EBUSY. */
static void unregister_all(struct pager *pager)
{
	for (size_t i = 0; i < pager->regions.count; i++) {
		struct region *region = &pager->regions.region[i];

		uffd_unregister(&pager->paging.uffd, (void *)region->start,
				region->end - region->start);
	}
}

/* Forgets what scanning has found. */
static void forget_pages(struct paging *paging)
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &paging->pages.table, 0, PAGETABLE_END)
		chunk_forget(chunk);
	policy_init(&paging->policy, &paging->pages, &paging->budget);
	pages_reset_counts(&paging->pages);
	paging->budget.used = 0;
}

static void claim_stats(struct paging *paging)
{
	struct stats_seat claimed;

	if (!stats_claim(&claimed))
		return;
	stats_release(&paging->seat);
	paging->seat = claimed;
	paging->stats = claimed.stats;
}

static void open_trace(struct paging *paging)
{
	if (paging->trace_fd < 0)
		paging->trace_fd = trace_open(paging_command_budget(paging), paging->crew);
}

/* If there is no memory for a buffer, nothing is recorded. */
static void begin_trace(struct paging *paging, unsigned sample)
{
	open_trace(paging);
	paging->trace_events = paging->trace_fd < 0 ? 0 : TRACE_EVENTS;
	paging->discards = trace_new(paging->trace_fd, HANDLERS_MAX, TRACE_EVENTS);
	if (paging->discards && sample)
		paging->watch = watch_new(sample);
	paging->recording = paging->discards != NULL;
}

/* Should this process be recorded from its first page on? */
static bool must_see_all(struct pager *pager)
{
	if (!pager->options.trace_sample)
		return false;
	open_trace(&pager->paging);
	return pager->paging.trace_fd >= 0;
}

bool pager_fits(struct pager *pager, uint64_t bytes)
{
	struct budget *budget = &pager->paging.budget;
	struct share *share = pager->paging.share;
	uint64_t frames = pages_of(bytes);

	if (frames && !pager->kept_whole && must_see_all(pager))
		return false;
	if (share)
		return share_reserve(share, (int64_t)frames) || pager->kept_whole;
	if (pager->kept_whole)
		return true;
	return frames + budget->charge <= budget->bytes >> page_shift();
}

static void give_up_arming(struct pager *pager, int err)
{
	struct paging *paging = &pager->paging;

	error_report(EVENT_ARM_FAILED, "memory beyond the budget is refused: %s (%s)",
		     pager->why ? pager->why : "paging did not start", error_name(err));
	pager_guard_forks(pager, false);
	unregister_all(pager);
	paging_stop(paging, false);
	if (paging->share)
		share_disarm(paging->share);
	store_close(&paging->store);
	forget_pages(paging);
}

int pager_arm(struct pager *pager)
{
	struct target_list targets = options_targets(&pager->options);
	struct paging *paging = &pager->paging;
	int err;

	pager->why = NULL;
	err = store_open(&paging->store, &targets, pager->options.strict, &pager->why);
	if (!err && paging->compresses)
		err = compressed_open(&paging->store.compressed, &paging->budget,
				      paging->budget.bytes >> page_shift());
	if (!err) {
		claim_stats(paging);
		begin_trace(paging, pager->options.trace_sample);
		err = paging_start(paging, &pager->why);
	}
	if (!err)
		err = pager_register_all(pager, true);
	if (err) {
		give_up_arming(pager, err);
		return err;
	}
	stat_set(&paging->stats->armed, 1);
	atomic_store_explicit(&paging->armed, true, memory_order_release);
	handler_wake_all(paging);
	return 0;
}

/* -- waiting -------------------------------------------------------------------------------- */

static void wake(void *paging)
{
	handler_wake_all(paging);
}

int pager_fit(struct pager *pager)
{
	struct budget *budget = &pager->paging.budget;
	int64_t before = credit_left(budget);
	unsigned futile = 0;

	while (before < 0) {
		int64_t left;

		budget_wait(budget, FIT_NS, wake, &pager->paging);
		left = credit_left(budget);
		futile = left > before || !pager->paging.swap_full ? 0 : futile + 1;
		if (futile > FIT_FUTILE)
			return -ENOSPC;
		before = left;
	}
	return 0;
}
