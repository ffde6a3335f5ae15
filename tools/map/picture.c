/* SPDX-License-Identifier: MIT */
/* picture.c - where the pages of a process are: see picture.h */
#include "map/picture.h"
#include "base/page.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *const picture_state_names[PICTURE_STATES] = {
	[SPILL_ABSENT] = "absent",	   [SPILL_RESIDENT] = "resident",
	[SPILL_CACHED] = "cached",	   [SPILL_SWAPPED] = "swapped",
	[SPILL_FILLING] = "filling",	   [SPILL_POISONED] = "poisoned",
	[SPILL_COMPRESSED] = "compressed",
};

/* -- rows ---------------------------------------------------------------------------------- */

/* The pages of a row that are in this state, which has contents.  A page is in one (chunk.h), but
 * that a slot may hold a copy as well. */
static uint64_t in_state(const struct inquiry_row *row, unsigned state)
{
	switch (state) {
	case SPILL_RESIDENT:
		return row->resident;
	case SPILL_CACHED:
		return row->cached;
	case SPILL_SWAPPED:
		return row->swapped &
		       ~(row->resident | row->cached | row->compressed | row->filling);
	case SPILL_COMPRESSED:
		return row->compressed & ~(row->resident | row->cached | row->filling);
	case SPILL_FILLING:
		return row->filling;
	case SPILL_POISONED:
		return row->poisoned;
	default:
		return 0;
	}
}

enum spill_page_state picture_state(const struct inquiry_row *row, unsigned page)
{
	for (unsigned state = SPILL_RESIDENT; state < PICTURE_STATES; state++)
		if (in_state(row, state) & mask_bit(page))
			return state;
	return SPILL_ABSENT;
}

/* The pages of a row that have contents. */
static uint64_t contents(const struct inquiry_row *row)
{
	uint64_t mask = 0;

	for (unsigned state = SPILL_RESIDENT; state < PICTURE_STATES; state++)
		mask |= in_state(row, state);
	return mask;
}

/* The index of the first row that ends after the address. */
static size_t first_row(const struct picture *picture, uint64_t address)
{
	size_t low = 0, high = picture->ask.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (picture->ask.row[middle].address + chunk_size() <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* -- counting ------------------------------------------------------------------------------ */

static void add_row(struct picture_count *count, const struct inquiry_row *row, uint64_t pages)
{
	for (unsigned state = SPILL_RESIDENT; state < PICTURE_STATES; state++)
		count->of[state] += mask_count(in_state(row, state) & pages);
	count->hot += mask_count(row->hot & row->resident & pages);
	count->pinned += mask_count(row->pinned & pages);
}

/* The row's pages that lie in [start, end). */
static uint64_t pages_in(const struct inquiry_row *row, uint64_t start, uint64_t end)
{
	uint64_t row_end = row->address + chunk_size();
	uint64_t from = start > row->address ? start : row->address;
	uint64_t to = end < row_end ? end : row_end;

	return from < to ? mask_range((unsigned)((from - row->address) >> page_shift()),
				      (unsigned)((to - from) >> page_shift()))
			 : 0;
}

struct picture_count picture_count(const struct picture *picture, uint64_t start, uint64_t end)
{
	struct picture_count count = { 0 };
	uint64_t there = 0;

	for (size_t i = first_row(picture, start); i < picture->ask.count; i++) {
		const struct inquiry_row *row = &picture->ask.row[i];

		if (row->address >= end)
			break;
		add_row(&count, row, pages_in(row, start, end));
	}
	for (unsigned state = SPILL_RESIDENT; state < PICTURE_STATES; state++)
		there += count.of[state];
	count.of[SPILL_ABSENT] = ((end - start) >> page_shift()) - there;
	return count;
}

enum spill_page_state picture_summary(const struct picture_count *count, bool *ret_hot)
{
	enum spill_page_state most = SPILL_ABSENT;

	*ret_hot = false;
	if (count->of[SPILL_POISONED])
		return SPILL_POISONED;
	for (unsigned state = SPILL_RESIDENT; state < PICTURE_STATES; state++)
		if (count->of[state] > (most == SPILL_ABSENT ? 0 : count->of[most]))
			most = state;
	*ret_hot = most == SPILL_RESIDENT && 2 * count->hot > count->of[SPILL_RESIDENT];
	return most;
}

/* -- stretches ----------------------------------------------------------------------------- */

static bool has_contents(const struct picture *picture, uint64_t start, uint64_t end)
{
	for (size_t i = first_row(picture, start); i < picture->ask.count; i++) {
		const struct inquiry_row *row = &picture->ask.row[i];

		if (row->address >= end)
			break;
		if (contents(row) & pages_in(row, start, end))
			return true;
	}
	return false;
}

static void add_stretch(struct picture *picture, uint64_t start, uint64_t end)
{
	struct picture_stretch *stretch;

	if (start >= end || !has_contents(picture, start, end))
		return;
	stretch = realloc(picture->stretch, (picture->stretches + 1) * sizeof(*stretch));
	if (!stretch)
		abort();
	stretch[picture->stretches++] = (struct picture_stretch){ start, end };
	picture->stretch = stretch;
}

/* Mappings that are not of files; adjacent ones make one stretch. */
static int read_mappings(struct picture *picture, uint32_t pid, uint64_t from, uint64_t to)
{
	uint64_t start = 0, end = 0;
	char path[32], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		uint64_t first, last, inode;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %" SCNu64, &first, &last,
			   &inode) != 3 ||
		    inode)
			continue;
		first = first > from ? first : from;
		last = last < to ? last : to;
		if (first >= last)
			continue;
		if (first != end) {
			add_stretch(picture, start, end);
			start = first;
		}
		end = last;
	}
	fclose(file);
	add_stretch(picture, start, end);
	return 0;
}

int picture_take(struct picture *picture, const struct steer *steer, uint64_t start, uint64_t end,
		 bool slots)
{
	int err;

	*picture = (struct picture){ 0 };
	err = ask_rows(&picture->ask, steer, start, end, slots);
	return err ? err : read_mappings(picture, steer->view.pid, start, end);
}

void picture_free(struct picture *picture)
{
	ask_free(&picture->ask);
	free(picture->stretch);
	*picture = (struct picture){ 0 };
}
