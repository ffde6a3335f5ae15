/* SPDX-License-Identifier: MIT */
/* ranges.c - the sorted array of regions: see ranges.h */
#include "pages/ranges.h"
#include "base/meta.h"
#include <string.h>
#include <sys/mman.h>

int ranges_init(struct region_table *table)
{
	table->region = meta_map(REGIONS_MAX * sizeof(struct region));
	return table->region ? 0 : -ENOMEM;
}

void ranges_free(struct region_table *table)
{
	meta_unmap(table->region, REGIONS_MAX * sizeof(struct region));
	table->region = NULL;
	table->count = 0;
}

size_t ranges_find(const struct region_table *table, uintptr_t start)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table->region[middle].end > start)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool ranges_have_room(const struct region_table *table)
{
	return table->count + 2 <= REGIONS_MAX;
}

static bool is_accessible(const struct region *region)
{
	return region->prot != PROT_NONE;
}

static void count_bytes(struct region_table *table, const struct region *region, bool more)
{
	uint64_t bytes = region->end - region->start;

	if (!more)
		bytes = -bytes;
	table->reserved += bytes;
	if (is_accessible(region))
		table->accessible += bytes;
}

static void insert_at(struct region_table *table, size_t i, struct region region)
{
	memmove(table->region + i + 1, table->region + i,
		(table->count - i) * sizeof(struct region));
	table->region[i] = region;
	table->count++;
}

static void remove_at(struct region_table *table, size_t i, size_t n)
{
	memmove(table->region + i, table->region + i + n,
		(table->count - i - n) * sizeof(struct region));
	table->count -= n;
}

/* Makes address a boundary between regions, if it lies inside one. */
static void split_at(struct region_table *table, uintptr_t address)
{
	size_t i = ranges_find(table, address);
	struct region upper;

	if (i == table->count || table->region[i].start >= address)
		return;
	upper = table->region[i];
	upper.start = address;
	table->region[i].end = address;
	insert_at(table, i + 1, upper);
}

/* Makes both ends boundaries; returns the first region between them. */
static size_t cut_out(struct region_table *table, uintptr_t start, uintptr_t end)
{
	split_at(table, start);
	split_at(table, end);
	return ranges_find(table, start);
}

static bool alike(const struct region *a, const struct region *b)
{
	return a->end == b->start && a->prot == b->prot && a->touched == b->touched &&
	       a->inherit == b->inherit;
}

/* Joins region i with the one before it if they are alike. */
static void merge_before(struct region_table *table, size_t i)
{
	if (i == 0 || i >= table->count || !alike(&table->region[i - 1], &table->region[i]))
		return;
	table->region[i - 1].end = table->region[i].end;
	remove_at(table, i, 1);
}

void ranges_clear(struct region_table *table, uintptr_t start, uintptr_t end)
{
	size_t first = cut_out(table, start, end), n = 0;

	while (first + n < table->count && table->region[first + n].start < end)
		count_bytes(table, &table->region[first + n++], false);
	remove_at(table, first, n);
}

void ranges_set(struct region_table *table, uintptr_t start, uintptr_t end, int prot)
{
	struct region region = {
		.start = start,
		.end = end,
		.prot = prot,
		.touched = prot != PROT_NONE,
	};
	size_t i;

	ranges_clear(table, start, end);
	i = ranges_find(table, start);
	insert_at(table, i, region);
	count_bytes(table, &region, true);
	merge_before(table, i + 1);
	merge_before(table, i);
}

/* Regions from first up to last have changed. */
static void merge_around(struct region_table *table, size_t first, size_t last)
{
	for (size_t i = last; i + 1 > first; i--)
		merge_before(table, i);
}

void ranges_protect(struct region_table *table, uintptr_t start, uintptr_t end, int prot)
{
	size_t first = cut_out(table, start, end), i;

	for (i = first; i < table->count && table->region[i].start < end; i++) {
		struct region *region = &table->region[i];

		count_bytes(table, region, false);
		region->prot = prot;
		region->touched |= prot != PROT_NONE;
		count_bytes(table, region, true);
	}
	merge_around(table, first, i);
}

void ranges_inherit(struct region_table *table, uintptr_t start, uintptr_t end,
		    enum inherit inherit, bool on)
{
	size_t first = cut_out(table, start, end), i;

	for (i = first; i < table->count && table->region[i].start < end; i++) {
		unsigned before = table->region[i].inherit;

		table->region[i].inherit =
			(unsigned char)(on ? before | inherit : before & ~(unsigned)inherit);
	}
	merge_around(table, first, i);
}

struct region ranges_part(const struct region_table *table, size_t i, uintptr_t start,
			  uintptr_t end)
{
	struct region part = table->region[i];

	part.start = part.start > start ? part.start : start;
	part.end = part.end < end ? part.end : end;
	return part;
}

uint64_t ranges_bytes(const struct region_table *table, uintptr_t start, uintptr_t end,
		      bool accessible)
{
	struct region part;
	uint64_t bytes = 0;
	size_t i;

	ranges_for_each(part, i, table, start, end)
		if (!accessible || is_accessible(&part))
			bytes += part.end - part.start;
	return bytes;
}
