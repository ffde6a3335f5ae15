/* SPDX-License-Identifier: MIT */
/* share.c - this process's share of the budget: see share.h */
#include "command/share.h"
#include "command/bell.h"
#include "command/command.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/process.h"
#include <sys/resource.h>

/* Shortest time between two attempts to take more, and between two rings of the bell. */
#define ASK_NS 1000000
#define RING_NS 20000000
/* A process that was short of frames counts as active for this long. */
#define ACTIVE_NS 500000000
/* A process that used less than a 20th of a CPU in this time and was not short of frames is
 * idle. */
#define LOOK_NS 50000000
#define IDLE_PART 20
/* How often memory outside of managed memory is measured: with evictions going on, and without. */
#define MEASURE_NS 100000000
#define MEASURE_IDLE_NS 500000000
/* The least to take or ask for at a time: a MiB. */
#define LEAST_FRAMES 256

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static uint64_t cpu_time(void)
{
	struct timespec ts = { 0, 0 };

	sys_call2(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* -- joining ------------------------------------------------------------------------ */

static struct share the_share;

/* A fork's child shares its parent's file description, and may change its user next. */
static void reopen_bell(struct share *share)
{
	int again = fd_reopen(share->bell);

	if (again < 0)
		return;
	fd_close(share->bell);
	share->bell = again;
}

static struct share *claim(void)
{
	struct share *share = &the_share;

	if (!share->pool || share->bell < 0)
		return NULL;
	lock_reset(&share->lock);
	share->mark = process_mark_self();
	share->entry = pool_claim(share->pool, share->mark);
	share->target = 0;
	share->armed = false;
	fd_close(share->ear);
	share->ear = -1;
	if (!share->entry) {
		error_report(EVENT_CHILD_UNPAGED,
			     "this process is not counted: the command has more than %d processes",
			     POOL_ENTRIES);
		return NULL;
	}
	return share;
}

struct share *share_join(void)
{
	static bool mapped;

	if (!mapped) {
		int fd = command_open_pool();

		the_share.pool = fd < 0 ? NULL : pool_map(fd);
		fd_close(fd);
		the_share.bell = command_open_bell();
		the_share.ear = -1;
		mapped = true;
	}
	return claim();
}

struct share *share_join_child(int64_t overlap)
{
	struct pool_entry *parent = the_share.entry;
	struct share *share;

	if (the_share.bell >= 0)
		reopen_bell(&the_share);
	share = claim();
	if (share && parent) {
		parent->related = 1;
		share->entry->overlap = overlap;
		share->entry->related = 1;
	}
	return share;
}

void share_use(struct share *share, struct budget *budget)
{
	share->budget = budget;
	share->ear = bell_listen(share->bell);
	budget->given = &share->entry->given;
}

void share_disarm(struct share *share)
{
	share->armed = false;
}

void share_leave(struct share *share)
{
	lock_take(&share->lock, LOCK_SHARE);
	share->target = 0;
	share->armed = false;
	share->entry->held = share->entry->wanted = 0;
	share->overlap.frames = share->entry->overlap = 0;
	atomic_store(&share->entry->granted, 0);
	lock_drop(&share->lock, LOCK_SHARE);
}

/* -- limits -------------------------------------------------------------------------- */

/* With less than this, a pager is busy with itself.  So every pager gets it, even if the sum is
 * then too large. */
static int64_t floor_of(const struct share *share)
{
	return (int64_t)(share->budget->charge + LEAST_FRAMES + share->budget->pinned);
}

/* The caller holds (B), here and in everything up to "asking". */
static void apply(struct share *share)
{
	budget_limit(share->budget, share->target + share->overlap.frames);
}

static void account_locked(struct share *share)
{
	int64_t held = share->budget->used;
	int64_t enough = most(share->target, held - share->overlap.frames);

	share->entry->held = held;
	share->entry->granted = enough;
}

/* Frames that this process was asked to give up and still holds. */
static int64_t spare_of(const struct share *share)
{
	return pool_frames(&share->entry->granted) - share->target;
}

static bool take_locked(struct share *share, int64_t frames)
{
	/* Taking these back costs nothing: they are still granted. */
	int64_t spare = most(least(spare_of(share), frames), 0);

	if (share->target + frames > POOL_FRAMES_MAX)
		return false;
	if (frames > spare && !pool_take(share->pool, share->entry, frames - spare))
		return false;
	share->target += frames;
	share->entry->wanted = 0;
	apply(share);
	return true;
}

/* A part of what is left, so that others find some too. */
static int64_t portion(int64_t left)
{
	return left < 2 * LEAST_FRAMES ? left : left / 2;
}

/* -- asking ---------------------------------------------------------------------------- */

static void ring(struct share *share, uint64_t now)
{
	if (now - share->rang < RING_NS || pool_entries(share->pool) < 2)
		return;
	share->rang = now;
	bell_ring(share->bell);
}

static void want(struct share *share, uint64_t now)
{
	share->entry->wanted = most(LEAST_FRAMES, share->budget->limit / 4);
	ring(share, now);
}

static void grow_locked(struct share *share, uint64_t now)
{
	int64_t left = pool_left(share->pool), spare = spare_of(share);
	/* If the sum is over the total, that much of what this process is giving up must really
	 * go. */
	int64_t frames = most(left, spare + least(left, 0));

	share->entry->active = now + ACTIVE_NS;
	frames = portion(frames);
	if (frames <= 0 || !take_locked(share, frames))
		want(share, now);
}

void share_grow(struct share *share)
{
	uint64_t now = sys_now();

	if (now - share->asked < ASK_NS || !lock_try(&share->lock, LOCK_SHARE))
		return;
	share->asked = now;
	grow_locked(share, now);
	lock_drop(&share->lock, LOCK_SHARE);
}

/* A pager cannot wait for what it needs to run at all.  Others lend it afterwards. */
static void take_floor(struct share *share, bool asks)
{
	int64_t lack = floor_of(share) - share->target;

	if (lack > 0 && !take_locked(share, lack)) {
		atomic_fetch_add(&share->entry->granted, lack);
		share->target += lack;
		if (asks)
			want(share, sys_now());
	}
}

void share_begin(struct share *share, bool asks)
{
	lock_take(&share->lock, LOCK_SHARE);
	share->looked = sys_now();
	share->cpu = cpu_time();
	share->busy = true;
	share->entry->active = share->looked + ACTIVE_NS;
	take_floor(share, asks);
	apply(share);
	share->armed = true;
	lock_drop(&share->lock, LOCK_SHARE);
}

int64_t share_left(const struct share *share)
{
	return most(pool_left(share->pool), 0);
}

/* -- lending ---------------------------------------------------------------------------- */

static bool is_busy(struct share *share, uint64_t now)
{
	uint64_t cpu;

	if (now - share->looked >= LOOK_NS) {
		cpu = cpu_time();
		share->busy = (cpu - share->cpu) * IDLE_PART > now - share->looked;
		share->cpu = cpu;
		share->looked = now;
	}
	return share->busy || share->entry->active >= now;
}

/* What this process should keep when others want more than that leaves them. */
static int64_t fair_part(struct share *share, const struct pool_need *need, uint64_t now)
{
	int64_t part = 0;

	if (is_busy(share, now)) {
		part = need->managed / need->active;
		share->entry->active = now + ACTIVE_NS;
	}
	return most(part, floor_of(share));
}

/* Frames that others should get from this process. */
static int64_t to_lend(struct share *share)
{
	uint64_t now = sys_now();
	struct pool_need need = pool_need(share->pool, share->entry, now);

	if (need.wanted <= 0)
		return 0;
	return least(need.wanted, share->target - fair_part(share, &need, now));
}

/* What this process must give up after the command's budget was made smaller: the same part of the
 * excess as it has of the sum. */
static int64_t to_give_back(const struct share *share)
{
	int64_t sum = pool_sum(share->pool), excess = sum - pool_total(share->pool);

	if (excess <= 0)
		return 0;
	return least((int64_t)((double)excess * (double)share->target / (double)sum) + 1,
		     share->target - floor_of(share));
}

void share_lend(struct share *share)
{
	int64_t frames;

	lock_take(&share->lock, LOCK_SHARE);
	frames = most(to_lend(share), to_give_back(share));
	if (frames > 0) {
		share->target -= frames;
		apply(share);
	}
	account_locked(share);
	lock_drop(&share->lock, LOCK_SHARE);
}

bool share_must_lend(struct share *share)
{
	bool ret;

	lock_take(&share->lock, LOCK_SHARE);
	ret = to_lend(share) > 0;
	lock_drop(&share->lock, LOCK_SHARE);
	return ret;
}

/* -- what is outside of managed memory ------------------------------------------------------ */

/* The sum is too large: this process gives way, down to its floor. */
static void give_way(struct share *share, int64_t excess)
{
	int64_t frames = least(excess, share->target - floor_of(share));

	if (frames > 0) {
		share->target -= frames;
		apply(share);
		account_locked(share);
	}
}

static void measure_locked(struct share *share)
{
	struct pool *pool = share->pool;
	int64_t sum;

	pool_measure(pool);
	pool_sweep(pool);
	sum = pool_sum(pool);
	sum -= pool_total(pool);
	if (share->armed && sum > 0)
		give_way(share, sum);
}

/* One process measures for all. */
static uint64_t measure_if_due(struct share *share, uint64_t now)
{
	struct pool *pool = share->pool;
	uint64_t last = atomic_load(&pool->measured);

	if (now - last < MEASURE_NS)
		return MEASURE_NS - (now - last);
	if (atomic_compare_exchange_strong(&pool->measured, &last, now))
		measure_locked(share);
	return MEASURE_IDLE_NS;
}

void share_end(const struct share *share)
{
	if (process_anonymous((uint32_t)sys_getpid()) > pool_total(share->pool))
		pool_measure(share->pool);
	pool_look_for_shared(share->pool, (uint32_t)sys_getpid());
}

/* -- what is shared after a fork --------------------------------------------------------------- */

/* Counts what ends the sharing of a frame: this process gave it up, or copied it. */
static uint64_t own_events(const struct share *share)
{
	struct rusage usage = { 0 };

	sys_call2(SYS_getrusage, RUSAGE_SELF, &usage);
	return share->entry->given + (uint64_t)usage.ru_minflt;
}

/* Returns false if the relative no longer has anything in common with us. */
static bool relative_events(const struct overlap *overlap, uint64_t *ret)
{
	const struct pool_entry *relative = overlap->relative;

	if (relative->mark != overlap->mark || relative->claims != overlap->claims ||
	    !process_is_alive(overlap->mark))
		return false;
	*ret = relative->given + process_minor_faults(overlap->mark);
	return true;
}

static void compare(struct share *share)
{
	struct overlap *overlap = &share->overlap;
	int64_t before = overlap->frames;
	uint64_t theirs, ended;

	if (relative_events(overlap, &theirs)) {
		ended = own_events(share) - overlap->own_begin + theirs - overlap->relative_begin;
		overlap->frames = ended < (uint64_t)overlap->begin ? overlap->begin - (int64_t)ended
								   : 0;
	} else {
		overlap->frames = 0;
	}
	share->entry->overlap = overlap->frames;
	overlap->pause = overlap->frames == before
				 ? sys_sooner(2 * overlap->pause, SHARE_COMPARE_NS_MAX)
				 : SHARE_COMPARE_NS;
}

static uint64_t compare_if_due(struct share *share, uint64_t now)
{
	if (!share->overlap.frames)
		return UINT64_MAX;
	if (now - share->overlap.compared >= share->overlap.pause) {
		share->overlap.compared = now;
		compare(share);
		if (share->armed)
			apply(share);
	}
	return share->overlap.pause;
}

uint64_t share_check(struct share *share)
{
	uint64_t now, next;

	if (!lock_try(&share->lock, LOCK_SHARE))
		return MEASURE_IDLE_NS;
	account_locked(share);
	now = sys_now();
	next = sys_sooner(measure_if_due(share, now), compare_if_due(share, now));
	lock_drop(&share->lock, LOCK_SHARE);
	return next;
}

/* -- unarmed -------------------------------------------------------------------------- */

bool share_reserve(struct share *share, int64_t frames)
{
	uint64_t now = sys_now();
	bool ret = true;
	int64_t more;

	lock_take(&share->lock, LOCK_SHARE);
	if (frames)
		frames += (int64_t)share->budget->charge;
	share->entry->held = frames;
	compare_if_due(share, now);
	measure_if_due(share, now);
	more = most(frames - share->overlap.frames, 0) - share->target;
	if (more > 0)
		ret = share->target + more <= POOL_FRAMES_MAX &&
		      pool_take(share->pool, share->entry, more);
	else
		atomic_fetch_add(&share->entry->granted, more);
	if (ret)
		share->target += more;
	lock_drop(&share->lock, LOCK_SHARE);
	return ret;
}

/* -- around a fork -------------------------------------------------------------------- */

void share_prepare(struct share *share)
{
	share->overlap.relative = share->entry;
	share->overlap.mark = share->mark;
	share->overlap.claims = share->entry->claims;
	share->overlap.relative_begin = own_events(share);
}

struct share *share_child(struct share *share, int64_t inherited)
{
	struct budget *budget = share->budget;
	struct overlap *overlap = &share->overlap;

	budget->given = NULL;
	share = share_join_child(inherited);
	if (!share)
		return NULL;
	share_use(share, budget);
	overlap->begin = inherited;
	overlap->frames = inherited;
	overlap->own_begin = own_events(share);
	overlap->compared = sys_now();
	overlap->pause = SHARE_COMPARE_NS;
	return share;
}
