/* SPDX-License-Identifier: MIT */
/* ranges.h - the sorted array of regions
 *
 * Disjoint ranges of addresses with their protection.  Neighbours that are alike are joined, as the
 * kernel does with its mappings.  So the array is about as long as /proc/self/maps, and an
 * insertion moves a few KiB.
 *
 * Locking: (G), all of it.
 */
#ifndef SPILL_RANGES_H
#define SPILL_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a fork's child finds instead of a copy.  NOTHING overrides ZEROS. */
enum inherit {
	INHERIT_ZEROS = 1,   /* MADV_WIPEONFORK */
	INHERIT_NOTHING = 2, /* MADV_DONTFORK */
};

struct region {
	uintptr_t start, end;  /* page-aligned; not empty */
	int prot;	       /* PROT_*, as for mprotect */
	bool touched;	       /* was accessible at some time: may have pages */
	unsigned char inherit; /* enum inherit, or'ed */
};

struct region_table {
	struct region *region; /* sorted and disjoint, in a mapping of its own */
	size_t count;
	_Atomic uint64_t reserved;   /* bytes in all regions */
	_Atomic uint64_t accessible; /* bytes in those that are not PROT_NONE */
};

/* A process has at most vm.max_map_count mappings (65530), and only where protections differ does
 * one hold several of our ranges. */
#define REGIONS_MAX 131072

/* 0 or -ENOMEM. */
int ranges_init(struct region_table *table);
void ranges_free(struct region_table *table);

/* The first region that ends after start, or the number of regions. */
size_t ranges_find(const struct region_table *table, uintptr_t start);

/* Is there room for two more, the most that one change needs? */
bool ranges_have_room(const struct region_table *table);

/* Makes [start, end) one region, whatever was there; there must be room. */
void ranges_set(struct region_table *table, uintptr_t start, uintptr_t end, int prot);
/* Makes [start, end) no region; there must be room. */
void ranges_clear(struct region_table *table, uintptr_t start, uintptr_t end);
/* Sets the protection of those parts of [start, end) that are regions. */
void ranges_protect(struct region_table *table, uintptr_t start, uintptr_t end, int prot);

/* Sets, or clears, what a child inherits of those parts. */
void ranges_inherit(struct region_table *table, uintptr_t start, uintptr_t end,
		    enum inherit inherit, bool on);

/* Bytes of [start, end) that are regions; accessible: that are accessible regions. */
uint64_t ranges_bytes(const struct region_table *table, uintptr_t start, uintptr_t end,
		      bool accessible);

/* The part of region i that lies in [start, end). */
struct region ranges_part(const struct region_table *table, size_t i, uintptr_t start,
			  uintptr_t end);

/* Each part of a region that lies in [start, end). */
#define ranges_for_each(part, i, table, from, to)                       \
	for ((i) = ranges_find((table), (from));                        \
	     (i) < (table)->count && (table)->region[i].start < (to) && \
	     ((part) = ranges_part((table), (i), (from), (to)), true);  \
	     (i)++)

#endif
