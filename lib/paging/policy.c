/* SPDX-License-Identifier: MIT */
/* policy.c - replacement: see policy.h */
#include "paging/policy.h"

/* Parts of the budget; doc/experiments.md has what else was tried.  New pages are from this part on, */
#define NEW_LEAST_DIVISOR 24
/* up to this one, until so many of a chunk's leave together, since each time that some leave costs
 * the same.  So much of the budget waits, */
#define NEW_MOST_DIVISOR 8
#define NEW_TOGETHER 8
#define WAITING_DIVISOR 24
/* and so much more of what proven pages leave; but no more than this part of the pages that are away.
 * (If all pages are used alike, there are so many soft faults for a read.)  The least, in which writes
 * can end, is enough where nothing is gained by a second chance. */
#define ROOM_DIVISOR 4
#define AWAY_DIVISOR 4
#define WAITING_LEAST_DIVISOR 48
/* Pages that wait are saved when so much of their time is left: enough for a write to end. */
#define SAVE_DIVISOR 4
/* It is worth it if this part of them comes back.  What was long ago counts for less and less: after
 * this part of the budget half. */
#define RETURN_DIVISOR 32
#define RETURN_AGE_DIVISOR 4
/* Frames that are free or hold what was read ahead, while something is. */
#define AHEAD_DIVISOR 24
/* Probes hold at most this part, */
#define PROBING_DIVISOR 3
/* and a page is back soon if that much has left meanwhile. */
#define SOON_DIVISOR 4

/* Frames that probes gave up before a page came for them are remembered up to this part. */
#define EARLY_DIVISOR 32

/* Credit for soft faults on probes, in parts of one: what one costs, what a frame that is given up
 * earns, and what a page earns that came back soon, but not soon enough.  It suffices for probes of
 * this part of the budget at most. */
#define CREDIT_SOFT 64
#define CREDIT_LEFT 1
#define CREDIT_SOON 1024
#define CREDIT_DIVISOR 4
/* Pages that come back less than so much more often than others are as good as these. */
#define ALIKE 2
/* So many must have left as probes before it can be said that others gain nothing. */
#define ODDS_MIN 32

/* Stamps of pages are so fine. */
#define STAMPS_PER_BUDGET_LOG 8

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

void policy_insert_compressed(struct policy *policy, struct chunk *chunk)
{
	insert(policy, chunk, STANDING_COMPRESSED);
}

struct chunk *policy_pick_compressed(struct policy *policy)
{
	struct chunk *chunk;

	lock_take(&policy->lock, LOCK_POLICY);
	chunk = unlink_oldest(policy, STANDING_COMPRESSED);
	lock_drop(&policy->lock, LOCK_POLICY);
	return chunk;
}

void policy_unpick(struct policy *policy, struct chunk *chunk, enum standing standing)
{
	lock_take(&policy->lock, LOCK_POLICY);
	link_newest(policy, chunk, standing);
	lock_drop(&policy->lock, LOCK_POLICY);
}

/* Of the frames that pages may have. */
static int64_t part(const struct policy *policy, int64_t divisor)
{
	int64_t frames = policy->budget->limit - policy->budget->compressed;

	return frames > 0 ? frames / divisor : 0;
}

/* How many pages should be new. */
static int64_t share_of_new(const struct policy *policy)
{
	int64_t resident = (int64_t)policy->pages->resident, least = resident / NEW_LEAST_DIVISOR;
	int64_t more = policy->more_new, most = resident / NEW_MOST_DIVISOR;

	return more < most - least ? least + more : most;
}

/* How often these come back. */
static double rate(const struct odds *odds)
{
	return (double)odds->back / (odds->away > 0 ? (double)odds->away : 1.0);
}

static bool similar(const struct odds *some, const struct odds *others)
{
	return rate(some) < ALIKE * rate(others) && rate(others) < ALIKE * rate(some);
}

/* Is one page as good as another, so that it does not matter which of them leave? */
static bool are_alike(const struct policy *policy)
{
	return similar(&policy->left_new, &policy->left_probes) &&
	       similar(&policy->left_new, &policy->probes_wait);
}

static int64_t share_of_waiting(const struct policy *policy)
{
	const struct pages *pages = policy->pages;
	int64_t away = (int64_t)(pages->kept - pages->resident - pages->cached) / AWAY_DIVISOR;
	int64_t most = part(policy, WAITING_DIVISOR), least = part(policy, WAITING_LEAST_DIVISOR);

	if (are_alike(policy) || away < least)
		return least;
	return away < most ? away : most;
}

/* What is read ahead takes frames, too. */
static int64_t share_of_free(const struct policy *policy)
{
	return policy->budget->ample ? part(policy, AHEAD_DIVISOR) : (int64_t)policy->budget->high;
}

/* How many more pages could be proven. */
static int64_t room(const struct policy *policy)
{
	const struct pages *pages = policy->pages;
	int64_t most = part(policy, 1) - part(policy, NEW_LEAST_DIVISOR) - policy->more_new -
		       share_of_waiting(policy) - share_of_free(policy);

	return most - (int64_t)(pages->proven + pages->probing) + policy->owed;
}

/* New pages leave while they are more than their share. */
static enum standing choose_standing(const struct policy *policy)
{
	const struct pages *pages = policy->pages;
	int64_t fresh = (int64_t)(pages->resident - pages->proven);

	return fresh > share_of_new(policy) ? STANDING_NEW : STANDING_PROVEN;
}

static enum standing other(enum standing standing)
{
	return standing == STANDING_NEW ? STANDING_PROVEN : STANDING_NEW;
}

/* There is credit for each probe until it has waited.  Never twice in a row: somebody waits for
 * frames.  The caller holds (P). */
static bool may_probe(const struct policy *policy)
{
	int64_t probing = (int64_t)policy->pages->probing;

	return !policy->probed && policy->oldest[STANDING_PROVEN] &&
	       (policy->credit > CREDIT_SOFT * probing || policy->owed > probing) &&
	       probing < part(policy, PROBING_DIVISOR);
}

struct pick policy_pick(struct policy *policy, bool by_turns)
{
	struct pick pick = { .standing = choose_standing(policy) };

	lock_take(&policy->lock, LOCK_POLICY);
	pick.probe = !by_turns && may_probe(policy);
	if (pick.probe)
		pick.standing = STANDING_PROVEN;
	if (by_turns)
		pick.standing = other(policy->latest);
	pick.chunk = unlink_oldest(policy, pick.standing);
	if (!pick.chunk) {
		pick.standing = other(pick.standing);
		pick.chunk = unlink_oldest(policy, pick.standing);
	}
	policy->latest = pick.standing;
	policy->probed = pick.probe;
	lock_drop(&policy->lock, LOCK_POLICY);
	return pick;
}

/* Proven pages take new ones along where sparing these would split a run, since a MOVE flushes for
 * each run.  New pages leave alone, whatever that costs: in a chunk that is all here, two of them would
 * take along whatever is proven. */
uint64_t policy_victims(const struct chunk *chunk, enum standing standing)
{
	uint64_t all = chunk->resident & ~chunk->pinned, proven = all & chunk->hot;

	if (standing == STANDING_NEW)
		return all & ~proven;
	return mask_runs(proven) <= mask_runs(all) ? proven : all;
}

/* -- pages that come back --------------------------------------------------------------- */

static unsigned stamp_shift(const struct policy *policy)
{
	int64_t limit = policy->budget->limit;
	uint64_t frames = (uint64_t)(limit > 0 ? limit : 0) >> STAMPS_PER_BUDGET_LOG;

	return frames ? 63 - (unsigned)__builtin_clzll(frames) : 0;
}

static int64_t soon(const struct policy *policy)
{
	return part(policy, SOON_DIVISOR);
}

/* Pages have been away for so long; some of them are back.  What was long ago counts for less and
 * less. */
static void note_odds(const struct policy *policy, struct odds *odds, int64_t back, int64_t away)
{
	odds->back += back;
	odds->away += away;
	if (odds->away > part(policy, 1) * soon(policy) || odds->back > part(policy, 1)) {
		odds->back /= 2;
		odds->away /= 2;
	}
}

/* Of pages that waited these came back, and these did not. */
static void note_waited(struct policy *policy, int64_t returned, int64_t unreturned)
{
	policy->returned += returned;
	policy->unreturned += unreturned;
	if (policy->returned + policy->unreturned > part(policy, RETURN_AGE_DIVISOR)) {
		policy->returned /= 2;
		policy->unreturned /= 2;
	}
}

static int64_t since(const struct policy *policy, const struct tray *tray)
{
	return (int64_t)(policy->left - tray->since);
}

/* Do new pages that left come back more often than those that left as probes?  If not, to exchange
 * the one for the other would gain nothing. */
static bool gains(const struct policy *policy)
{
	return policy->left_probes.away < ODDS_MIN * soon(policy) ||
	       rate(&policy->left_new) > ALIKE * rate(&policy->left_probes);
}

/* So many new pages of a chunk have left together. */
static void adjust_share(struct policy *policy, unsigned pages)
{
	int64_t step = are_alike(policy) ? NEW_TOGETHER - (int64_t)pages : -NEW_TOGETHER;
	int64_t most = part(policy, NEW_MOST_DIVISOR) - part(policy, NEW_LEAST_DIVISOR);
	int64_t more = policy->more_new + step;

	policy->more_new = more < 0 ? 0 : more < most ? more : most;
}

static void stamp(const struct policy *policy, struct chunk *chunk, uint64_t mask)
{
	uint16_t now = (uint16_t)(policy->left >> stamp_shift(policy));
	unsigned i;

	mask_for_each(i, mask)
		chunk->out[i] = now;
}

void policy_note_out(struct policy *policy, struct chunk *chunk, uint64_t mask)
{
	if (mask & ~chunk->hot)
		adjust_share(policy, mask_count(mask & ~chunk->hot));
	stamp(policy, chunk, mask);
}

static void earn(struct policy *policy, int64_t credit)
{
	if (policy->credit < CREDIT_SOFT * part(policy, CREDIT_DIVISOR))
		atomic_fetch_add(&policy->credit, credit);
}

static void spend(struct policy *policy)
{
	if (policy->credit > -part(policy, 1))
		atomic_fetch_sub(&policy->credit, CREDIT_SOFT);
}

/* What was given up beyond what is owed counts for the next pages that come back: if it made room for
 * whatever comes, they would be pages that are needed less.  But it is forgotten beyond a part. */
static void pay(struct policy *policy, int64_t pages)
{
	if (policy->owed > -part(policy, EARLY_DIVISOR))
		atomic_fetch_sub(&policy->owed, pages);
}

static void note_left(struct policy *policy, struct chunk *chunk, const struct tray *tray,
		      uint64_t mask)
{
	int64_t pages = mask_count(mask), most = soon(policy), waited = since(policy, tray);

	stamp(policy, chunk, mask);
	if (!tray->probe) {
		chunk->passed &= ~mask;
		note_waited(policy, 0, pages);
		note_odds(policy, &policy->left_new, 0, pages * most);
		return;
	}
	chunk->passed |= mask;
	note_odds(policy, &policy->left_probes, 0, pages * most);
	note_odds(policy, &policy->probes_wait, 0, pages * (waited < most ? waited : most));
	pay(policy, pages);
}

void policy_note_left(struct policy *policy, struct chunk *chunk, const struct tray *tray,
		      uint64_t mask)
{
	note_left(policy, chunk, tray, mask);
	atomic_fetch_add(&policy->left, mask_count(mask));
	earn(policy, CREDIT_LEFT * (int64_t)mask_count(mask));
}

/* For how long the oldest probe has waited; 0: there is none that is not spoken for. */
static int64_t longest_wait(struct policy *policy)
{
	int64_t ret = 0;

	if (policy->owed >= (int64_t)policy->pages->probing)
		return 0;
	lock_take(&policy->lock, LOCK_POLICY);
	if (policy->probes.head)
		ret = since(policy, policy->probes.head);
	lock_drop(&policy->lock, LOCK_POLICY);
	return ret;
}

/* Since when the page has been in a tray, or, if it has none, without a frame. */
int64_t policy_away(const struct policy *policy, const struct chunk *chunk, unsigned i)
{
	unsigned shift = stamp_shift(policy);
	uint16_t stamps = (uint16_t)((policy->left >> shift) - chunk->out[i]);

	return (int64_t)stamps << shift;
}

uint64_t policy_oldest(const struct policy *policy, const struct chunk *chunk, uint64_t mask)
{
	int64_t away[CHUNK_PAGES], most = 0;
	uint64_t ret = 0;
	unsigned i;

	mask_for_each(i, mask) {
		away[i] = policy_away(policy, chunk, i);
		most = away[i] > most ? away[i] : most;
	}
	mask_for_each(i, mask)
		if (away[i] * 2 >= most)
			ret |= mask_bit(i);
	return ret;
}

/* It is not known when a page was last touched before it left: half of the time for which new pages
 * stay, on the average. */
static int64_t untouched(const struct policy *policy)
{
	return (int64_t)(policy->pages->resident - policy->pages->proven) / 2;
}

/* A page that was away for so long: does it become proven, in the place of a probe that has waited
 * for longer? */
static bool takes_place(struct policy *policy, int64_t time, int64_t longest)
{
	if (time < longest) {
		atomic_fetch_add(&policy->owed, 1);
		return true;
	}
	if (time < soon(policy) && gains(policy))
		earn(policy, CREDIT_SOON);
	return false;
}

/* A page is being read again.  Beside the pages of a scan, which never come back, those that are worth
 * a place would not show.  So each takes one that did not come back out of the count. */
static void note_back(struct policy *policy, const struct chunk *chunk, unsigned i)
{
	bool passed = chunk->passed & mask_bit(i);
	int64_t time = policy_away(policy, chunk, i), most = soon(policy);

	if (time < most)
		note_odds(policy, passed ? &policy->left_probes : &policy->left_new, 1,
			  time - most);
}

uint64_t policy_refault(struct policy *policy, const struct chunk *chunk, uint64_t mask)
{
	uint64_t ret = 0;
	int64_t longest, before;
	unsigned i;

	if (!mask || room(policy) >= (int64_t)mask_count(mask))
		return mask;
	longest = longest_wait(policy);
	/* One page speaks for all that come with it. */
	note_back(policy, chunk, mask_first(mask));
	/* Before their frames were given up, they waited.  Those that waited as probes were away for
	 * longer than any probe that is left. */
	before = untouched(policy) + (int64_t)policy->pages->waiting;
	mask_for_each(i, mask & ~chunk->passed)
		if (takes_place(policy, policy_away(policy, chunk, i) + before, longest))
			ret |= mask_bit(i);
	return ret;
}

static void note_probe_back(struct policy *policy, int64_t waited)
{
	int64_t most = soon(policy);

	if (waited < most)
		note_odds(policy, &policy->probes_wait, 1, waited);
	else
		note_odds(policy, &policy->probes_wait, 0, most);
}

/* A page that waited was touched.  That cost little, so it is enough if it came sooner than probes do
 * on the average. */
static bool is_needed(struct policy *policy, int64_t time)
{
	if (room(policy) > 0)
		return true;
	if ((double)time * rate(&policy->probes_wait) < 1) {
		atomic_fetch_add(&policy->owed, 1);
		return true;
	}
	return takes_place(policy, time, longest_wait(policy));
}

uint64_t policy_touched(struct policy *policy, const struct chunk *chunk, const struct tray *tray,
			uint64_t mask, unsigned i)
{
	if (tray->ahead || tray->passing)
		return policy_refault(policy, chunk, mask);
	if (tray->probe) {
		note_probe_back(policy, since(policy, tray));
		spend(policy);
		return mask;
	}
	note_waited(policy, mask_count(mask), 0);
	return is_needed(policy, policy_away(policy, chunk, i) + untouched(policy))
		       ? mask & mask_bit(i)
		       : 0;
}

/* -- trays; the caller holds (P) --------------------------------------------------- */

static struct tray_queue *queue_of(struct policy *policy, const struct tray *tray)
{
	return tray->probe ? &policy->probes : &policy->waiting;
}

static void link_head(struct policy *policy, struct tray *tray)
{
	struct tray_queue *queue = queue_of(policy, tray);

	tray->prev = NULL;
	tray->next = queue->head;
	if (queue->head)
		queue->head->prev = tray;
	else
		queue->tail = tray;
	queue->head = tray;
	if (tray->unsaved)
		queue->unsaved = tray;
}

static void link_tail(struct policy *policy, struct tray *tray)
{
	struct tray_queue *queue = queue_of(policy, tray);

	tray->next = NULL;
	tray->prev = queue->tail;
	if (queue->tail)
		queue->tail->next = tray;
	else
		queue->head = tray;
	queue->tail = tray;
	if (tray->unsaved && !queue->unsaved)
		queue->unsaved = tray;
}

static void unlink_tray(struct policy *policy, struct tray *tray)
{
	struct tray_queue *queue = queue_of(policy, tray);

	if (queue->unsaved == tray)
		queue->unsaved = tray->next;
	if (tray->prev)
		tray->prev->next = tray->next;
	else
		queue->head = tray->next;
	if (tray->next)
		tray->next->prev = tray->prev;
	else
		queue->tail = tray->prev;
	tray->next = tray->prev = NULL;
}

/* -- trays ---------------------------------------------------------------------------- */

static void wait(struct policy *policy, struct tray *tray,
		 void (*link)(struct policy *policy, struct tray *tray))
{
	tray->queued = true;
	tray->since = policy->left;
	pages_count_queued(policy->pages, tray, mask_count(tray->frames));
	lock_take(&policy->lock, LOCK_POLICY);
	tray->picked = false;
	link(policy, tray);
	lock_drop(&policy->lock, LOCK_POLICY);
}

void policy_wait(struct policy *policy, struct tray *tray)
{
	wait(policy, tray, link_tail);
}

void policy_wait_first(struct policy *policy, struct tray *tray)
{
	wait(policy, tray, link_head);
}

bool policy_saves_late(const struct policy *policy, bool probe)
{
	return probe || policy->returned * RETURN_DIVISOR > policy->unreturned;
}

/* What waits now will have been given up when as many frames have been. */
struct tray *policy_to_save(struct policy *policy)
{
	int64_t waiting = (int64_t)policy->pages->waiting;
	struct tray_queue *queue = &policy->waiting;
	struct tray *ret = NULL;

	lock_take(&policy->lock, LOCK_POLICY);
	while (queue->unsaved && !queue->unsaved->unsaved)
		queue->unsaved = queue->unsaved->next;
	if (queue->unsaved && since(policy, queue->unsaved) >= waiting - waiting / SAVE_DIVISOR)
		ret = queue->unsaved;
	lock_drop(&policy->lock, LOCK_POLICY);
	return ret;
}

void policy_leave(struct policy *policy, struct tray *tray)
{
	tray->queued = false;
	pages_count_queued(policy->pages, tray, -(int64_t)mask_count(tray->frames));
}

/* What probes owe comes first.  The caller holds (P). */
static struct tray *next_tray(const struct policy *policy, int64_t owed)
{
	if (policy->probes.head && (owed > 0 || !policy->waiting.head))
		return policy->probes.head;
	return policy->waiting.head;
}

unsigned policy_pick_trays(struct policy *policy, struct tray *trays[], unsigned n, int64_t frames,
			   enum first first)
{
	int64_t owed = first == FIRST_OWED ? policy->owed : first == FIRST_PROBES ? frames : 0;
	struct tray *tray;
	unsigned got = 0;

	lock_take(&policy->lock, LOCK_POLICY);
	while (got < n && (tray = next_tray(policy, owed))) {
		/* Read without (C): an estimate will do. */
		unsigned count =
			mask_count(atomic_load_explicit(&tray->frames, memory_order_relaxed));

		unlink_tray(policy, tray);
		tray->picked = true;
		trays[got++] = tray;
		owed -= tray->probe ? count : 0;
		frames -= count;
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
	int64_t spare = room(policy);

	return (uint64_t)(share_of_waiting(policy) + (spare > 0 ? spare / ROOM_DIVISOR : 0));
}

bool policy_should_reclaim(const struct policy *policy)
{
	bool owes = policy->owed > 0 && policy->pages->probing > 0;

	return owes || policy->pages->waiting > policy_target(policy);
}
