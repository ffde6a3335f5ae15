/* SPDX-License-Identifier: MIT */
/* slot_supply.c - where the next segment comes from, and where an empty one goes: see slot.h
 *
 * Segments belong to processes.  This is what a map does with the shared table (slot_owner.h): it
 * claims fresh segments, takes over what the dead left, and gives back what is empty and punched.
 *
 * Locking: (S), but not while all of the table is looked at.
 */
#include "store/slot_private.h"

/* How many entries of the table of owners are looked at under the lock: two
 * cache lines, some ten nanoseconds.  The next look goes on where it ended. */
#define OWNER_LOOK 16

/* A look for what the dead left costs a few microseconds for each process. */
#define SEEK_INTERVAL_NS UINT64_C(50000000)

/* -- what the dead left ------------------------------------------------------------------- */

static void segment_receive(struct slot_map *map, uint32_t index)
{
	lock_take(&map->lock, LOCK_SLOT);
	if (!segment_open_claimed(map, index) && map->segments[index].state == SEGMENT_FOREIGN)
		segment_adopt(map, index);
	lock_drop(&map->lock, LOCK_SLOT);
}

void slot_seek_dead(struct slot_map *map)
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

/* -- claiming ----------------------------------------------------------------------------- */

bool segment_open_claimed(struct slot_map *map, uint32_t index)
{
	segment_sync(map, &map->segments[index]);
	if (map->segments[index].state != SEGMENT_NONE)
		return false;
	segment_open(map, index);
	return true;
}

/* A segment that was not ours yet, or NO_SEGMENT. */
static uint32_t segment_next(struct slot_map *map)
{
	uint32_t index;

	if (!owner_claim_next(&map->owner, OWNER_LOOK, map->fresh_limit, &map->owner_hint, &index))
		return NO_SEGMENT;
	return segment_open_claimed(map, index) ? index : NO_SEGMENT;
}

/* A segment that nobody has used yet, or that was punched since. */
static uint32_t segment_fresh(struct slot_map *map)
{
	uint32_t index = map->lists[SEGMENT_LIST_CLEAN];

	if (index == NO_SEGMENT)
		return segment_next(map);
	segment_open(map, index);
	return index;
}

uint32_t segment_choose(struct slot_map *map)
{
	uint32_t emptiest = segment_emptiest(map);
	uint32_t fresh = NO_SEGMENT;

	if (emptiest == NO_SEGMENT || map->segments[emptiest].taken > SEGMENT_SLOTS / 2)
		fresh = segment_fresh(map);
	return fresh != NO_SEGMENT ? fresh : emptiest;
}

bool slot_claim(struct slot_map *map, uint64_t *ret_first)
{
	uint32_t index, limit;

	slot_seek_dead(map);
	lock_take(&map->lock, LOCK_SLOT);
	limit = map->fresh_limit;
	index = segment_next(map);
	lock_drop(&map->lock, LOCK_SLOT);
	if (index == NO_SEGMENT && owner_claim_any(&map->owner, limit, &index)) {
		lock_take(&map->lock, LOCK_SLOT);
		if (!segment_open_claimed(map, index))
			index = NO_SEGMENT;
		lock_drop(&map->lock, LOCK_SLOT);
	}
	*ret_first = (uint64_t)index * SEGMENT_SLOTS;
	return index != NO_SEGMENT;
}

uint64_t slots_owned(const struct slot_map *map)
{
	uint64_t lost = map->retired_slots + map->deferred_slots;
	uint64_t slots = (uint64_t)map->owned * SEGMENT_SLOTS;

	return lost < slots ? slots - lost : 0;
}

/* -- punching ----------------------------------------------------------------------------- */

bool slot_punchable(struct slot_map *map, uint64_t *ret_first)
{
	uint32_t index = NO_SEGMENT;

	lock_take(&map->lock, LOCK_SLOT);
	if (map->frozen)
		;
	else if (map->lists[0] != NO_SEGMENT)
		index = map->lists[0];
	else if (owner_claim_left(&map->owner, &index) && !segment_open_claimed(map, index))
		index = NO_SEGMENT;
	if (index != NO_SEGMENT) {
		segment_list_remove(map, &map->segments[index]);
		map->segments[index].state = SEGMENT_PUNCHING;
		if (map->current == index)
			map->current = NO_SEGMENT;
		*ret_first = (uint64_t)index * SEGMENT_SLOTS;
	}
	lock_drop(&map->lock, LOCK_SLOT);
	return index != NO_SEGMENT;
}

bool slot_is_punchable(const struct slot_map *map)
{
	return map->lists[0] != NO_SEGMENT || owner_is_left(&map->owner);
}

void slot_punched(struct slot_map *map, uint64_t first, bool keep)
{
	uint32_t index = (uint32_t)(first / SEGMENT_SLOTS);
	struct segment *segment = &map->segments[index];

	lock_take(&map->lock, LOCK_SLOT);
	assert(segment->state == SEGMENT_PUNCHING);
	if (keep) {
		segment->state = SEGMENT_CLEAN;
		segment_list_add(map, segment);
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
