/* SPDX-License-Identifier: MIT */
/* evict.c - how a chunk leaves, and how frames come free: see evict.h */
#include "paging/evict.h"
#include "paging/depart.h"
#include "paging/duty.h"
#include "paging/fill.h"
#include "base/fork_near.h"
#include "base/hash.h"
#include "paging/gauges.h"
#include "paging/pack.h"
#include "paging/pt_reclaim.h"
#include "base/usdt.h"
#include "paging/watch.h"
#include "paging/writeback.h"
#include "kernel/zap.h"

/* Pages are worth gathering on swap space if they are in runs of this many here, but not there. */
#define GATHER_RUN 8

/* How long after the last reading ahead there are free frames for more. */
#define AMPLE_NS 100000000
/* No more than this is unsaved, since a fork has to wait until it is written. */
#define UNSAVED_BYTES ((size_t)64 << 20)

/* How often a pager at rest checks whether a fork's child has ended. */
#define CHILDREN_NS 500000000

/* Frames to the high mark.  Evictions go in small steps, since more would be a large part of a
 * small budget. */
static int64_t frames_missing(struct paging *paging)
{
	return (int64_t)paging->budget.high - credit_left(&paging->budget);
}

/* -- in the tray ------------------------------------------------------------------------- */

/* How many stretches of the store do these pages lie in? */
static unsigned place_runs(const struct chunk *chunk, uint64_t mask)
{
	unsigned n = 0, i;

	mask_for_each(i, mask)
		if (!i || !(mask & mask_bit(i - 1)) ||
		    !place_follows(chunk->page[i].place, chunk->page[i - 1].place, 1))
			n++;
	return n;
}

/* The pages that are in runs of GATHER_RUN or more. */
static uint64_t long_runs(uint64_t mask)
{
	uint64_t ret = 0;

	for (uint64_t run; mask; mask &= ~run) {
		run = mask_first_run(mask);
		if (mask_count(run) >= GATHER_RUN)
			ret |= run;
	}
	return ret;
}

/* Random updates leave a chunk's pages all over swap space.  If the chunk is later read in order
 * (so that its pages leave in runs), its clean pages are written once more, next to the others, in
 * the same request.  The next reading then takes one request instead of dozens. */
static uint64_t worth_gathering(struct paging *paging, const struct chunk *chunk, uint64_t pages,
				uint64_t clean)
{
	uint64_t mask = long_runs(pages) & clean;

	if (place_runs(chunk, mask) <= mask_count(mask) / GATHER_RUN)
		return 0;
	return store_used(&paging->store) < store_size(&paging->store) / 4 * 3 ? mask : 0;
}

/* Drops the zeros.  Returns the pages that no place holds, with their hashes entered. */
static uint64_t find_dirty(struct paging *paging, struct chunk *chunk, struct tray *tray)
{
	uint64_t dirty = 0, zero = 0;
	unsigned i;

	mask_for_each(i, tray->valid) {
		const char *page = tray_page(tray, i);
		uint64_t hash;

		if (page_is_zero(page)) {
			zero |= mask_bit(i);
			continue;
		}
		hash = hash_page(paging->hash_key, page);
		if (((chunk->swapped | chunk->compressed) & mask_bit(i)) &&
		    chunk->page[i].hash == hash)
			continue;
		dirty |= mask_bit(i);
		chunk_drop_copies(&paging->pages, chunk, mask_bit(i));
		chunk->page[i].hash = hash;
	}
	chunk_drop_copies(&paging->pages, chunk, zero);
	chunk_uncache(&paging->pages, chunk, tray, zero);
	stat_add(&paging->stats->pages_clean, mask_count(zero));
	return dirty;
}

/* Returns the clean pages that are to be written once more. */
static uint64_t gather(struct paging *paging, struct chunk *chunk, const struct tray *tray,
		       uint64_t dirty)
{
	uint64_t clean = tray->valid & ~dirty & ~chunk->compressed;
	uint64_t gathered = worth_gathering(paging, chunk, tray->valid, clean);

	chunk_drop_swapped(&paging->pages, chunk, gathered);
	return gathered;
}

/* A tray that holds nothing of use is given back at once. */
static void queue_tray(struct paging *paging, struct chunk *chunk, struct tray *tray)
{
	if (tray->valid || tray->busy) {
		policy_wait(&paging->policy, tray);
		return;
	}
	chunk_detach(chunk, tray);
	tray_free(&paging->pages.arena, &tray, 1);
}

/* What is in the tray is packed, or joins a write if the store does not have it; pages for which there
 * is no place go back. */
static void save(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	struct paging *paging = handler->paging;
	uint64_t dirty, packed, gathered;

	chunk_save(&paging->pages, tray);
	dirty = find_dirty(paging, chunk, tray);
	packed = pack_away(handler, chunk, tray, tray->valid);
	gathered = gather(paging, chunk, tray, dirty);
	stat_add(&paging->stats->pages_clean, mask_count(tray->valid & ~(dirty | gathered)));
	dirty = (dirty & ~packed) | gathered;
	USDT(save, chunk->address, tray->valid, dirty);
	fill_put_back(paging, chunk, tray, dirty & ~writeback_add(&handler->writes, tray, dirty));
}

/* These pages have left, and are not expected back. */
static void note_evicted(struct handler *handler, struct chunk *chunk, uint64_t mask)
{
	stat_add(&handler->paging->stats->pages_evicted, mask_count(mask));
	USDT(evict, chunk->address, mask);
	watch_note(handler, TRACE_EVICT, chunk, 0, mask);
}

/* Should pages that leave now be saved at once? */
static bool saves_at_once(const struct handler *handler, bool probe)
{
	struct paging *paging = handler->paging;

	return paging->swap_full || handler->barren ||
	       paging->pages.unsaved >= UNSAVED_BYTES >> page_shift() ||
	       !policy_saves_late(&paging->policy, probe);
}

/* Returns how many pages left. */
static unsigned evict_locked(struct handler *handler, struct chunk *chunk, uint64_t victims,
			     bool probe, bool save_now)
{
	struct paging *paging = handler->paging;
	struct tray *tray = tray_alloc(&paging->pages.arena);
	uint64_t out;

	if (!tray)
		return 0;
	out = depart(paging, chunk, tray, victims);
	if (!out) {
		atomic_fetch_add(&paging->refusals, 1);
		tray_free(&paging->pages.arena, &tray, 1);
		return 0;
	}
	paging->refusals = 0;
	policy_note_out(&paging->policy, chunk, out);
	chunk_evict(&paging->pages, chunk, tray, out);
	tray->probe = probe;
	if (save_now)
		save(handler, chunk, tray);
	out &= ~chunk->resident;
	note_evicted(handler, chunk, out);
	queue_tray(paging, chunk, tray);
	if (!chunk->resident)
		pt_reclaim(&paging->pages.table, chunk);
	return mask_count(out);
}

/* The chunk was picked, and is out of the queue. */
static unsigned evict_chunk(struct handler *handler, struct pick pick)
{
	struct paging *paging = handler->paging;
	struct chunk *chunk = pick.chunk;
	uint64_t victims;
	unsigned gained = 0;

	if (!chunk_try_lock(chunk)) {
		policy_unpick(&paging->policy, chunk, pick.standing);
		return 0;
	}
	victims = policy_victims(chunk, pick.standing);
	if (victims)
		gained = evict_locked(handler, chunk, victims, pick.probe,
				      saves_at_once(handler, pick.probe));
	if (chunk->resident)
		policy_insert(&paging->policy, chunk);
	chunk_check(chunk);
	chunk_unlock(chunk);
	return gained;
}

/* Keeps evictions out while a fork is near. */
static bool enter_eviction(struct paging *paging)
{
	atomic_fetch_add(&paging->evicting, 1);
	if (!fork_is_near())
		return true;
	atomic_fetch_sub(&paging->evicting, 1);
	return false;
}

static void leave_eviction(struct paging *paging)
{
	atomic_fetch_sub(&paging->evicting, 1);
}

/* -- watched (watch.h) ------------------------------------------------------------------- */

/* Gives back these frames of the tray, which hold nothing.  The tray is in no queue. */
static void give_spent(struct paging *paging, struct tray *tray, uint64_t mask)
{
	struct iovec ranges[MASK_RUNS_MAX];

	if (!mask)
		return;
	zap_ours(ranges, mask_ranges(mask, tray->address, ranges));
	tray->frames &= ~mask;
	tray_changed(tray, mask);
	credit_give(&paging->budget, mask_count(mask));
}

/* Finds a tray to which the chunk's pages left before, and takes it out of the queue.  Without it,
 * pages that leave one at a time would take a tray each. */
static struct tray *tray_to_join(struct paging *paging, struct chunk *chunk, uint64_t victims)
{
	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
		if (tray->watched && tray->unsaved && tray->queued &&
		    policy_remove(&paging->policy, tray)) {
			give_spent(paging, tray, tray->frames & ~tray->valid & victims);
			return tray;
		}
	return NULL;
}

static bool leave_watched(struct paging *paging, struct chunk *chunk, uint64_t victims)
{
	struct tray *joined = tray_to_join(paging, chunk, victims);
	struct tray *tray = joined ? joined : tray_alloc(&paging->pages.arena);
	uint64_t out = tray ? depart(paging, chunk, tray, victims) : 0;

	policy_note_out(&paging->policy, chunk, out);
	if (joined)
		chunk_evict_more(&paging->pages, chunk, tray, out);
	else if (out)
		chunk_evict(&paging->pages, chunk, tray, out);
	else if (tray)
		tray_free(&paging->pages.arena, &tray, 1);
	if (!joined && !out)
		return false;
	tray->watched = true;
	policy_wait(&paging->policy, tray);
	return true;
}

bool evict_watched(struct handler *handler, struct chunk *chunk)
{
	struct paging *paging = handler->paging;
	uint64_t victims;
	bool ret = true;

	if (!enter_eviction(paging))
		return false;
	if (chunk_try_lock(chunk)) {
		victims = chunk->resident & ~chunk->pinned;
		if (victims)
			ret = leave_watched(paging, chunk, victims);
		if (chunk->resident)
			policy_insert(&paging->policy, chunk);
		chunk_check(chunk);
		chunk_unlock(chunk);
	} else {
		ret = false;
	}
	leave_eviction(paging);
	return ret;
}

/* -- saved late ----------------------------------------------------------------------------- */

/* The tray's pages are not expected back any more.  The chunk is locked, and an eviction is entered.
 * false: not now. */
static bool save_waiting(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	if (!writeback_has_room(&handler->writes))
		return false;
	save(handler, chunk, tray);
	if (tray->watched)
		note_evicted(handler, chunk, tray->valid);
	tray->watched = false;
	return true;
}

/* false: not now; a fork is near, or there is no room for writes. */
static bool save_if_unsaved(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	bool ret;

	if (!tray->unsaved)
		return true;
	if (!enter_eviction(handler->paging))
		return false;
	ret = save_waiting(handler, chunk, tray);
	leave_eviction(handler->paging);
	return ret;
}

/* Saves what waits and will be wanted before long. */
static void save_ahead(struct handler *handler)
{
	struct policy *policy = &handler->paging->policy;
	bool done = true;

	for (unsigned n = 0; n < EVICT_BATCH && done; n++) {
		struct tray *tray = policy_to_save(policy);
		struct chunk *chunk = tray ? tray->chunk : NULL;

		if (!chunk || !chunk_try_lock(chunk))
			break;
		if (tray->chunk == chunk && tray->queued)
			done = save_if_unsaved(handler, chunk, tray);
		chunk_unlock(chunk);
	}
}

/* A fork waits, and has closed the gate to evictions. */
static bool save_for_fork(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	bool done = true;

	atomic_fetch_add(&handler->paging->evicting, 1);
	if (tray->watched)
		fill_put_back(handler->paging, chunk, tray, tray->valid);
	if (tray->valid)
		done = save_waiting(handler, chunk, tray);
	leave_eviction(handler->paging);
	return done;
}

/* Nothing joins meanwhile. */
void evict_save_all(struct handler *handler)
{
	struct pages *pages = &handler->paging->pages;
	struct chunk *chunk;

	if (!pages->unsaved)
		return;
	pagetable_for_each(chunk, &pages->table, 0, PAGETABLE_END) {
		if (!chunk_try_lock(chunk))
			continue;
		for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
			if (tray->unsaved && !save_for_fork(handler, chunk, tray))
				break;
		chunk_unlock(chunk);
	}
}

/* -- frames come free ----------------------------------------------------------------------- */

/* What became of a tray whose frames are wanted. */
enum outcome {
	RECLAIMED, /* it is the caller's now */
	NOT_READY, /* a read or write is going on in it, or its chunk is locked */
	NOT_SOON,  /* its write will not end soon, or has only just begun */
};

void evict_give_up(struct paging *paging, struct chunk *chunk, struct tray *tray)
{
	if (tray->ahead && tray->valid)
		readahead_wasted(&paging->readahead,
				 chunk_page_number(chunk, mask_first(tray->valid)));
	else if (!tray->passing)
		policy_note_left(&paging->policy, chunk, tray, tray->valid);
	chunk_uncache(&paging->pages, chunk, tray, tray->valid);
	chunk_detach(chunk, tray);
	policy_leave(&paging->policy, tray);
}

static void reclaim_locked(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	watch_note(handler, TRACE_RECLAIM, chunk, 0, tray->valid);
	evict_give_up(handler->paging, chunk, tray);
}

/* A write failed, and its pages could not be put back either: only the tray has them.  Tries once
 * more.  false: not now, a fork is near. */
static bool rescue(struct handler *handler, struct chunk *chunk, struct tray *tray, uint64_t dirty)
{
	if (!enter_eviction(handler->paging))
		return false;
	if (writeback_has_room(&handler->writes))
		dirty &= ~writeback_add(&handler->writes, tray, dirty);
	fill_put_back(handler->paging, chunk, tray, dirty);
	leave_eviction(handler->paging);
	return true;
}

static enum outcome reclaim_tray(struct handler *handler, struct tray *tray)
{
	struct chunk *chunk = tray->chunk;
	enum outcome outcome = NOT_READY;
	uint64_t dirty;

	if (!chunk_try_lock(chunk))
		return NOT_READY;
	if (!save_if_unsaved(handler, chunk, tray)) {
		chunk_unlock(chunk);
		return NOT_READY;
	}
	dirty = tray->valid & ~(chunk->compressed | chunk->swapped);
	if (tray->busy) {
		if (store_any_stalls(&handler->paging->store, handler->round))
			outcome = NOT_SOON;
	} else if (!dirty) {
		reclaim_locked(handler, chunk, tray);
		outcome = RECLAIMED;
	} else if (rescue(handler, chunk, tray, dirty)) {
		outcome = NOT_SOON;
	}
	chunk_unlock(chunk);
	return outcome;
}

/* Takes trays from the heads of the queues, in order, up to one that will be ready soon; a probe is
 * passed over.  Returns the frames gained. */
static unsigned reclaim(struct handler *handler, enum first first)
{
	struct paging *paging = handler->paging;
	struct tray *trays[RECLAIM_BATCH];
	unsigned n = policy_pick_trays(&paging->policy, trays, RECLAIM_BATCH,
				       frames_missing(paging), first);
	unsigned ready = 0, frames = 0, i;

	for (i = 0; i < n; i++) {
		enum outcome outcome = reclaim_tray(handler, trays[i]);

		if (outcome == NOT_READY && !trays[i]->probe)
			break;
		if (outcome == RECLAIMED) {
			frames += mask_count(trays[i]->frames);
			trays[ready++] = trays[i];
		} else {
			policy_unpick_tray(&paging->policy, trays[i], outcome == NOT_READY);
		}
	}
	while (n > i)
		policy_unpick_tray(&paging->policy, trays[--n], true);
	tray_free(&paging->pages.arena, trays, ready);
	if (frames)
		budget_freed(&paging->budget);
	return frames;
}

struct tray *evict_recycle(struct handler *handler, uint64_t mask)
{
	struct paging *paging = handler->paging;
	enum outcome outcome;
	struct tray *tray;

	/* There are frames to spare, so nothing needs to be given up. */
	if (credit_left(&paging->budget) >= (int64_t)(paging->budget.high + CHUNK_PAGES))
		return NULL;
	if (paging->pages.waiting + CHUNK_PAGES <= policy_target(&paging->policy)) {
		paging->stock_wanted = true;
		return NULL;
	}
	if (!policy_pick_trays(&paging->policy, &tray, 1, CHUNK_PAGES, FIRST_OWED))
		return NULL;
	outcome = mask & ~tray->frames ? NOT_READY : reclaim_tray(handler, tray);
	if (outcome == RECLAIMED)
		return tray;
	policy_unpick_tray(&paging->policy, tray, outcome == NOT_READY);
	return NULL;
}

/* -- children -------------------------------------------------------------------------------- */

uint64_t evict_check_children(struct paging *paging)
{
	uint64_t now;

	if (!store_has_children(&paging->store))
		return UINT64_MAX;
	now = sys_now();
	if (now - paging->children_checked < CHILDREN_NS)
		return CHILDREN_NS - (now - paging->children_checked);
	paging->children_checked = now;
	if (enter_eviction(paging)) {
		store_check_children(&paging->store);
		leave_eviction(paging);
	}
	return CHILDREN_NS;
}

/* -- ahead of demand --------------------------------------------------------------------------- */

/* No other frame can be freed: what the compressed store can give. */
static bool relieve(struct handler *handler)
{
	bool ret;

	if (!handler->paging->budget.compressed || !enter_eviction(handler->paging))
		return false;
	ret = pack_relieve(handler);
	writeback_submit(&handler->writes);
	leave_eviction(handler->paging);
	return ret;
}

/* What it costs to let a page leave is one side of the store's share. */
static unsigned evict_timed(struct handler *handler, struct pick pick)
{
	struct paging *paging = handler->paging;
	uint64_t since;
	unsigned gained;

	if (!paging->compresses)
		return evict_chunk(handler, pick);
	since = sys_now();
	gained = evict_chunk(handler, pick);
	apportion_note_evicted(&paging->apportion, gained, sys_now() - since);
	return gained;
}

/* Evicts chunks until this many frames are gained, or a batch of chunks is done. */
static unsigned evict_some(struct handler *handler, int64_t frames)
{
	struct paging *paging = handler->paging;
	bool hurried = handler->fault_count || fill_demanded(&handler->fills);
	unsigned most = hurried ? EVICT_BATCH_HURRIED : EVICT_BATCH;
	unsigned tried = 0, gained = 0;

	if (!enter_eviction(paging))
		return 0;
	store_check_children(&paging->store);
	pack_tend(handler);
	while (tried < most && gained < frames && writeback_has_room(&handler->writes)) {
		struct pick pick =
			policy_pick(&paging->policy, paging->swap_full || handler->barren);
		unsigned more;

		if (!pick.chunk)
			break;
		more = evict_timed(handler, pick);
		handler->barren = more == 0;
		/* The frames of probes stay where they are. */
		gained += pick.probe ? 0 : more;
		tried += !pick.probe;
	}
	/* If hurried, more pages may still join the write; rest submits it unless somebody else
	 * does. */
	if (!hurried)
		writeback_submit(&handler->writes);
	leave_eviction(paging);
	if (paging->share)
		share_check(paging->share);
	gauges_sample(paging);
	return gained;
}

/* Reading ahead recycles trays from the head of the queue and wants more of them, while there are
 * enough free frames. */
static bool stock_up(struct handler *handler)
{
	struct paging *paging = handler->paging;

	if (!paging->stock_wanted || duty_evicts_another(handler) ||
	    !atomic_exchange(&paging->stock_wanted, false))
		return false;
	return evict_some(handler, EVICT_BATCH * CHUNK_PAGES) > 0;
}

/* With more than twice the target in trays the device is behind, and evicting more will not help,
 * unless one of several stands still, and the trays that wait for it will for ever. */
static bool is_behind(const struct handler *handler)
{
	struct paging *paging = handler->paging;

	return paging->pages.waiting > 2 * policy_target(&paging->policy) &&
	       !store_any_stalls(&paging->store, handler->round);
}

/* Windows of readahead need more free frames than faults do, whose every frame counts if the data is
 * little more than the budget. */
static void choose_reserve(const struct handler *handler)
{
	struct paging *paging = handler->paging;

	budget_reserve(&paging->budget, handler->round - paging->ahead_at < AMPLE_NS);
}

bool evict_ahead(struct handler *handler)
{
	struct paging *paging = handler->paging;
	int64_t left = credit_left(&paging->budget);
	bool progress = false;

	choose_reserve(handler);

	/* Until everything is registered arming may still fail, and then no page may be anywhere
	 * else. */
	if (paging->dormant || paging->retiring || !paging_is_armed(paging))
		return false;
	if (left < (int64_t)paging->budget.low && paging->share) {
		share_grow(paging->share);
		left = credit_left(&paging->budget);
	}
	if (left < (int64_t)paging->budget.low || handler->starved) {
		if (!handler->starved && left >= (int64_t)paging->budget.low / 2 &&
		    duty_evicts_another(handler))
			return false;
		handler->evicting = true;
	}
	if (left >= (int64_t)paging->budget.high)
		handler->evicting = false;
	if (paging->pages.unsaved)
		save_ahead(handler);
	if (!handler->evicting)
		return stock_up(handler);
	if (policy_should_reclaim(&paging->policy))
		progress = reclaim(handler, FIRST_OWED) > 0;
	if (!is_behind(handler))
		progress |= evict_some(handler, frames_missing(paging)) > 0;
	if (!progress)
		progress = reclaim(handler, FIRST_WAITING) > 0 ||
			   reclaim(handler, FIRST_PROBES) > 0 || relieve(handler);
	/* Swap space is full and everything here is dirty: to go on trying would only cost time,
	 * until a fault needs a frame. */
	if (!progress && paging->swap_full && !handler->starved)
		handler->evicting = false;
	return progress;
}

bool evict_range(struct handler *handler, uintptr_t *start, uintptr_t end)
{
	struct paging *paging = handler->paging;
	struct chunk *chunk = pagetable_next(&paging->pages.table, *start, end);
	uint64_t victims;

	if (!chunk) {
		*start = end;
		return true;
	}
	if (!enter_eviction(paging))
		return false;
	if (!writeback_has_room(&handler->writes)) {
		leave_eviction(paging);
		return false;
	}
	if (chunk_try_lock(chunk)) {
		victims = chunk_mask_of(chunk, *start, end) & chunk->resident & ~chunk->pinned;
		if (victims)
			evict_locked(handler, chunk, victims, false, true);
		chunk_unlock(chunk);
		*start = chunk->address + chunk_size();
	}
	writeback_submit(&handler->writes);
	leave_eviction(paging);
	return *start >= end;
}
