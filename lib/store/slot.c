/* SPDX-License-Identifier: MIT */
/* slot.c - which pages of a swap space are taken: see slot.h
 *
 * Here are the runs: finding one in the segment that is being filled, and giving them back.  All runs
 * of a segment are looked at together, as bits.
 */
#include "store/slot_private.h"

/* Shorter runs are left alone as long as there is something better: they grow
 * when a neighbour is freed.  Measured with random updates, 16 pages asked for,
 * a swap space of 2 and of 1.25 times the data: mean run 2.4 and 1.5 if every
 * run is taken, 4.5 and 1.9 from 4 on, 5.8 and 1.9 from 8 on; from 12 on it is
 * no better. */
#define RUN_MIN 8

/* -- bits --------------------------------------------------------------------------------- */

struct bits {
	uint64_t word[SEGMENT_WORDS];
};

static struct bits bits_free_from(const uint64_t *used, unsigned from)
{
	struct bits ret;

	for (unsigned w = 0; w < SEGMENT_WORDS; w++)
		ret.word[w] = ~used[w] & ~bits_of_word(w, 0, from);
	return ret;
}

/* a & (b >> n), n from 1 to 63, across the words. */
static struct bits bits_and_shifted(struct bits a, struct bits b, unsigned n)
{
	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		uint64_t above = w + 1 < SEGMENT_WORDS ? b.word[w + 1] : 0;

		a.word[w] &= b.word[w] >> n | above << (64 - n);
	}
	return a;
}

/* -- taking ------------------------------------------------------------------------------- */

/* The next free run behind from of at least min slots, and at most want; or the
 * longest shorter one; or a length of 0.
 *
 * starts holds a bit wherever length free slots begin, as long as there are
 * any: all runs of the segment are looked at together. */
static struct run segment_find_run(const struct segment *segment, unsigned from, unsigned min,
				   unsigned want)
{
	struct bits free = bits_free_from(segment->used, from);
	struct bits starts = free;
	struct run run = { bits_find(starts.word, 0), 0 };
	unsigned start = run.start;

	while (start < SEGMENT_SLOTS && run.length < min) {
		run.start = start;
		run.length++;
		starts = bits_and_shifted(starts, free, run.length);
		start = bits_find(starts.word, 0);
	}
	if (run.length == min)
		run.length = bits_find(segment->used, run.start) - run.start;
	if (run.length > want)
		run.length = want;
	return run;
}

/* Finds the run in the segment that is being filled, or in the one to be
 * filled next. */
static struct run slot_find_run(struct slot_map *map, unsigned want)
{
	unsigned min = want < RUN_MIN ? want : RUN_MIN;
	struct run run = { 0, 0 };

	if (map->current != NO_SEGMENT)
		run = segment_find_run(&map->segments[map->current], map->cursor, min, want);
	if (run.length >= min)
		return run;
	map->current = segment_choose(map);
	if (map->current == NO_SEGMENT)
		return (struct run){ 0, 0 };
	return segment_find_run(&map->segments[map->current], 0, min, want);
}

static int slot_alloc_locked(struct slot_map *map, unsigned want, uint64_t *ret_first)
{
	struct run run = slot_find_run(map, want);

	if (run.length == 0)
		return -ENOSPC;
	segment_take(map, &map->segments[map->current], run);
	map->cursor = run.start + run.length;
	*ret_first = (uint64_t)map->current * SEGMENT_SLOTS + run.start;
	return (int)run.length;
}

/* The space seems to be full: looks at all of it for what was given back since or not reached yet. */
static int slot_alloc_slowly(struct slot_map *map, unsigned want, uint32_t limit,
			     uint64_t *ret_first)
{
	uint32_t index;
	bool found = owner_claim_any(&map->owner, limit, &index);
	int n;

	lock_take(&map->lock, LOCK_SLOT);
	if (found)
		segment_open_claimed(map, index);
	/* In any case: slots may have been freed meanwhile. */
	n = slot_alloc_locked(map, want, ret_first);
	lock_drop(&map->lock, LOCK_SLOT);
	return n;
}

int slot_alloc(struct slot_map *map, unsigned want, uint64_t *ret_first)
{
	uint32_t limit;
	int n;

	assert(want > 0);
	slot_seek_dead(map);
	lock_take(&map->lock, LOCK_SLOT);
	assert(!map->frozen);
	n = slot_alloc_locked(map, want, ret_first);
	limit = map->fresh_limit;
	lock_drop(&map->lock, LOCK_SLOT);
	return n < 0 ? slot_alloc_slowly(map, want, limit, ret_first) : n;
}

/* -- giving back -------------------------------------------------------------------------- */

static void slot_free_locked(struct slot_map *map, uint64_t first, unsigned n)
{
	while (n > 0) {
		unsigned start = (unsigned)(first % SEGMENT_SLOTS);
		unsigned length = n < SEGMENT_SLOTS - start ? n : SEGMENT_SLOTS - start;

		segment_drop(map, &map->segments[first / SEGMENT_SLOTS],
			     (struct run){ start, length });
		first += length;
		n -= length;
	}
}

bool slot_free(struct slot_map *map, uint64_t first, unsigned n)
{
	bool frozen;

	lock_take(&map->lock, LOCK_SLOT);
	frozen = map->frozen;
	if (!frozen)
		slot_free_locked(map, first, n);
	lock_drop(&map->lock, LOCK_SLOT);
	return !frozen;
}

static void retire_one(struct slot_map *map, uint64_t slot)
{
	struct segment *segment = &map->segments[slot / SEGMENT_SLOTS];

	segment_sync(map, segment);
	assert(segment->used[slot % SEGMENT_SLOTS / 64] & mask_bit(slot % 64));
	segment_set_live(map, segment, segment->live - 1u);
	if (segment->state != SEGMENT_FOREIGN) {
		map->retired_slots++;
		return;
	}
	atomic_fetch_sub(&map->used_slots, 1);
	if (segment->live == 0)
		segment->state = SEGMENT_NONE;
}

/* During a fork they only stay used, which is as good but for the child, who thinks that it has
 * pages there. */
void slot_retire(struct slot_map *map, uint64_t first, unsigned n)
{
	lock_take(&map->lock, LOCK_SLOT);
	for (uint64_t slot = first; slot < first + n && !map->frozen; slot++)
		retire_one(map, slot);
	lock_drop(&map->lock, LOCK_SLOT);
}
