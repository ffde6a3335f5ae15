/* SPDX-License-Identifier: MIT */
/* speed.h - how fast swap space is: measured with the pager's own reads and writes (io.h)
 *
 * A piece is written, read in order, and read at random, page by page: what a pager does.
 */
#ifndef SPILL_SPEED_H
#define SPILL_SPEED_H

#include "target.h"

#define SPEED_DEPTH 16

/* Pages a second at random, one at a time: with fewer it is a disk that turns, or one across a
 * network. */
#define SPEED_SLOW 2000

struct speed {
	double write, read; /* bytes a second, in order */
	double one, many;   /* pages a second at random: one at a time, SPEED_DEPTH at once */
};

/* Takes a second or two, and room for size bytes (at least 16M), which it overwrites.  0 or
 * -errno. */
int speed_measure(const struct target_file *file, uint64_t size, struct speed *ret);

#endif
