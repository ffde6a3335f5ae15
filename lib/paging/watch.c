/* SPDX-License-Identifier: MIT */
/* watch.c - which chunks are watched, and when they leave: see watch.h */
#include "paging/watch.h"
#include "paging/evict.h"
#include "base/fork_near.h"
#include "base/meta.h"

/* The queue's part of the sample: half of a tenth, the least memory for which a report says
 * anything.  Scaled up to the whole memory, the queue also has at least QUEUE_LEAST chunks, a
 * quarter of the least budget. */
#define QUEUE_DIVISOR 20
#define QUEUE_LEAST 8
#define QUEUE_MIN 2

/* Recording a touch takes 12 us, and several times that if the handler is on another CPU.  If
 * RATE_TOUCHES touches come faster than RATE_NS each, the program is slowed down by a tenth or
 * more, and the sample is halved, down to a quarter. */
#define RATE_TOUCHES 4096
#define RATE_NS UINT64_C(100000)
#define LEAST_DIVISOR 4

static size_t watch_size(unsigned most)
{
	return sizeof(struct watch) + 2 * (size_t)(most + 1) * sizeof(struct chunk *);
}

struct watch *watch_new(unsigned most)
{
	struct watch *watch = meta_map(watch_size(most));

	if (!watch)
		return NULL;
	watch->threshold = WATCH_WHOLE;
	watch->capacity = watch->most = most;
	watch->sample = (struct chunk **)(watch + 1);
	watch->queue = watch->sample + most + 1;
	return watch;
}

void watch_free(struct watch *watch)
{
	if (watch)
		meta_unmap(watch, watch_size(watch->capacity));
}

/* Fibonacci hashing: multiples of the golden ratio.  Of chunks in a row, or some stride apart,
 * almost exactly the right part is below any threshold, and evenly spaced.  Neighbours are often
 * much alike, so such a sample is more exact than a random one. */
uint64_t watch_hash(uint64_t number)
{
	return number * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

static bool is_below(const struct chunk *chunk, uint64_t threshold)
{
	return watch_hash(chunk->address >> chunk_shift()) < threshold;
}

bool watch_takes(const struct watch *watch, const struct chunk *chunk)
{
	return !watch || is_below(chunk, watch->threshold);
}

/* -- the sample; the caller holds (W) ------------------------------------------------------ */

/* Halves the threshold, and keeps the chunks below it. */
static void halve(struct watch *watch)
{
	unsigned kept = 0;

	watch->threshold /= 2;
	for (unsigned i = 0; i < watch->count; i++) {
		struct chunk *chunk = watch->sample[i];

		chunk->sampled = is_below(chunk, watch->threshold);
		if (chunk->sampled)
			watch->sample[kept++] = chunk;
	}
	watch->count = kept;
}

static void join_sample(struct watch *watch, struct chunk *chunk)
{
	chunk->sampled = true;
	watch->sample[watch->count++] = chunk;
	while (watch->count > watch->most)
		halve(watch);
}

/* Halves the sample if recording slows the program down too much. */
static void slow_down(struct watch *watch)
{
	uint64_t now, since = watch->rate_since;

	if (++watch->touches % RATE_TOUCHES)
		return;
	now = sys_now();
	watch->rate_since = now;
	if (now - since < RATE_TOUCHES * RATE_NS && watch->count / 2 >= watch->most / LEAST_DIVISOR)
		halve(watch);
}

/* -- the queue; the caller holds (W) ------------------------------------------------------- */

static void push(struct watch *watch, struct chunk *chunk)
{
	if (chunk->watched || watch->queued == watch->most)
		return;
	chunk->watched = true;
	watch->queue[(watch->first + watch->queued++) % watch->most] = chunk;
}

static struct chunk *pop(struct watch *watch)
{
	struct chunk *chunk = watch->queue[watch->first];

	watch->first = (watch->first + 1) % watch->most;
	watch->queued--;
	chunk->watched = false;
	return chunk;
}

static bool is_long(const struct watch *watch)
{
	return watch->queued > QUEUE_MIN && watch->queued > watch->count / QUEUE_DIVISOR &&
	       watch->queued > QUEUE_LEAST * watch->threshold / WATCH_WHOLE;
}

/* -- touched ------------------------------------------------------------------------------- */

/* Puts the chunk into the queue; returns the one that should leave, or NULL. */
static struct chunk *exchange(struct watch *watch, struct chunk *chunk)
{
	struct chunk *leaving = NULL;

	lock_take(&watch->lock, LOCK_POLICY);
	if (!chunk->sampled && is_below(chunk, watch->threshold))
		join_sample(watch, chunk);
	if (chunk->sampled)
		push(watch, chunk);
	slow_down(watch);
	if (is_long(watch))
		leaving = pop(watch);
	lock_drop(&watch->lock, LOCK_POLICY);
	return leaving;
}

static void put_back(struct watch *watch, struct chunk *chunk)
{
	lock_take(&watch->lock, LOCK_POLICY);
	push(watch, chunk);
	lock_drop(&watch->lock, LOCK_POLICY);
}

/* Two at a time, to make up for those that could not leave. */
#define LEAVE_MAX 2

void watch_touched(struct handler *handler, struct chunk *chunk)
{
	struct watch *watch = handler->paging->watch;
	struct chunk *leaving = chunk;

	if (!handler->trace || !watch_takes(watch, chunk) || !paging_is_armed(handler->paging))
		return;
	for (int i = 0; i < LEAVE_MAX && leaving; i++) {
		leaving = exchange(watch, chunk);
		if (leaving && watch_takes(watch, leaving) && !evict_watched(handler, leaving))
			put_back(watch, leaving);
	}
}

/* -- in the middle of a run ------------------------------------------------------------------- */

/* A chunk that is locked is being worked on, so it counts. */
static bool has_contents(struct chunk *chunk)
{
	bool ret;

	if (!chunk_try_lock(chunk))
		return true;
	ret = chunk->resident | chunk->cached | chunk->compressed | chunk->swapped | chunk->filling;
	chunk_unlock(chunk);
	return ret;
}

/* Clears whatever an earlier recording, or a fork's parent, has left in the rows: nothing is in the
 * sample or the queue.  Returns the number of rows with pages. */
static uint64_t clear(const struct pagetable *table)
{
	struct chunk *chunk;
	uint64_t count = 0;

	pagetable_for_each(chunk, table, 0, PAGETABLE_END) {
		if (chunk->sampled)
			chunk->sampled = false;
		if (chunk->watched)
			chunk->watched = false;
		count += has_contents(chunk);
	}
	return count;
}

void watch_begin(struct watch *watch, const struct pagetable *table, unsigned most)
{
	uint64_t rows = clear(table);

	lock_take(&watch->lock, LOCK_POLICY);
	watch->most = most < watch->capacity ? most : watch->capacity;
	watch->count = watch->first = watch->queued = 0;
	watch->touches = 0;
	watch->rate_since = sys_now();
	watch->threshold = WATCH_WHOLE;
	while (rows * watch->threshold / WATCH_WHOLE > watch->most)
		watch->threshold /= 2;
	watch->swept = 0;
	watch->sweeping = true;
	lock_drop(&watch->lock, LOCK_POLICY);
}

void watch_end(struct watch *watch)
{
	lock_take(&watch->lock, LOCK_POLICY);
	watch->threshold = 0;
	watch->sweeping = false;
	lock_drop(&watch->lock, LOCK_POLICY);
}

static void join(struct watch *watch, struct chunk *chunk)
{
	lock_take(&watch->lock, LOCK_POLICY);
	if (!chunk->sampled && is_below(chunk, watch->threshold))
		join_sample(watch, chunk);
	lock_drop(&watch->lock, LOCK_POLICY);
}

/* At a time, so that faults are looked at in between. */
#define SWEEP_CHUNKS 8
#define SWEEP_ROWS 4096

bool watch_sweep(struct handler *handler)
{
	struct paging *paging = handler->paging;
	struct watch *watch = paging->watch;
	unsigned left = 0, rows = 0;
	struct chunk *chunk;

	if (handler->number || !watch || !watch->sweeping || paging->dormant || fork_is_near())
		return false;
	pagetable_for_each(chunk, &paging->pages.table, watch->swept, PAGETABLE_END) {
		watch->swept = chunk->address;
		if (left == SWEEP_CHUNKS || rows++ == SWEEP_ROWS)
			return true;
		if (!watch_takes(watch, chunk) || !has_contents(chunk))
			continue;
		join(watch, chunk);
		left++;
		if (!evict_watched(handler, chunk))
			put_back(watch, chunk);
	}
	watch->sweeping = false;
	return true;
}
