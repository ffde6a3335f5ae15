/* SPDX-License-Identifier: MIT */
/* slot.c - which pages of a swap space are taken: see slot.h */
#include "store/slot.h"
#include "base/fd.h"
#include "base/meta.h"
#include "base/page.h"
#include <string.h>

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

/* A look for what the dead left costs a few microseconds for each process. */
#define SEEK_INTERVAL_NS UINT64_C(50000000)

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

/* What the map of our parent was is what we have inherited. */
static void segment_inherit(struct segment *segment)
{
	unsigned taken = 0;

	if (segment->live == 0) {
		*segment = (struct segment){ .state = SEGMENT_NONE };
		return;
	}
	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		segment->used[w] &= ~segment->deferred[w];
		segment->deferred[w] = 0;
		taken += mask_count(segment->used[w]);
	}
	segment->taken = (uint16_t)taken;
	segment->has_deferred = false;
	segment->state = SEGMENT_FOREIGN;
}

/* Nothing was freed or taken in it since the forks of which it has not heard. */
static void segment_note_forks(struct slot_map *map, const struct segment *segment)
{
	unsigned g;

	mask_for_each(g, (uint64_t)map->living) {
		struct generation *generation = &map->generation[g];
		uint64_t *reads;

		if (!generation->reads || (int32_t)(generation->epoch - segment->epoch) <= 0)
			continue;
		reads = generation->reads[segment_index(map, segment)];
		for (unsigned w = 0; w < SEGMENT_WORDS; w++)
			reads[w] |= segment->used[w] & ~segment->deferred[w];
	}
}

/* Brings it up to date after forks. */
static void segment_sync(struct slot_map *map, struct segment *segment)
{
	if (segment->epoch == map->epoch)
		return;
	if ((int32_t)(segment->epoch - map->born) < 0)
		segment_inherit(segment);
	if (segment->state == SEGMENT_LISTED)
		segment_note_forks(map, segment);
	segment->epoch = map->epoch;
}

/* Slots of word w that a child may read. */
static uint64_t segment_read(const struct slot_map *map, const struct segment *segment, unsigned w)
{
	uint64_t mask = 0;
	unsigned g;

	mask_for_each(g, (uint64_t)map->living) {
		const struct generation *generation = &map->generation[g];

		mask |= generation->reads ? generation->reads[segment_index(map, segment)][w]
					  : ~UINT64_C(0);
	}
	return mask;
}

/* Other processes have to know in which segments we have pages (slot_owner.h). */
static void segment_set_live(struct slot_map *map, struct segment *segment, unsigned live)
{
	if (!live != !segment->live)
		owner_reads(&map->owner, segment_index(map, segment), live != 0);
	segment->live = (uint16_t)live;
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
	segment_set_live(map, segment, segment->live + run.length);
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

/* It is another's: we only tell what is left of us there. */
static void segment_drop_foreign(struct slot_map *map, struct segment *segment, struct run run)
{
	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		uint64_t mask = bits_of_word(w, run.start, run.length);

		assert((mask & ~segment->used[w]) == 0 && "a slot is freed that we do not have");
		segment->used[w] &= ~mask;
	}
	segment->taken -= (uint16_t)run.length;
	segment_set_live(map, segment, segment->live - run.length);
	if (segment->live == 0)
		segment->state = SEGMENT_NONE;
	atomic_fetch_sub_explicit(&map->used_slots, run.length, memory_order_relaxed);
}

static void segment_drop(struct slot_map *map, struct segment *segment, struct run run)
{
	unsigned freed = 0;

	segment_sync(map, segment);
	if (segment->state == SEGMENT_FOREIGN) {
		segment_drop_foreign(map, segment, run);
		return;
	}
	segment_set_live(map, segment, segment->live - run.length);
	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		uint64_t mask = bits_of_word(w, run.start, run.length);
		uint64_t read = mask ? mask & segment_read(map, segment, w) : 0;

		assert((mask & ~segment->used[w]) == 0 && "a free slot is freed");
		assert((mask & segment->deferred[w]) == 0 && "a slot is freed twice");
		if (read)
			segment_defer(map, segment, w, read);
		segment->used[w] &= ~(mask & ~read);
		freed += mask_count(mask & ~read);
	}
	if (!freed)
		return;
	segment_set_taken(map, segment, segment->taken - freed);
	atomic_fetch_sub_explicit(&map->used_slots, freed, memory_order_relaxed);
}

/* Frees what was deferred and no child reads any more.  Is anything left? */
static bool segment_settle(struct slot_map *map, struct segment *segment)
{
	unsigned freed = 0;
	uint64_t left = 0;

	segment_sync(map, segment);
	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		uint64_t mask = segment->deferred[w];

		if (mask)
			mask &= ~segment_read(map, segment, w);
		freed += mask_count(mask);
		segment->used[w] &= ~mask;
		segment->deferred[w] &= ~mask;
		left |= segment->deferred[w];
	}
	segment->has_deferred = left != 0;
	if (freed)
		segment_set_taken(map, segment, segment->taken - freed);
	atomic_fetch_sub_explicit(&map->used_slots, freed, memory_order_relaxed);
	atomic_fetch_sub_explicit(&map->deferred_slots, freed, memory_order_relaxed);
	return left != 0;
}

static void note_count(struct slot_map *map, uint32_t index)
{
	if (index >= map->segment_count)
		map->segment_count = index + 1;
}

/* It is ours, and nothing is in it. */
static void segment_open(struct slot_map *map, uint32_t index)
{
	struct segment *segment = &map->segments[index];

	segment_sync(map, segment);
	if (segment->state == SEGMENT_CLEAN)
		list_remove(map, segment);
	else
		map->owned++;
	*segment = (struct segment){ .state = SEGMENT_LISTED, .epoch = map->epoch };
	list_add(map, segment);
	note_count(map, index);
}

/* It is ours, and what we have inherited is in it.  None of our children reads it. */
static void segment_adopt(struct slot_map *map, uint32_t index)
{
	struct segment *segment = &map->segments[index];
	unsigned retired = segment->taken - segment->live, g;

	mask_for_each(g, (uint64_t)map->living)
		if (map->generation[g].reads)
			memset(map->generation[g].reads[index], 0, sizeof(segment->used));
	segment->state = SEGMENT_LISTED;
	list_add(map, segment);
	map->owned++;
	map->retired_slots += retired;
	atomic_fetch_add(&map->used_slots, retired);
	note_count(map, index);
}

/* Allocation */

/* A segment that was claimed; or it was ours before, whatever the table said. */
static bool segment_open_claimed(struct slot_map *map, uint32_t index)
{
	segment_sync(map, &map->segments[index]);
	if (map->segments[index].state != SEGMENT_NONE)
		return false;
	segment_open(map, index);
	return true;
}

/* A segment that was not ours yet, or NONE. */
static uint32_t segment_next(struct slot_map *map)
{
	uint32_t index;

	if (!owner_claim_next(&map->owner, OWNER_LOOK, map->fresh_limit, &map->owner_hint, &index))
		return NONE;
	return segment_open_claimed(map, index) ? index : NONE;
}

/* A segment that nobody has used yet, or that was punched since. */
static uint32_t segment_fresh(struct slot_map *map)
{
	uint32_t index = map->lists[SEGMENT_LIST_CLEAN];

	if (index == NONE)
		return segment_next(map);
	segment_open(map, index);
	return index;
}

static void segment_receive(struct slot_map *map, uint32_t index)
{
	lock_take(&map->lock, LOCK_SLOT);
	if (!segment_open_claimed(map, index) && map->segments[index].state == SEGMENT_FOREIGN)
		segment_adopt(map, index);
	lock_drop(&map->lock, LOCK_SLOT);
}

/* Takes over what the dead left, without our lock, now and then. */
static void seek_dead(struct slot_map *map)
{
	uint64_t before = atomic_load(&map->sought), now;
	struct owner_sweep sweep;
	uint32_t index;

	if (!owner_has_others(&map->owner))
		return;
	now = sys_now();
	if ((before && now - before < SEEK_INTERVAL_NS) ||
	    !atomic_compare_exchange_strong(&map->sought, &before, now))
		return;
	owner_sweep_begin(&map->owner, &sweep);
	while (owner_sweep_next(&map->owner, &sweep, &index))
		segment_receive(map, index);
	lock_take(&map->lock, LOCK_SLOT);
	if (sweep.first < map->owner_hint)
		map->owner_hint = sweep.first;
	lock_drop(&map->lock, LOCK_SLOT);
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
	seek_dead(map);
	lock_take(&map->lock, LOCK_SLOT);
	assert(!map->frozen);
	n = slot_alloc_locked(map, want, ret_first);
	limit = map->fresh_limit;
	lock_drop(&map->lock, LOCK_SLOT);
	return n < 0 ? slot_alloc_slowly(map, want, limit, ret_first) : n;
}

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

bool slot_claim(struct slot_map *map, uint64_t *ret_first)
{
	uint32_t index, limit;

	seek_dead(map);
	lock_take(&map->lock, LOCK_SLOT);
	limit = map->fresh_limit;
	index = segment_next(map);
	lock_drop(&map->lock, LOCK_SLOT);
	if (index == NONE && owner_claim_any(&map->owner, limit, &index)) {
		lock_take(&map->lock, LOCK_SLOT);
		if (!segment_open_claimed(map, index))
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
	uint32_t index = NONE;

	lock_take(&map->lock, LOCK_SLOT);
	if (map->frozen)
		;
	else if (map->lists[0] != NONE)
		index = map->lists[0];
	else if (owner_claim_left(&map->owner, &index) && !segment_open_claimed(map, index))
		index = NONE;
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
	return map->lists[0] != NONE || owner_is_left(&map->owner);
}

void slot_punched(struct slot_map *map, uint64_t first, bool keep)
{
	uint32_t index = (uint32_t)(first / SEGMENT_SLOTS);
	struct segment *segment = &map->segments[index];

	lock_take(&map->lock, LOCK_SLOT);
	assert(segment->state == SEGMENT_PUNCHING);
	if (keep) {
		segment->state = SEGMENT_CLEAN;
		list_add(map, segment);
	} else {
		segment->state = SEGMENT_NONE;
		map->owned--;
		/* It is the next to be used: so the file does not grow without need. */
		if (index < map->owner_hint)
			map->owner_hint = index;
		owner_release(&map->owner, index);
	}
	lock_drop(&map->lock, LOCK_SLOT);
}

/* Fork */

static void *reads_map(const struct slot_map *map)
{
	size_t size = map->segment_limit * sizeof(*map->generation->reads);
	void *reads = size ? meta_map(size) : NULL;

	/* No child has children of ours. */
	if (reads)
		sys_madvise(reads, page_round_up(size), MADV_DONTFORK);
	return reads;
}

void slot_map_fork(struct slot_map *map, unsigned g)
{
	struct generation *generation = &map->generation[g];
	void *reads = map->living & UINT32_C(1) << g ? NULL : reads_map(map);

	lock_take(&map->lock, LOCK_SLOT);
	map->epoch++;
	if (!(map->living & UINT32_C(1) << g))
		generation->reads = reads;
	generation->epoch = map->epoch;
	map->living |= UINT32_C(1) << g;
	map->frozen = true;
	lock_drop(&map->lock, LOCK_SLOT);
	owner_fork_prepare(&map->owner);
}

void slot_map_fork_parent(struct slot_map *map)
{
	owner_fork_parent(&map->owner);
	lock_take(&map->lock, LOCK_SLOT);
	map->frozen = false;
	lock_drop(&map->lock, LOCK_SLOT);
}

void slot_map_fork_child(struct slot_map *map)
{
	lock_reset(&map->lock);
	owner_fork_child(&map->owner);
	map->epoch++;
	map->born = map->epoch;
	map->living = 0;
	map->frozen = false;
	map->current = map->deferred = NONE;
	map->owned = 0;
	map->sought = 0;
	for (unsigned list = 0; list < SEGMENT_LISTS; list++)
		map->lists[list] = NONE;
	memset(map->filled, 0, sizeof(map->filled));
	/* No page of ours lies in these. */
	atomic_fetch_sub(&map->used_slots, map->deferred_slots + map->retired_slots);
	atomic_store(&map->deferred_slots, 0);
	atomic_store(&map->retired_slots, 0);
}

/* What is left is in the list again. */
static void settle_all(struct slot_map *map)
{
	uint32_t index = map->deferred;

	map->deferred = NONE;
	while (index != NONE) {
		struct segment *segment = &map->segments[index];
		uint32_t next = segment->next_deferred;

		if (segment_settle(map, segment)) {
			segment->next_deferred = map->deferred;
			map->deferred = index;
		}
		index = next;
	}
}

void slot_generation_gone(struct slot_map *map, unsigned g)
{
	struct generation *generation = &map->generation[g];
	void *reads;

	lock_take(&map->lock, LOCK_SLOT);
	map->living &= ~(UINT32_C(1) << g);
	reads = generation->reads;
	generation->reads = NULL;
	settle_all(map);
	lock_drop(&map->lock, LOCK_SLOT);
	/* They may have left something. */
	map->sought = 0;
	seek_dead(map);
	meta_unmap(reads, map->segment_limit * sizeof(*generation->reads));
}

/* The map */

static uint32_t segments_for(uint64_t slots)
{
	uint64_t segments = slots / SEGMENT_SLOTS;

	return segments < NONE ? (uint32_t)segments : NONE - 1;
}

int slot_map_init(struct slot_map *map, uint64_t slots, int owners_fd)
{
	uint32_t limit = segments_for(slots);
	int err;

	*map = (struct slot_map){
		.segment_limit = limit,
		.fresh_limit = limit,
		.current = NONE,
		.deferred = NONE,
	};
	for (unsigned list = 0; list < SEGMENT_LISTS; list++)
		map->lists[list] = NONE;
	map->segments = meta_map((limit + 1) * sizeof(struct segment));
	if (!map->segments)
		return -ENOMEM;
	err = owner_join(&map->owner, owners_fd, limit);
	if (err)
		slot_map_free(map);
	return err;
}

static uint32_t limit_of(const struct slot_map *map, uint64_t slots)
{
	uint64_t limit = slots / SEGMENT_SLOTS;

	return limit < map->segment_limit ? (uint32_t)limit : map->segment_limit;
}

void slot_map_limit(struct slot_map *map, uint64_t slots)
{
	lock_take(&map->lock, LOCK_SLOT);
	map->fresh_limit = limit_of(map, slots);
	lock_drop(&map->lock, LOCK_SLOT);
}

void slot_map_raise(struct slot_map *map, uint64_t slots)
{
	uint32_t limit = limit_of(map, slots);

	lock_take(&map->lock, LOCK_SLOT);
	if (map->fresh_limit < limit)
		map->fresh_limit = limit;
	lock_drop(&map->lock, LOCK_SLOT);
}

uint64_t slot_map_reach(const struct slot_map *map)
{
	return (uint64_t)owner_reach(&map->owner) * SEGMENT_SLOTS;
}

/* Gives all segments to the other processes. */
static void slot_map_disown(struct slot_map *map)
{
	for (uint32_t i = 0; i < map->segment_count; i++) {
		segment_sync(map, &map->segments[i]);
		if (map->segments[i].state != SEGMENT_NONE &&
		    map->segments[i].state != SEGMENT_FOREIGN)
			owner_release(&map->owner, i);
	}
}

void slot_map_free(struct slot_map *map)
{
	if (!map->segments)
		return;
	/* What children read is left to whoever finds it when they are gone. */
	if (map->owner.table && !map->living)
		slot_map_disown(map);
	owner_leave(&map->owner);
	for (unsigned g = 0; g < GENERATIONS; g++)
		if (map->living & UINT32_C(1) << g)
			meta_unmap(map->generation[g].reads,
				   map->segment_limit * sizeof(*map->generation[g].reads));
	meta_unmap(map->segments, (map->segment_limit + 1) * sizeof(struct segment));
	map->segments = NULL;
	map->segment_limit = 0;
}

int slot_owners_create(uint64_t slots)
{
	return owner_table_create(segments_for(slots));
}

/* Checks */

static void check_segment(struct slot_map *map, struct segment *segment)
{
	unsigned taken = 0, deferred = 0;

	for (unsigned w = 0; w < SEGMENT_WORDS; w++) {
		taken += mask_count(segment->used[w]);
		deferred += mask_count(segment->deferred[w]);
		assert((segment->deferred[w] & ~segment->used[w]) == 0);
		assert((segment->deferred[w] & ~segment_read(map, segment, w)) == 0);
		assert(segment->has_deferred || segment->deferred[w] == 0);
	}
	assert(segment->taken == taken);
	assert(segment->live + deferred <= taken);
	assert(segment->state == SEGMENT_LISTED || segment->state == SEGMENT_FOREIGN || taken == 0);
	assert(segment->state != SEGMENT_FOREIGN || (segment->live > 0 && deferred == 0));
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

	lock_take(&map->lock, LOCK_SLOT);
	assert(map->segment_count <= map->segment_limit);
	for (uint32_t i = 0; i < map->segment_count; i++) {
		struct segment *segment = &map->segments[i];

		segment_sync(map, segment);
		if (segment->state == SEGMENT_NONE)
			continue;
		check_segment(map, segment);
		if (segment->state == SEGMENT_FOREIGN) {
			used += segment->live;
			continue;
		}
		owned++;
		assert(map->owner.table->segment[i] == map->owner.id);
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
