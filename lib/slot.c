/* SPDX-License-Identifier: MIT */
/* slot.c - which pages of a swap space are taken: see slot.h */
#include "slot.h"
#include "fd.h"
#include "meta.h"
#include "page.h"

#define NONE UINT32_MAX

/* Shorter runs are left alone as long as there is something better: they grow
 * when a neighbour is freed.  Measured with random updates, 16 pages asked for,
 * a swap space of 2 and of 1.25 times the data: mean run 2.4 and 1.5 if every
 * run is taken, 4.5 and 1.9 from 4 on, 5.8 and 1.9 from 8 on; from 12 on it is
 * no better. */
#define RUN_MIN 8

/* How many entries of the table of owners are looked at under the lock: two
 * cache lines, some ten nanoseconds.  The next look goes on where it ended. */
#define OWNER_LOOK 16

/* A shared space may be full for a long time, and a look for the dead costs a
 * few microseconds for each process. */
#define DEAD_INTERVAL_NS UINT64_C(50000000)

struct run {
	unsigned start, length; /* slots of a segment */
};

/* The first slot from start on whose bit in the used mask is set (or clear),
 * or SEGMENT_SLOTS. */
static unsigned bits_find(const uint64_t *bits, bool set, unsigned start)
{
	uint64_t flip = set ? 0 : ~UINT64_C(0);

	for (unsigned w = start / 64; w < SEGMENT_WORDS; w++) {
		uint64_t word = bits[w] ^ flip;

		if (w == start / 64)
			word &= ~mask_range(0, start % 64);
		if (word)
			return w * 64 + mask_first(word);
	}
	return SEGMENT_SLOTS;
}

/* The part of [start, start + n) that lies in word w of a segment. */
static uint64_t bits_of_word(unsigned w, unsigned start, unsigned n)
{
	unsigned from = start > w * 64 ? start - w * 64 : 0;
	unsigned end = start + n < (w + 1) * 64 ? start + n - w * 64 : 64;

	if (start + n <= w * 64 || start >= (w + 1) * 64)
		return 0;
	return mask_range(from, end - from);
}

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

/* Lists */

static uint32_t segment_index(const struct slot_map *map, const struct segment *segment)
{
	return (uint32_t)(segment - map->segments);
}

static unsigned segment_list(const struct segment *segment)
{
	return segment->state == SEGMENT_CLEAN ? SEGMENT_LIST_CLEAN : segment->taken;
}

static void list_note(struct slot_map *map, unsigned list)
{
	if (list >= SEGMENT_SLOTS)
		return;
	if (map->lists[list] == NONE)
		map->filled[list / 64] &= ~mask_bit(list % 64);
	else
		map->filled[list / 64] |= mask_bit(list % 64);
}

static void list_add(struct slot_map *map, struct segment *segment)
{
	unsigned list = segment_list(segment);
	uint32_t index = segment_index(map, segment);

	segment->prev = NONE;
	segment->next = map->lists[list];
	if (segment->next != NONE)
		map->segments[segment->next].prev = index;
	map->lists[list] = index;
	list_note(map, list);
}

static void list_remove(struct slot_map *map, struct segment *segment)
{
	unsigned list = segment_list(segment);

	if (segment->next != NONE)
		map->segments[segment->next].prev = segment->prev;
	if (segment->prev != NONE)
		map->segments[segment->prev].next = segment->next;
	else
		map->lists[list] = segment->next;
	list_note(map, list);
}

/* The emptiest segment that has a free slot, or NONE. */
static uint32_t list_emptiest(const struct slot_map *map)
{
	unsigned list = bits_find(map->filled, true, 0);

	return list < SEGMENT_SLOTS ? map->lists[list] : NONE;
}

/* Segments */

/* Makes old true again after forks that this segment has not heard of. */
static void segment_sync(const struct slot_map *map, struct segment *segment)
{
	if (segment->epoch == map->epoch)
		return;
	for (unsigned w = 0; w < SEGMENT_WORDS; w++)
		segment->old[w] = map->forked ? segment->used[w] : 0;
	segment->epoch = map->epoch;
}

static void segment_set_taken(struct slot_map *map, struct segment *segment, unsigned taken)
{
	list_remove(map, segment);
	segment->taken = (uint16_t)taken;
	list_add(map, segment);
}

static void segment_take(struct slot_map *map, struct segment *segment, struct run run)
{
	segment_sync(map, segment);
	for (unsigned w = 0; w < SEGMENT_WORDS; w++)
		segment->used[w] |= bits_of_word(w, run.start, run.length);
	segment_set_taken(map, segment, segment->taken + run.length);
	atomic_fetch_add_explicit(&map->used_slots, run.length, memory_order_relaxed);
}

static void segment_defer(struct slot_map *map, struct segment *segment, unsigned w, uint64_t mask)
{
	segment->deferred[w] |= mask;
	atomic_fetch_add_explicit(&map->deferred_slots, mask_count(mask), memory_order_relaxed);
	if (segment->has_deferred)
		return;
	segment->has_deferred = true;
	segment->next_deferred = map->deferred;
	map->deferred = segment_index(map, segment);
}

static void segment_drop(struct slot_map *map, struct segment *segment, struct run run)
{
	unsigned freed = 0;

	segment_sync(map, segment);
	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		uint64_t mask = bits_of_word(w, run.start, run.length);
		uint64_t old = mask & segment->old[w];

		assert((mask & ~segment->used[w]) == 0 && "a free slot is freed");
		assert((mask & segment->deferred[w]) == 0 && "a slot is freed twice");
		if (old)
			segment_defer(map, segment, w, old);
		segment->used[w] &= ~(mask & ~old);
		freed += mask_count(mask & ~old);
	}
	if (!freed)
		return;
	segment_set_taken(map, segment, segment->taken - freed);
	atomic_fetch_sub_explicit(&map->used_slots, freed, memory_order_relaxed);
}

/* Frees what was deferred, when no child is left. */
static void segment_settle(struct slot_map *map, struct segment *segment)
{
	unsigned freed = 0;

	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		freed += mask_count(segment->deferred[w]);
		segment->used[w] &= ~segment->deferred[w];
		segment->deferred[w] = 0;
	}
	segment->has_deferred = false;
	segment_set_taken(map, segment, segment->taken - freed);
	atomic_fetch_sub_explicit(&map->used_slots, freed, memory_order_relaxed);
}

static void segment_open(struct slot_map *map, uint32_t index)
{
	struct segment *segment = &map->segments[index];

	if (segment->state == SEGMENT_CLEAN)
		list_remove(map, segment);
	else
		map->owned++;
	*segment = (struct segment){ .state = SEGMENT_LISTED, .epoch = map->epoch };
	list_add(map, segment);
	if (index >= map->segment_count)
		map->segment_count = index + 1;
}

/* Allocation */

/* Was it claimed, and was it not ours before, whatever the table said? */
static bool is_new(const struct slot_map *map, uint32_t index)
{
	return index != NONE && map->segments[index].state == SEGMENT_NONE;
}

/* *ret_index is as it was if there is none. */
static void claim_next(struct slot_map *map, uint32_t *ret_index)
{
	uint32_t index = NONE;

	owner_claim_next(map->owners, map->mark, OWNER_LOOK, map->fresh_limit, &map->owner_hint,
			 &index);
	if (is_new(map, index))
		*ret_index = index;
}

/* A segment that is not ours yet, or NONE; to be opened under the same hold of the lock. */
static uint32_t segment_next(struct slot_map *map)
{
	uint32_t index = NONE;

	if (map->owners)
		claim_next(map, &index);
	else if (map->segment_count < map->fresh_limit)
		index = map->segment_count;
	return index;
}

/* A segment that nobody has used yet, or that was punched since. */
static uint32_t segment_fresh(struct slot_map *map)
{
	uint32_t index = map->lists[SEGMENT_LIST_CLEAN];

	if (index == NONE)
		index = segment_next(map);
	if (index != NONE)
		segment_open(map, index);
	return index;
}

/* The slow way, without our lock, when a shared space seems to be full: looks
 * for what was given back since or not reached yet, and for the dead. */
static bool segment_seek(struct slot_map *map, uint32_t limit, uint32_t *ret_index)
{
	uint64_t now = sys_now();
	uint64_t before = atomic_load(&map->dead_time);

	if (owner_claim_any(map->owners, map->mark, limit, ret_index))
		return true;
	if (before && now - before < DEAD_INTERVAL_NS)
		return false;
	if (owner_claim_dead(map->owners, map->mark, limit, ret_index))
		return true;
	/* Only now: there may have been more than one. */
	atomic_store(&map->dead_time, now);
	return false;
}

static uint32_t segment_choose(struct slot_map *map)
{
	uint32_t emptiest = list_emptiest(map);
	uint32_t fresh = NONE;

	if (emptiest == NONE || map->segments[emptiest].taken > SEGMENT_SLOTS / 2)
		fresh = segment_fresh(map);
	return fresh != NONE ? fresh : emptiest;
}

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
	struct run run = { bits_find(starts.word, true, 0), 0 };
	unsigned start = run.start;

	while (start < SEGMENT_SLOTS && run.length < min) {
		run.start = start;
		run.length++;
		starts = bits_and_shifted(starts, free, run.length);
		start = bits_find(starts.word, true, 0);
	}
	if (run.length == min)
		run.length = bits_find(segment->used, true, run.start) - run.start;
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

	if (map->current != NONE)
		run = segment_find_run(&map->segments[map->current], map->cursor, min, want);
	if (run.length >= min)
		return run;
	map->current = segment_choose(map);
	if (map->current == NONE)
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

static int slot_alloc_slowly(struct slot_map *map, unsigned want, uint32_t limit,
			     uint64_t *ret_first)
{
	uint32_t index = NONE;
	int n;

	segment_seek(map, limit, &index);
	lock_take(&map->lock, LOCK_SLOT);
	if (is_new(map, index))
		segment_open(map, index);
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
	if (map->read_only)
		return -ENOSPC;
	lock_take(&map->lock, LOCK_SLOT);
	n = slot_alloc_locked(map, want, ret_first);
	limit = map->fresh_limit;
	lock_drop(&map->lock, LOCK_SLOT);
	if (n < 0 && map->owners)
		n = slot_alloc_slowly(map, want, limit, ret_first);
	return n;
}

void slot_free(struct slot_map *map, uint64_t first, unsigned n)
{
	if (map->read_only) {
		atomic_fetch_sub_explicit(&map->used_slots, n, memory_order_relaxed);
		return;
	}
	lock_take(&map->lock, LOCK_SLOT);
	while (n > 0) {
		unsigned start = (unsigned)(first % SEGMENT_SLOTS);
		unsigned length = n < SEGMENT_SLOTS - start ? n : SEGMENT_SLOTS - start;

		segment_drop(map, &map->segments[first / SEGMENT_SLOTS],
			     (struct run){ start, length });
		first += length;
		n -= length;
	}
	lock_drop(&map->lock, LOCK_SLOT);
}

void slot_retire(struct slot_map *map, uint64_t first, unsigned n)
{
	if (map->read_only)
		return;
	lock_take(&map->lock, LOCK_SLOT);
	for (uint64_t slot = first; slot < first + n; slot++)
		assert(map->segments[slot / SEGMENT_SLOTS].used[slot % SEGMENT_SLOTS / 64] &
		       mask_bit(slot % 64));
	map->retired_slots += n;
	lock_drop(&map->lock, LOCK_SLOT);
}

bool slot_claim(struct slot_map *map, uint64_t *ret_first)
{
	uint32_t limit, index;

	if (map->read_only)
		return false;
	lock_take(&map->lock, LOCK_SLOT);
	limit = map->fresh_limit;
	index = segment_next(map);
	if (index != NONE)
		segment_open(map, index);
	lock_drop(&map->lock, LOCK_SLOT);
	if (index == NONE && map->owners && segment_seek(map, limit, &index)) {
		lock_take(&map->lock, LOCK_SLOT);
		if (is_new(map, index))
			segment_open(map, index);
		else
			index = NONE;
		lock_drop(&map->lock, LOCK_SLOT);
	}
	*ret_first = (uint64_t)index * SEGMENT_SLOTS;
	return index != NONE;
}

uint64_t slots_owned(const struct slot_map *map)
{
	uint64_t lost = map->retired_slots + map->deferred_slots;
	uint64_t slots = (uint64_t)map->owned * SEGMENT_SLOTS;

	return lost < slots ? slots - lost : 0;
}

bool slot_punchable(struct slot_map *map, uint64_t *ret_first)
{
	uint32_t index;

	if (map->read_only)
		return false;
	lock_take(&map->lock, LOCK_SLOT);
	index = map->lists[0];
	if (index != NONE) {
		list_remove(map, &map->segments[index]);
		map->segments[index].state = SEGMENT_PUNCHING;
		if (map->current == index)
			map->current = NONE;
		*ret_first = (uint64_t)index * SEGMENT_SLOTS;
	}
	lock_drop(&map->lock, LOCK_SLOT);
	return index != NONE;
}

bool slot_is_punchable(const struct slot_map *map)
{
	return map->lists[0] != NONE;
}

void slot_punched(struct slot_map *map, uint64_t first, bool keep)
{
	uint32_t index = (uint32_t)(first / SEGMENT_SLOTS);
	struct segment *segment = &map->segments[index];

	if (map->read_only)
		return;
	lock_take(&map->lock, LOCK_SLOT);
	assert(segment->state == SEGMENT_PUNCHING);
	if (map->owners && !keep) {
		segment->state = SEGMENT_NONE;
		map->owned--;
		owner_release(map->owners, index);
	} else {
		segment->state = SEGMENT_CLEAN;
		list_add(map, segment);
	}
	lock_drop(&map->lock, LOCK_SLOT);
}

/* Fork */

void slot_map_fork(struct slot_map *map)
{
	if (map->read_only)
		return;
	lock_take(&map->lock, LOCK_SLOT);
	if (map->owners && !map->forked)
		owner_note_fork(map->owners, map->mark);
	map->epoch++;
	map->forked = true;
	lock_drop(&map->lock, LOCK_SLOT);
}

void slot_map_fork_done(struct slot_map *map)
{
	if (map->read_only)
		return;
	lock_take(&map->lock, LOCK_SLOT);
	for (uint32_t i = map->deferred; i != NONE; i = map->segments[i].next_deferred)
		segment_settle(map, &map->segments[i]);
	map->deferred = NONE;
	atomic_store_explicit(&map->deferred_slots, 0, memory_order_relaxed);
	map->epoch++;
	if (map->owners && map->forked)
		owner_note_fork_done(map->owners, map->mark);
	map->forked = false;
	lock_drop(&map->lock, LOCK_SLOT);
}

void slot_map_fork_child(struct slot_map *map)
{
	uint64_t gone = atomic_load(&map->deferred_slots);

	lock_reset(&map->lock);
	if (map->read_only)
		return;
	/* No page of ours lies in these. */
	gone += map->retired_slots;
	map->read_only = true;
	atomic_fetch_sub(&map->used_slots, gone);
	atomic_store(&map->deferred_slots, 0);
}

/* The map */

int slot_map_init(struct slot_map *map, uint64_t slots, struct slot_owners *owners, uint64_t mark)
{
	uint64_t limit = slots / SEGMENT_SLOTS;

	if (limit >= NONE)
		limit = NONE - 1;
	*map = (struct slot_map){
		.owners = owners,
		.mark = mark,
		.segment_limit = (uint32_t)limit,
		.fresh_limit = (uint32_t)limit,
		.current = NONE,
		.deferred = NONE,
	};
	for (unsigned list = 0; list < SEGMENT_LISTS; list++)
		map->lists[list] = NONE;
	if (limit == 0)
		return 0;
	map->segments = meta_map(limit * sizeof(struct segment));
	return map->segments ? 0 : -ENOMEM;
}

void slot_map_limit(struct slot_map *map, uint64_t slots)
{
	uint64_t limit = slots / SEGMENT_SLOTS;

	lock_take(&map->lock, LOCK_SLOT);
	map->fresh_limit = limit < map->segment_limit ? (uint32_t)limit : map->segment_limit;
	lock_drop(&map->lock, LOCK_SLOT);
}

/* Gives all segments to the other processes. */
static void slot_map_disown(struct slot_map *map)
{
	for (uint32_t i = 0; i < map->segment_count; i++)
		if (map->segments[i].state != SEGMENT_NONE)
			owner_release(map->owners, i);
}

void slot_map_free(struct slot_map *map)
{
	if (map->owners && !map->read_only && !map->forked)
		slot_map_disown(map);
	meta_unmap(map->segments, map->segment_limit * sizeof(struct segment));
	map->segments = NULL;
	map->segment_limit = 0;
}

size_t slot_owners_size(uint64_t slots)
{
	return sizeof(struct slot_owners) + slots / SEGMENT_SLOTS * sizeof(uint64_t);
}

int slot_owners_create(uint64_t slots)
{
	return fd_memory("spill-owners", page_round_up(slot_owners_size(slots)));
}

/* Checks */

static void check_segment(struct slot_map *map, struct segment *segment)
{
	unsigned taken = 0;

	segment_sync(map, segment);
	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		taken += mask_count(segment->used[w]);
		assert((segment->old[w] & ~segment->used[w]) == 0);
		assert((segment->deferred[w] & ~segment->old[w]) == 0);
		assert(segment->has_deferred || segment->deferred[w] == 0);
	}
	assert(segment->taken == taken);
	assert(segment->state == SEGMENT_LISTED || taken == 0);
}

/* Gives how many segments it holds. */
static uint32_t check_list(const struct slot_map *map, unsigned list)
{
	uint32_t prev = NONE, n = 0;

	for (uint32_t i = map->lists[list]; i != NONE; i = map->segments[i].next) {
		const struct segment *segment = &map->segments[i];

		assert(i < map->segment_count && segment->prev == prev);
		assert(segment->state ==
		       (list == SEGMENT_LIST_CLEAN ? SEGMENT_CLEAN : SEGMENT_LISTED));
		assert(segment_list(segment) == list);
		prev = i;
		n++;
	}
	if (list < SEGMENT_SLOTS)
		assert((n > 0) == !!(map->filled[list / 64] & mask_bit(list % 64)));
	return n;
}

void slot_map_check(struct slot_map *map)
{
	uint64_t used = 0, deferred = 0, listed = 0, owned = 0;

	if (map->read_only)
		return;
	lock_take(&map->lock, LOCK_SLOT);
	assert(map->segment_count <= map->segment_limit);
	for (uint32_t i = 0; i < map->segment_count; i++) {
		struct segment *segment = &map->segments[i];

		if (segment->state == SEGMENT_NONE)
			continue;
		check_segment(map, segment);
		owned++;
		assert(!map->owners || map->owners->segment[i] == map->mark);
		listed += segment->state != SEGMENT_PUNCHING;
		used += segment->taken;
		for (unsigned w = 0; w < SEGMENT_WORDS; w++)
			deferred += mask_count(segment->deferred[w]);
	}
	for (unsigned list = 0; list < SEGMENT_LISTS; list++)
		listed -= check_list(map, list);
	assert(listed == 0);
	assert(owned == map->owned);
	assert(used == map->used_slots && deferred == map->deferred_slots);
	assert(map->retired_slots <= used);
	assert(map->current == NONE || map->segments[map->current].state == SEGMENT_LISTED);
	lock_drop(&map->lock, LOCK_SLOT);
}
