/* SPDX-License-Identifier: MIT */
/* evict.c - how a chunk leaves, and how frames come free: see evict.h */
#include "paging/evict.h"
#include "paging/depart.h"
#include "paging/duty.h"
#include "base/error.h"
#include "paging/fill.h"
#include "base/fork_near.h"
#include "base/hash.h"
#include "kernel/pins.h"
#include "base/process.h"
#include "paging/tables.h"
#include "base/usdt.h"
#include "paging/watch.h"
#include "paging/writeback.h"
#include "kernel/zap.h"

/* Pages are worth gathering on swap space if they are in runs of so many here, but not there. */
#define GATHER_RUN 8

/* How often a pager at rest looks whether a child of a fork has ended. */
#define CHILDREN_NS 500000000

/* How many frames it takes to the high mark.  In small steps, since more would be
 * a large part of a small budget. */
static int64_t frames_missing(struct pager *pager)
{
	return (int64_t)pager->high_frames - credit_left(&pager->arena);
}

/* -- in the tray ------------------------------------------------------------------------- */

/* How many stretches of swap space these pages lie in. */
static unsigned slot_runs(const struct chunk *chunk, uint64_t mask)
{
	unsigned n = 0, i;

	mask_for_each(i, mask)
		if (!i || !(mask & mask_bit(i - 1)) ||
		    chunk->page[i - 1].slot + 1 != chunk->page[i].slot)
			n++;
	return n;
}

/* Those of them that stand in runs of GATHER_RUN and more. */
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

/* Updates at random leave a chunk's pages all over swap space.  If it is read in order
 * later (so that its pages leave in runs), clean ones are written once more with the
 * others, side by side: in one request, and the next reading has one instead of dozens. */
static uint64_t worth_gathering(struct pager *pager, const struct chunk *chunk, uint64_t pages,
				uint64_t clean)
{
	uint64_t mask = long_runs(pages) & clean;

	if (slot_runs(chunk, mask) <= mask_count(mask) / GATHER_RUN)
		return 0;
	return swap_used(&pager->swap) < swap_size(&pager->swap) / 4 * 3 ? mask : 0;
}

/* Drops the zeros; gives the pages that no slot holds, their hashes entered. */
static uint64_t find_dirty(struct pager *pager, struct chunk *chunk, struct tray *tray)
{
	uint64_t dirty = 0, zero = 0, gathered;
	unsigned i;

	mask_for_each(i, tray->valid) {
		const char *page = tray_page(tray, i);
		uint64_t hash;

		if (page_is_zero(page)) {
			zero |= mask_bit(i);
			continue;
		}
		hash = hash_page(pager->hash_key, page);
		if ((chunk->swapped & mask_bit(i)) && chunk->page[i].hash == hash)
			continue;
		dirty |= mask_bit(i);
		chunk_drop_slots(pager, chunk, mask_bit(i));
		chunk->page[i].hash = hash;
	}
	chunk_drop_slots(pager, chunk, zero);
	chunk_uncache(pager, chunk, tray, zero);
	gathered = worth_gathering(pager, chunk, tray->valid, tray->valid & ~dirty);
	chunk_drop_slots(pager, chunk, gathered);
	dirty |= gathered;
	stat_add(&pager->stats->pages_clean, mask_count(tray->valid & ~dirty) + mask_count(zero));
	return dirty;
}

void evict_put_back(struct pager *pager, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	bool again = false;

	if (!mask)
		return;
	fill_restore_move(pager, chunk, mask, tray, &again);
	policy_insert(&pager->policy, chunk);
}

/* Whole trays that hold nothing of use go at once. */
static void queue_tray(struct pager *pager, struct chunk *chunk, struct tray *tray)
{
	if (tray->valid || tray->busy) {
		policy_wait(&pager->policy, tray);
		return;
	}
	chunk_detach(chunk, tray);
	tray_free(&pager->arena, &tray, 1);
}

/* Pages in a tray, which were just moved there or were watched, leave for good: what is dirty
 * joins a write, and what finds no place there goes back.  How many left. */
static unsigned settle_pages(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	struct pager *pager = handler->pager;
	uint64_t out = tray->valid, dirty = find_dirty(pager, chunk, tray);
	uint64_t stuck = dirty & ~writeback_add(handler, tray, dirty);

	evict_put_back(pager, chunk, tray, stuck);
	stat_add(&pager->stats->pages_evicted, mask_count(out & ~stuck));
	USDT(evict, chunk->address, out & ~stuck, dirty);
	watch_note(handler, TRACE_EVICT, chunk, 0, out & ~stuck);
	return mask_count(out & ~stuck);
}

/* Gives the number of pages that left for good (or that may be reclaimed). */
static unsigned evict_locked(struct handler *handler, struct chunk *chunk, uint64_t victims)
{
	struct pager *pager = handler->pager;
	struct tray *tray = tray_alloc(&pager->arena);
	unsigned gone;
	uint64_t out;

	if (!tray)
		return 0;
	out = depart(pager, chunk, tray, victims);
	if (!out) {
		atomic_fetch_add(&pager->refusals, 1);
		tray_free(&pager->arena, &tray, 1);
		return 0;
	}
	pager->refusals = 0;
	chunk_evict(pager, chunk, tray, out);
	gone = settle_pages(handler, chunk, tray);
	queue_tray(pager, chunk, tray);
	if (!chunk->resident)
		tables_release(&pager->table, chunk);
	return gone;
}

/* The chunk was picked: out of the queue. */
static unsigned evict_chunk(struct handler *handler, struct chunk *chunk, enum standing standing)
{
	struct pager *pager = handler->pager;
	uint64_t victims;
	unsigned gained = 0;

	if (!chunk_try_lock(chunk)) {
		policy_unpick(&pager->policy, chunk, standing);
		return 0;
	}
	victims = policy_victims(chunk, standing);
	if (victims)
		gained = evict_locked(handler, chunk, victims);
	if (chunk->resident)
		policy_insert(&pager->policy, chunk);
	chunk_check(chunk);
	chunk_unlock(chunk);
	return gained;
}

/* Keeps evictions out while a fork is about to happen. */
static bool enter_eviction(struct pager *pager)
{
	atomic_fetch_add(&pager->evicting, 1);
	if (!fork_is_near())
		return true;
	atomic_fetch_sub(&pager->evicting, 1);
	return false;
}

static void leave_eviction(struct pager *pager)
{
	atomic_fetch_sub(&pager->evicting, 1);
}

/* -- watched (watch.h) ------------------------------------------------------------------- */

/* Of n pages the frames are gone; the tray is in no queue. */
static void give_spent(struct pager *pager, struct tray *tray, uint64_t mask)
{
	struct iovec ranges[MASK_RUNS_MAX];

	if (!mask)
		return;
	zap_ours(ranges, mask_ranges(mask, tray->address, ranges));
	tray->frames &= ~mask;
	tray_changed(tray, mask);
	credit_give(&pager->arena, mask_count(mask));
}

/* A tray to which the chunk's pages left before and which has room for these, out of the
 * queue: else a page at a time would take a tray each. */
static struct tray *tray_to_join(struct pager *pager, struct chunk *chunk, uint64_t victims)
{
	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
		if (tray->unseen && tray->queued && policy_remove(&pager->policy, tray)) {
			give_spent(pager, tray, tray->frames & ~tray->valid & victims);
			return tray;
		}
	return NULL;
}

static bool leave_unseen(struct pager *pager, struct chunk *chunk, uint64_t victims)
{
	struct tray *joined = tray_to_join(pager, chunk, victims);
	struct tray *tray = joined ? joined : tray_alloc(&pager->arena);
	uint64_t out = tray ? depart(pager, chunk, tray, victims) : 0;

	if (joined)
		chunk_evict_more(pager, chunk, tray, out);
	else if (out)
		chunk_evict(pager, chunk, tray, out);
	else if (tray)
		tray_free(&pager->arena, &tray, 1);
	if (!joined && !out)
		return false;
	tray->unseen = true;
	atomic_fetch_add(&pager->watch->left, 1);
	policy_wait(&pager->policy, tray);
	return true;
}

bool evict_unseen(struct handler *handler, struct chunk *chunk)
{
	struct pager *pager = handler->pager;
	uint64_t victims;
	bool ret = true;

	if (!enter_eviction(pager))
		return false;
	if (chunk_try_lock(chunk)) {
		victims = chunk->resident & ~chunk->pinned;
		if (victims)
			ret = leave_unseen(pager, chunk, victims);
		if (chunk->resident)
			policy_insert(&pager->policy, chunk);
		chunk_check(chunk);
		chunk_unlock(chunk);
	} else {
		ret = false;
	}
	leave_eviction(pager);
	return ret;
}

/* They leave for good now.  The chunk is locked; an eviction is entered.  false: not now. */
static bool settle_unseen(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	if (!writeback_has_room(handler))
		return false;
	tray->unseen = false;
	settle_pages(handler, chunk, tray);
	return true;
}

static bool take_back(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	bool done = true;

	atomic_fetch_add(&handler->pager->evicting, 1);
	evict_put_back(handler->pager, chunk, tray, tray->valid);
	if (tray->valid)
		done = settle_unseen(handler, chunk, tray);
	else
		tray->unseen = false;
	leave_eviction(handler->pager);
	return done;
}

bool evict_take_back(struct handler *handler, struct chunk *chunk)
{
	bool done = true;

	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
		if (tray->unseen)
			done &= take_back(handler, chunk, tray);
	return done;
}

/* -- frames come free ----------------------------------------------------------------------- */

/* What becomes of a tray whose frames are wanted. */
enum outcome {
	RECLAIMED, /* it is the caller's */
	NOT_READY, /* a read or a write goes on in it, or its chunk is locked */
	NOT_SOON,  /* the write will not end soon, or has just begun */
};

void evict_give_up(struct pager *pager, struct chunk *chunk, struct tray *tray)
{
	if (tray->ahead && tray->valid)
		readahead_wasted(&pager->readahead,
				 (chunk->address >> page_shift()) + mask_first(tray->valid));
	else
		policy_note_left(&pager->policy, chunk, tray->valid, pager->arena.limit);
	chunk_uncache(pager, chunk, tray, tray->valid);
	chunk_detach(chunk, tray);
	policy_leave(&pager->policy, tray);
}

static void reclaim_locked(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	watch_note(handler, TRACE_RECLAIM, chunk, 0, tray->valid);
	evict_give_up(handler->pager, chunk, tray);
}

/* A write failed, and its pages could not be put back either: they are in the tray alone.  Once
 * more.  false: not now, since a fork is about to happen. */
static bool rescue(struct handler *handler, struct chunk *chunk, struct tray *tray, uint64_t dirty)
{
	if (!enter_eviction(handler->pager))
		return false;
	if (writeback_has_room(handler))
		dirty &= ~writeback_add(handler, tray, dirty);
	evict_put_back(handler->pager, chunk, tray, dirty);
	leave_eviction(handler->pager);
	return true;
}

/* false: not now, since a fork is about to happen, or writes are. */
static bool settle(struct handler *handler, struct chunk *chunk, struct tray *tray)
{
	bool ret;

	if (!tray->unseen)
		return true;
	if (!enter_eviction(handler->pager))
		return false;
	ret = settle_unseen(handler, chunk, tray);
	leave_eviction(handler->pager);
	return ret;
}

static enum outcome reclaim_tray(struct handler *handler, struct tray *tray)
{
	struct chunk *chunk = tray->chunk;
	enum outcome outcome = NOT_READY;
	uint64_t dirty;

	if (!chunk_try_lock(chunk))
		return NOT_READY;
	if (!settle(handler, chunk, tray)) {
		chunk_unlock(chunk);
		return NOT_READY;
	}
	dirty = tray->valid & ~chunk->swapped;
	if (tray->busy) {
		if (swap_any_stalls(&handler->pager->swap, handler->round))
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

static void note_room(struct pager *pager)
{
	if (!pager->settle_waiters)
		return;
	atomic_fetch_add(&pager->settled, 1);
	sys_futex_wake(&pager->settled, INT32_MAX);
}

/* Is there more in trays than should wait there, or nothing else to take? */
static bool should_reclaim(const struct pager *pager)
{
	return pager->policy.waiting > policy_target(&pager->policy, pager->arena.limit);
}

/* Takes trays from the head of the queue, in order, up to one that will be ready soon; frames
 * gained. */
static unsigned reclaim(struct handler *handler)
{
	struct pager *pager = handler->pager;
	struct tray *trays[RECLAIM_BATCH];
	unsigned n = policy_pick_trays(&pager->policy, trays, RECLAIM_BATCH, frames_missing(pager));
	unsigned ready = 0, frames = 0, i;

	for (i = 0; i < n; i++) {
		enum outcome outcome = reclaim_tray(handler, trays[i]);

		if (outcome == NOT_READY)
			break;
		if (outcome == RECLAIMED) {
			frames += mask_count(trays[i]->frames);
			trays[ready++] = trays[i];
		} else {
			policy_unpick_tray(&pager->policy, trays[i], false);
		}
	}
	while (n > i)
		policy_unpick_tray(&pager->policy, trays[--n], true);
	tray_free(&pager->arena, trays, ready);
	if (frames)
		note_room(pager);
	return frames;
}

struct tray *evict_recycle(struct handler *handler, uint64_t mask)
{
	struct pager *pager = handler->pager;
	enum outcome outcome;
	struct tray *tray;

	/* There are frames that nobody has: nothing needs to be given up. */
	if (credit_left(&pager->arena) >= (int64_t)(pager->high_frames + CHUNK_PAGES))
		return NULL;
	if (pager->policy.waiting + CHUNK_PAGES <=
	    policy_target(&pager->policy, pager->arena.limit)) {
		pager->stock_wanted = true;
		return NULL;
	}
	if (!policy_pick_trays(&pager->policy, &tray, 1, CHUNK_PAGES))
		return NULL;
	outcome = mask & ~tray->frames ? NOT_READY : reclaim_tray(handler, tray);
	if (outcome == RECLAIMED)
		return tray;
	policy_unpick_tray(&pager->policy, tray, outcome == NOT_READY);
	return NULL;
}

/* -- held back --------------------------------------------------------------------------------- */

/* Of what is held so much more is let in each time that nothing can leave; of what the budget is
 * exceeded by so much is taken back at a time. */
#define EXCEED_PART 4
#define EXCEED_BACK_PART 4
#define EXCEED_BACK_NS 10000000000

void evict_hold_back(struct pager *pager, const char *why)
{
	bool before = false;

	if (pager->held_back || !atomic_compare_exchange_strong(&pager->held_back, &before, true))
		return;
	atomic_fetch_add(&pager->arena.overcommit, CREDIT_UNLIMITED);
	error_report(EVENT_HELD_BACK, "memory stays beyond the budget: %s", why);
}

void evict_go_on(struct pager *pager)
{
	bool before = true;

	if (pager->held_back && atomic_compare_exchange_strong(&pager->held_back, &before, false))
		atomic_fetch_sub(&pager->arena.overcommit, CREDIT_UNLIMITED);
}

/* By this the budget is exceeded more than it was. */
static void exceed_by(struct pager *pager, int64_t frames)
{
	atomic_fetch_add(&pager->exceeding, frames);
	atomic_fetch_add(&pager->arena.overcommit, frames);
	pager->exceeded_at = sys_now();
}

void evict_exceed(struct pager *pager)
{
	int64_t step = pager->arena.used / EXCEED_PART;
	const char *why = "something else holds it in place";

	exceed_by(pager, step > CHUNK_PAGES ? step : CHUNK_PAGES);
	if (process_locked((uint32_t)sys_getpid()) > 0)
		why = "it is locked (mlock)";
	else if (pager->memory_fd < 0)
		why = "/proc/self/mem is closed to the process (PR_SET_DUMPABLE, or privileges "
		      "that it gave up)";
	else if (pins_possible(false))
		why = "devices or direct I/O may be using it";
	error_report(EVENT_HELD_BACK,
		     "memory stays beyond the budget, and nothing in this process can leave: %s",
		     why);
}

/* What could leave by now does; if nothing can, it is exceeded again. */
static void exceed_less(struct pager *pager)
{
	uint64_t last = pager->exceeded_at, now = sys_now();
	int64_t exceeding = pager->exceeding, back = exceeding / EXCEED_BACK_PART;

	if (!exceeding || now - last < EXCEED_BACK_NS ||
	    !atomic_compare_exchange_strong(&pager->exceeded_at, &last, now))
		return;
	exceed_by(pager, -(back > CHUNK_PAGES	     ? back
			   : exceeding < CHUNK_PAGES ? exceeding
						     : CHUNK_PAGES));
}

void evict_check_held_back(struct pager *pager)
{
	exceed_less(pager);
	if (pager->held_back && (pager->uffd.move || !(pins_expected() || pins_possible(false))))
		evict_go_on(pager);
}

uint64_t evict_check_children(struct pager *pager)
{
	uint64_t now;

	if (!family_has_children(&pager->family))
		return UINT64_MAX;
	now = sys_now();
	if (now - pager->children_checked < CHILDREN_NS)
		return CHILDREN_NS - (now - pager->children_checked);
	pager->children_checked = now;
	if (enter_eviction(pager)) {
		family_check_children(&pager->family, &pager->swap);
		leave_eviction(pager);
	}
	return CHILDREN_NS;
}

/* -- ahead of demand --------------------------------------------------------------------------- */

/* Evicts so many frames, or a batch of chunks. */
static unsigned evict_some(struct handler *handler, int64_t frames)
{
	struct pager *pager = handler->pager;
	bool hurried = handler->fault_count || handler_demanded(handler);
	unsigned most = hurried ? EVICT_BATCH_HURRIED : EVICT_BATCH;
	unsigned gained = 0;

	if (!enter_eviction(pager))
		return 0;
	family_check_children(&pager->family, &pager->swap);
	for (unsigned i = 0; i < most && gained < frames && writeback_has_room(handler); i++) {
		enum standing standing;
		struct chunk *chunk = policy_pick(&pager->policy, pager->resident,
						  pager->swap_full || handler->barren, &standing);
		unsigned more;

		if (!chunk)
			break;
		more = evict_chunk(handler, chunk, standing);
		handler->barren = more == 0;
		gained += more;
	}
	/* Else more pages join the write: rest submits it, if nobody else does. */
	if (!hurried)
		writeback_submit(handler);
	leave_eviction(pager);
	share_check(pager);
	pager_sample(pager);
	return gained;
}

/* Reading ahead recycles trays from the head of the queue; more of them are wanted,
 * while there are enough free frames. */
static bool stock_up(struct handler *handler)
{
	struct pager *pager = handler->pager;

	if (!pager->stock_wanted || duty_evicts_another(handler) ||
	    !atomic_exchange(&pager->stock_wanted, false))
		return false;
	return evict_some(handler, EVICT_BATCH * CHUNK_PAGES) > 0;
}

bool evict_ahead(struct handler *handler)
{
	struct pager *pager = handler->pager;
	int64_t left = credit_left(&pager->arena);
	bool progress = false;

	/* Until all is registered arming may yet fail, and then no page may be anywhere else. */
	if (pager->dormant || pager->retiring || !pager_is_armed(pager))
		return false;
	if (left < (int64_t)pager->low_frames) {
		share_grow(pager);
		left = credit_left(&pager->arena);
	}
	if (left < (int64_t)pager->low_frames || handler->starved) {
		if (!handler->starved && left >= (int64_t)pager->low_frames / 2 &&
		    duty_evicts_another(handler))
			return false;
		handler->evicting = true;
	}
	if (left >= (int64_t)pager->high_frames)
		handler->evicting = false;
	if (!handler->evicting)
		return stock_up(handler);
	if (should_reclaim(pager))
		progress = reclaim(handler) > 0;
	/* Twice the target in trays: the device is behind, more will not help. */
	if (pager->policy.waiting <= 2 * policy_target(&pager->policy, pager->arena.limit))
		progress |= evict_some(handler, frames_missing(pager)) > 0;
	if (!progress)
		progress = reclaim(handler) > 0;
	/* Swap space is full, and all that is here is dirty: to go on trying would
	 * only cost time, until a fault needs a frame. */
	if (!progress && pager->swap_full && !handler->starved)
		handler->evicting = false;
	return progress;
}

bool evict_range(struct handler *handler, uintptr_t *start, uintptr_t end)
{
	struct pager *pager = handler->pager;
	struct chunk *chunk = pagetable_next(&pager->table, *start, end);
	uint64_t victims;

	if (!chunk) {
		*start = end;
		return true;
	}
	if (!enter_eviction(pager))
		return false;
	if (!writeback_has_room(handler)) {
		leave_eviction(pager);
		return false;
	}
	if (chunk_try_lock(chunk)) {
		victims = chunk_mask_of(chunk, *start, end) & chunk->resident & ~chunk->pinned;
		if (victims)
			evict_locked(handler, chunk, victims);
		chunk_unlock(chunk);
		*start = chunk->address + chunk_size();
	}
	writeback_submit(handler);
	leave_eviction(pager);
	return *start >= end;
}
