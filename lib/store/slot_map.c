/* SPDX-License-Identifier: MIT */
/* slot_map.c - a map of slots is made, limited, freed and checked: see slot.h */
#include "store/slot_private.h"
#include "base/meta.h"

/* -- how many ----------------------------------------------------------------------------- */

static uint32_t segments_for(uint64_t slots)
{
	uint64_t segments = slots / SEGMENT_SLOTS;

	return segments < NO_SEGMENT ? (uint32_t)segments : NO_SEGMENT - 1;
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

int slot_owners_create(uint64_t slots)
{
	return owner_table_create(segments_for(slots));
}

/* -- from beginning to end ---------------------------------------------------------------- */

int slot_map_init(struct slot_map *map, uint64_t slots, int owners_fd)
{
	uint32_t limit = segments_for(slots);
	int err;

	*map = (struct slot_map){
		.segment_limit = limit,
		.fresh_limit = limit,
		.current = NO_SEGMENT,
		.deferred = NO_SEGMENT,
	};
	for (unsigned list = 0; list < SEGMENT_LISTS; list++)
		map->lists[list] = NO_SEGMENT;
	map->segments = meta_map((limit + 1) * sizeof(struct segment));
	if (!map->segments)
		return -ENOMEM;
	err = owner_join(&map->owner, owners_fd, limit);
	if (err)
		slot_map_free(map);
	return err;
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

/* -- checks ------------------------------------------------------------------------------- */

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
	uint32_t prev = NO_SEGMENT, n = 0;

	for (uint32_t i = map->lists[list]; i != NO_SEGMENT; i = map->segments[i].next) {
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
	assert(map->current == NO_SEGMENT || map->segments[map->current].state == SEGMENT_LISTED);
	lock_drop(&map->lock, LOCK_SLOT);
}
