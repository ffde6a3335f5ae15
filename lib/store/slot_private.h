/* SPDX-License-Identifier: MIT */
/* slot_private.h - what the files behind slot.h share
 *
 *	slot.c		runs of slots are taken and given back
 *	slot_segment.c	the segments' lists and counts
 *	slot_fork.c	what a fork's children may read
 *	slot_supply.c	where the next segment comes from, and where an empty one goes
 *	slot_map.c	a map is made, limited, freed and checked
 *
 * Locking: the caller holds (S), unless it is said.
 */
#ifndef SPILL_SLOT_PRIVATE_H
#define SPILL_SLOT_PRIVATE_H

#include "base/page.h"
#include "store/slot.h"

#define NO_SEGMENT UINT32_MAX

/* Slots of one segment. */
struct run {
	unsigned start, length;
};

/* -- bits: one for each slot of a segment ------------------------------------------------ */

/* The first from start on that is set, or SEGMENT_SLOTS. */
static inline unsigned bits_find(const uint64_t *bits, unsigned start)
{
	for (unsigned w = start / 64; w < SEGMENT_WORDS; w++) {
		uint64_t word = bits[w];

		if (w == start / 64)
			word &= ~mask_range(0, start % 64);
		if (word)
			return w * 64 + mask_first(word);
	}
	return SEGMENT_SLOTS;
}

/* The part of [start, start + n) that lies in word w. */
static inline uint64_t bits_of_word(unsigned w, unsigned start, unsigned n)
{
	unsigned from = start > w * 64 ? start - w * 64 : 0;
	unsigned end = start + n < (w + 1) * 64 ? start + n - w * 64 : 64;

	if (start + n <= w * 64 || start >= (w + 1) * 64)
		return 0;
	return mask_range(from, end - from);
}

/* -- slot_segment.c ---------------------------------------------------------------------- */

static inline uint32_t segment_index(const struct slot_map *map, const struct segment *segment)
{
	return (uint32_t)(segment - map->segments);
}

/* The list that it belongs in. */
static inline unsigned segment_list(const struct segment *segment)
{
	return segment->state == SEGMENT_CLEAN ? SEGMENT_LIST_CLEAN : segment->taken;
}

void segment_list_add(struct slot_map *map, struct segment *segment);
void segment_list_remove(struct slot_map *map, struct segment *segment);

/* The emptiest segment of ours that has a free slot, or NO_SEGMENT. */
uint32_t segment_emptiest(const struct slot_map *map);

/* How many of its slots have pages of ours; the other processes have to know whether there are any
 * (slot_owner.h). */
void segment_set_live(struct slot_map *map, struct segment *segment, unsigned live);

/* How many of its slots are taken: it moves to another list. */
void segment_set_taken(struct slot_map *map, struct segment *segment, unsigned taken);

/* The run is used by a page each; and no longer: it is free, or deferred. */
void segment_take(struct slot_map *map, struct segment *segment, struct run run);
void segment_drop(struct slot_map *map, struct segment *segment, struct run run);

/* It is ours from now on: nothing is in it; or what we have inherited, and none of our children
 * reads it. */
void segment_open(struct slot_map *map, uint32_t index);
void segment_adopt(struct slot_map *map, uint32_t index);

/* -- slot_fork.c ------------------------------------------------------------------------- */

/* Brings it up to date after forks: before its bits are looked at or changed. */
void segment_sync(struct slot_map *map, struct segment *segment);

/* Slots of word w that a child may read. */
uint64_t segment_read(const struct slot_map *map, const struct segment *segment, unsigned w);

/* These slots of word w are freed, but a child may read them. */
void segment_defer(struct slot_map *map, struct segment *segment, unsigned w, uint64_t mask);

/* -- slot_supply.c ----------------------------------------------------------------------- */

/* A segment that was claimed in the table is open now.  False: it was ours before, whatever the
 * table said. */
bool segment_open_claimed(struct slot_map *map, uint32_t index);

/* The segment to be filled next, or NO_SEGMENT: the emptiest, or a new one. */
uint32_t segment_choose(struct slot_map *map);

/* Takes over what the dead left, now and then.  The caller does not hold (S). */
void slot_seek_dead(struct slot_map *map);

#endif
