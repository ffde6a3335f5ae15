/* SPDX-License-Identifier: MIT */
/* policy.c - replacement: see policy.h */
#include "paging/policy.h"

/* The part of the budget that waits in trays, and the part of the resident pages that may be new.
 * doc/experiments.md has what else was tried. */
#define TARGET_DIVISOR 5
#define NEW_DIVISOR 8
/* Epochs in the time in which a budget of frames is given up. */
#define EPOCHS_PER_BUDGET 2

/* -- chunks ----------------------------------------------------------------------- */

/* The caller holds (P). */
static void link_newest(struct policy *policy, struct chunk *chunk, enum standing standing)
{
	struct queued *place = &chunk->queue[standing];

	if (place->here)
		return;
	place->newer = NULL;
	place->older = policy->newest[standing];
	if (place->older)
		place->older->queue[standing].newer = chunk;
	else
		policy->oldest[standing] = chunk;
	policy->newest[standing] = chunk;
	__atomic_store_n(&place->here, true, __ATOMIC_RELAXED);
}

/* The caller holds (P). */
static struct chunk *unlink_oldest(struct policy *policy, enum standing standing)
{
	struct chunk *chunk = policy->oldest[standing];
	struct queued *place;

	if (!chunk)
		return NULL;
	place = &chunk->queue[standing];
	policy->oldest[standing] = place->newer;
	if (place->newer)
		place->newer->queue[standing].older = NULL;
	else
		policy->newest[standing] = NULL;
	place->newer = place->older = NULL;
	__atomic_store_n(&place->here, false, __ATOMIC_RELAXED);
	return chunk;
}

static void insert(struct policy *policy, struct chunk *chunk, enum standing standing)
{
	/* The common case, without the lock.  A stale "true" means that the chunk was picked just
	 * now.  Then whoever picked it inserts it again under the chunk's lock, which our caller
	 * holds now. */
	if (__atomic_load_n(&chunk->queue[standing].here, __ATOMIC_RELAXED))
		return;
	lock_take(&policy->lock, LOCK_POLICY);
	link_newest(policy, chunk, standing);
	lock_drop(&policy->lock, LOCK_POLICY);
}

void policy_init(struct policy *policy, struct pages *pages, const struct budget *budget)
{
	*policy = (struct policy){ .pages = pages, .budget = budget };
}

void policy_insert(struct policy *policy, struct chunk *chunk)
{
	uint64_t evictable = chunk->resident & ~chunk->pinned;

	if (evictable & ~chunk->hot)
		insert(policy, chunk, STANDING_NEW);
	if (evictable & chunk->hot)
		insert(policy, chunk, STANDING_PROVEN);
}

void policy_unpick(struct policy *policy, struct chunk *chunk, enum standing standing)
{
	lock_take(&policy->lock, LOCK_POLICY);
	link_newest(policy, chunk, standing);
	lock_drop(&policy->lock, LOCK_POLICY);
}

/* New pages leave while they are more than their share. */
static enum standing choose_standing(const struct policy *policy)
{
	uint64_t resident = policy->pages->resident, proven = policy->pages->proven;

	return proven + resident / NEW_DIVISOR < resident ? STANDING_NEW : STANDING_PROVEN;
}

static enum standing other(enum standing standing)
{
	return standing == STANDING_NEW ? STANDING_PROVEN : STANDING_NEW;
}

struct chunk *policy_pick(struct policy *policy, bool by_turns, enum standing *ret_standing)
{
	enum standing standing = choose_standing(policy);
	struct chunk *chunk;

	lock_take(&policy->lock, LOCK_POLICY);
	if (by_turns)
		standing = other(policy->latest);
	chunk = unlink_oldest(policy, standing);
	if (!chunk) {
		standing = other(standing);
		chunk = unlink_oldest(policy, standing);
	}
	policy->latest = standing;
	lock_drop(&policy->lock, LOCK_POLICY);
	*ret_standing = standing;
	return chunk;
}

/* Pages of the other standing leave too where sparing them would split a run: a MOVE flushes for
 * each run. */
uint64_t policy_victims(const struct chunk *chunk, enum standing standing)
{
	uint64_t all = chunk->resident & ~chunk->pinned;
	uint64_t ours = all & (standing == STANDING_PROVEN ? chunk->hot : ~chunk->hot);

	return mask_runs(ours) <= mask_runs(all) ? ours : all;
}

/* -- refaults ----------------------------------------------------------------------- */

/* Brings chunk->left up to date. */
static void age(struct policy *policy, struct chunk *chunk)
{
	uint64_t length = (uint64_t)policy->budget->limit / EPOCHS_PER_BUDGET;
	uint64_t epoch = length ? policy->left / length : 0;

	if (epoch == chunk->epoch)
		return;
	chunk->left[1] = epoch == chunk->epoch + 1 ? chunk->left[0] : 0;
	chunk->left[0] = 0;
	chunk->epoch = epoch;
}

void policy_note_left(struct policy *policy, struct chunk *chunk, uint64_t mask)
{
	age(policy, chunk);
	chunk->left[0] |= mask;
	atomic_fetch_add(&policy->left, mask_count(mask));
}

uint64_t policy_refault(struct policy *policy, struct chunk *chunk, uint64_t mask)
{
	uint64_t soon;

	age(policy, chunk);
	soon = (chunk->left[0] | chunk->left[1]) & mask;
	chunk->left[0] &= ~mask;
	chunk->left[1] &= ~mask;
	return soon;
}

/* -- trays; the caller holds (P) --------------------------------------------------- */

static void link_head(struct policy *policy, struct tray *tray)
{
	tray->prev = NULL;
	tray->next = policy->head;
	if (policy->head)
		policy->head->prev = tray;
	else
		policy->tail = tray;
	policy->head = tray;
}

static void link_tail(struct policy *policy, struct tray *tray)
{
	tray->next = NULL;
	tray->prev = policy->tail;
	if (policy->tail)
		policy->tail->next = tray;
	else
		policy->head = tray;
	policy->tail = tray;
}

static void unlink_tray(struct policy *policy, struct tray *tray)
{
	if (tray->prev)
		tray->prev->next = tray->next;
	else
		policy->head = tray->next;
	if (tray->next)
		tray->next->prev = tray->prev;
	else
		policy->tail = tray->prev;
	tray->next = tray->prev = NULL;
}

/* -- trays ---------------------------------------------------------------------------- */

void policy_wait(struct policy *policy, struct tray *tray)
{
	tray->queued = true;
	atomic_fetch_add(&policy->pages->waiting, mask_count(tray->frames));
	lock_take(&policy->lock, LOCK_POLICY);
	tray->picked = false;
	link_tail(policy, tray);
	lock_drop(&policy->lock, LOCK_POLICY);
}

void policy_leave(struct policy *policy, struct tray *tray)
{
	tray->queued = false;
	atomic_fetch_sub(&policy->pages->waiting, mask_count(tray->frames));
}

unsigned policy_pick_trays(struct policy *policy, struct tray *trays[], unsigned n, int64_t frames)
{
	unsigned got = 0;

	lock_take(&policy->lock, LOCK_POLICY);
	while (got < n && policy->head) {
		struct tray *tray = policy->head;

		unlink_tray(policy, tray);
		tray->picked = true;
		trays[got++] = tray;
		/* Read without (C): an estimate will do. */
		frames -= mask_count(atomic_load_explicit(&tray->frames, memory_order_relaxed));
		if (frames <= 0)
			break;
	}
	lock_drop(&policy->lock, LOCK_POLICY);
	return got;
}

void policy_unpick_tray(struct policy *policy, struct tray *tray, bool soon)
{
	lock_take(&policy->lock, LOCK_POLICY);
	tray->picked = false;
	if (soon)
		link_head(policy, tray);
	else
		link_tail(policy, tray);
	lock_drop(&policy->lock, LOCK_POLICY);
}

bool policy_remove(struct policy *policy, struct tray *tray)
{
	bool ours;

	lock_take(&policy->lock, LOCK_POLICY);
	ours = !tray->picked;
	if (ours)
		unlink_tray(policy, tray);
	lock_drop(&policy->lock, LOCK_POLICY);
	if (ours)
		policy_leave(policy, tray);
	return ours;
}

uint64_t policy_target(const struct policy *policy)
{
	int64_t frames = policy->budget->limit;

	return frames > 0 ? (uint64_t)frames / TARGET_DIVISOR : 0;
}
