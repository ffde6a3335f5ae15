/* SPDX-License-Identifier: MIT */
/* ranges.h - the sorted array of regions
 *
 * Disjoint ranges of addresses with their protection; neighbours that are
 * alike are one, as the kernel has it with its own mappings.  So the array is
 * about as long as /proc/self/maps, and an insertion moves a few KiB.
 *
 * Locking: (G), all of it.
 */
#ifndef SPILL_RANGES_H
#define SPILL_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a fork's child finds there, if not a copy; NOTHING comes before ZEROS. */
enum inherit {
	INHERIT_ZEROS = 1,   /* MADV_WIPEONFORK */
	INHERIT_NOTHING = 2, /* MADV_DONTFORK */
};

struct region {
	uintptr_t start, end;  /* page-aligned; not empty */
	int prot;	       /* PROT_*, as mprotect has them */
	bool touched;	       /* was accessible at some time: may have pages */
	unsigned char inherit; /* or of enum inherit */
};

struct region_table {
	struct region *region; /* sorted, disjoint; a table of its own mapping */
	size_t count;
	_Atomic uint64_t reserved;   /* bytes of all of them */
	_Atomic uint64_t accessible; /* bytes of those that are not PROT_NONE */
};

/* A process has at most vm.max_map_count mappings (65530), and one may hold
 * several of our ranges only where protections differ. */
#define REGIONS_MAX 131072

/* 0 or -ENOMEM. */
int ranges_init(struct region_table *table);
void ranges_free(struct region_table *table);

/* The first region that ends after start, or the number of regions. */
size_t ranges_find(const struct region_table *table, uintptr_t start);

/* Could two more be entered (what one change needs at most)? */
bool ranges_have_room(const struct region_table *table);

/* [start, end) is one from now on, whatever was there; there is room. */
void ranges_set(struct region_table *table, uintptr_t start, uintptr_t end, int prot);
/* [start, end) is none from now on; there is room. */
void ranges_clear(struct region_table *table, uintptr_t start, uintptr_t end);
/* The parts of [start, end) that are regions have this protection now. */
void ranges_protect(struct region_table *table, uintptr_t start, uintptr_t end, int prot);

/* ... and a child inherits them so from now on, or no longer. */
void ranges_inherit(struct region_table *table, uintptr_t start, uintptr_t end,
		    enum inherit inherit, bool on);

/* Bytes of [start, end) that are regions; that are accessible ones. */
uint64_t ranges_bytes(const struct region_table *table, uintptr_t start, uintptr_t end,
		      bool accessible);

/* What of region i lies in [start, end). */
struct region ranges_part(const struct region_table *table, size_t i, uintptr_t start,
			  uintptr_t end);

/* Each part of a region that lies in [start, end). */
#define ranges_for_each(part, i, table, from, to)                       \
	for ((i) = ranges_find((table), (from));                        \
	     (i) < (table)->count && (table)->region[i].start < (to) && \
	     ((part) = ranges_part((table), (i), (from), (to)), true);  \
	     (i)++)

#endif
