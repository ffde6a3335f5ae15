/* SPDX-License-Identifier: MIT */
/* slot_segment.c - the segments of a map, their lists and their counts: see slot.h
 *
 * What changes a segment's bits changes its counts, its list and the map's counts with them.
 *
 * Locking: the caller holds (S).
 */
#include "store/slot_private.h"
#include <string.h>

/* -- lists -------------------------------------------------------------------------------- */

static void list_note(struct slot_map *map, unsigned list)
{
	if (list >= SEGMENT_SLOTS)
		return;
	if (map->lists[list] == NO_SEGMENT)
		map->filled[list / 64] &= ~mask_bit(list % 64);
	else
		map->filled[list / 64] |= mask_bit(list % 64);
}

void segment_list_add(struct slot_map *map, struct segment *segment)
{
	unsigned list = segment_list(segment);
	uint32_t index = segment_index(map, segment);

	segment->prev = NO_SEGMENT;
	segment->next = map->lists[list];
	if (segment->next != NO_SEGMENT)
		map->segments[segment->next].prev = index;
	map->lists[list] = index;
	list_note(map, list);
}

void segment_list_remove(struct slot_map *map, struct segment *segment)
{
	unsigned list = segment_list(segment);

	if (segment->next != NO_SEGMENT)
		map->segments[segment->next].prev = segment->prev;
	if (segment->prev != NO_SEGMENT)
		map->segments[segment->prev].next = segment->next;
	else
		map->lists[list] = segment->next;
	list_note(map, list);
}

uint32_t segment_emptiest(const struct slot_map *map)
{
	unsigned list = bits_find(map->filled, 0);

	return list < SEGMENT_SLOTS ? map->lists[list] : NO_SEGMENT;
}

/* -- slots -------------------------------------------------------------------------------- */

void segment_set_live(struct slot_map *map, struct segment *segment, unsigned live)
{
	if (!live != !segment->live)
		owner_reads(&map->owner, segment_index(map, segment), live != 0);
	segment->live = (uint16_t)live;
}

void segment_set_taken(struct slot_map *map, struct segment *segment, unsigned taken)
{
	segment_list_remove(map, segment);
	segment->taken = (uint16_t)taken;
	segment_list_add(map, segment);
}

void segment_take(struct slot_map *map, struct segment *segment, struct run run)
{
	segment_sync(map, segment);
	for (unsigned w = 0; w < SEGMENT_WORDS; w++)
		segment->used[w] |= bits_of_word(w, run.start, run.length);
	segment_set_taken(map, segment, segment->taken + run.length);
	segment_set_live(map, segment, segment->live + run.length);
	atomic_fetch_add_explicit(&map->used_slots, run.length, memory_order_relaxed);
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

void segment_drop(struct slot_map *map, struct segment *segment, struct run run)
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

/* -- segments ----------------------------------------------------------------------------- */

static void note_count(struct slot_map *map, uint32_t index)
{
	if (index >= map->segment_count)
		map->segment_count = index + 1;
}

void segment_open(struct slot_map *map, uint32_t index)
{
	struct segment *segment = &map->segments[index];

	segment_sync(map, segment);
	if (segment->state == SEGMENT_CLEAN)
		segment_list_remove(map, segment);
	else
		map->owned++;
	*segment = (struct segment){ .state = SEGMENT_LISTED, .epoch = map->epoch };
	segment_list_add(map, segment);
	note_count(map, index);
}

void segment_adopt(struct slot_map *map, uint32_t index)
{
	struct segment *segment = &map->segments[index];
	unsigned retired = segment->taken - segment->live, g;

	mask_for_each(g, (uint64_t)map->living)
		if (map->generation[g].reads)
			memset(map->generation[g].reads[index], 0, sizeof(segment->used));
	segment->state = SEGMENT_LISTED;
	segment_list_add(map, segment);
	map->owned++;
	map->retired_slots += retired;
	atomic_fetch_add(&map->used_slots, retired);
	note_count(map, index);
}
