/* SPDX-License-Identifier: MIT */
/* slot_fork.c - slots that a fork's children may read: see slot.h
 *
 * A fork only advances the map's epoch.  A segment learns of it when it is next touched: then what
 * it holds is noted for each generation that began since, or, in the child, is what it has
 * inherited.
 *
 * Locking: (S).  In the child there is nobody else, and nothing is taken.
 */
#include "store/slot_private.h"
#include "base/meta.h"
#include "base/page.h"
#include <string.h>

/* -- what a segment has to learn ---------------------------------------------------------- */

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

void segment_sync(struct slot_map *map, struct segment *segment)
{
	if (segment->epoch == map->epoch)
		return;
	if ((int32_t)(segment->epoch - map->born) < 0)
		segment_inherit(segment);
	if (segment->state == SEGMENT_LISTED)
		segment_note_forks(map, segment);
	segment->epoch = map->epoch;
}

/* -- what children read ------------------------------------------------------------------- */

uint64_t segment_read(const struct slot_map *map, const struct segment *segment, unsigned w)
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

void segment_defer(struct slot_map *map, struct segment *segment, unsigned w, uint64_t mask)
{
	segment->deferred[w] |= mask;
	atomic_fetch_add_explicit(&map->deferred_slots, mask_count(mask), memory_order_relaxed);
	if (segment->has_deferred)
		return;
	segment->has_deferred = true;
	segment->next_deferred = map->deferred;
	map->deferred = segment_index(map, segment);
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

/* -- forks -------------------------------------------------------------------------------- */

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
	map->current = map->deferred = NO_SEGMENT;
	map->owned = 0;
	map->sought = 0;
	for (unsigned list = 0; list < SEGMENT_LISTS; list++)
		map->lists[list] = NO_SEGMENT;
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

	map->deferred = NO_SEGMENT;
	while (index != NO_SEGMENT) {
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
	slot_seek_dead(map);
	meta_unmap(reads, map->segment_limit * sizeof(*generation->reads));
}
