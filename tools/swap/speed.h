/* SPDX-License-Identifier: MIT */
/* speed.h - how fast swap space is, and whether it gives back what it was given
 *
 * It uses the pager's own reads and writes (io.h), and does what a pager does: a piece is written,
 * read in order, and read at random, page by page.  Without direct I/O, the time is taken once what
 * was written has reached the disk, and what is read does not come from the page cache.
 */
#ifndef SPILL_SPEED_H
#define SPILL_SPEED_H

#include "store/target.h"

#define SPEED_DEPTH 16

/* Pages a second at random, one at a time.  With fewer it is a disk that turns, or one across a
 * network. */
#define SPEED_SLOW 2000

struct speed {
	double write, read; /* bytes a second, in order */
	double one, many;   /* pages a second at random: one at a time, and SPEED_DEPTH at once */
	uint64_t wrong;	    /* pages that came back different */
};

/* Takes some seconds at most, and overwrites size bytes (at least 16M).  0 or -errno. */
int speed_measure(const struct target_file *file, uint64_t size, struct speed *ret);

#endif
