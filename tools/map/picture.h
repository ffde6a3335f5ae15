/* SPDX-License-Identifier: MIT */
/* picture.h - where the pages of a process are: what `spill map' draws
 *
 * A picture has the rows of the process's page tables, and the stretches of its address space in
 * which they lie.  A stretch is made of adjacent mappings that are not of files.  Addresses in it
 * without a row were never touched.
 */
#ifndef SPILL_PICTURE_H
#define SPILL_PICTURE_H

#include "processes/ask.h"
#include "spill.h"

#define PICTURE_STATES (SPILL_COMPRESSED + 1)

struct picture_stretch {
	uint64_t start, end;
};

struct picture {
	struct ask ask;
	struct picture_stretch *stretch; /* by ascending address, each with at least one row */
	size_t stretches;
};

/* Pages by state; hot ones are resident too. */
struct picture_count {
	uint64_t of[PICTURE_STATES];
	uint64_t hot, pinned;
};

extern const char *const picture_state_names[PICTURE_STATES];

/* Takes a picture of [start, end).  0 or -errno, as ask_rows. */
int picture_take(struct picture *picture, const struct steer *steer, uint64_t start, uint64_t end,
		 bool slots);
void picture_free(struct picture *picture);

/* The state of a page in a row. */
enum spill_page_state picture_state(const struct inquiry_row *row, unsigned page);

/* Counts what is in [start, end). */
struct picture_count picture_count(const struct picture *picture, uint64_t start, uint64_t end);

/* The state by which one cell shows all this: that of most pages with contents, but a lost page
 * outweighs all others.  hot: most of those in memory are. */
enum spill_page_state picture_summary(const struct picture_count *count, bool *ret_hot);

#endif
