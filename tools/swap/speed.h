/* SPDX-License-Identifier: MIT */
/* speed.h - how fast swap space is, and whether it gives back what it was given: by the pager's own
 * reads and writes (io.h)
 *
 * A piece is written, read in order, and read at random, page by page: what a pager does.  Where
 * there is no direct I/O, what is written has reached the disk when the time is taken, and what is
 * read does not come from the page cache.
 */
#ifndef SPILL_SPEED_H
#define SPILL_SPEED_H

#include "store/target.h"

#define SPEED_DEPTH 16

/* Pages a second at random, one at a time: with fewer it is a disk that turns, or one across a
 * network. */
#define SPEED_SLOW 2000

struct speed {
	double write, read; /* bytes a second, in order */
	double one, many;   /* pages a second at random: one at a time, SPEED_DEPTH at once */
	uint64_t wrong;	    /* pages that came back as something else than was written */
};

/* Takes some seconds at most, and room for size bytes (at least 16M), which it overwrites.  0 or
 * -errno. */
int speed_measure(const struct target_file *file, uint64_t size, struct speed *ret);

#endif
