/* SPDX-License-Identifier: MIT */
/* ways.h - which of two ways is cheaper on this machine
 *
 * Pages leave for a tray, come from one, and are read, either by UFFDIO_MOVE or by a copy.  MOVE
 * changes mappings: a flush of the TLB for each run, and a touch that may be dear.  A copy takes a
 * frame for each page, which is given back later.  The prices (prices.h) say which costs less for a
 * given mask of pages.
 *
 * Locking: none.
 */
#ifndef SPILL_WAYS_H
#define SPILL_WAYS_H

#include "base/page.h"
#include "kernel/prices.h"

/* Should these pages be copied to a tray without frames, in place of being moved?  look: ns that
 * copying costs besides (pins.h). */
bool ways_depart_by_copy(const struct prices *prices, uint64_t mask, uint32_t look);

/* Should these pages be read into a tray without frames and moved in, in place of being copied from
 * a bounce buffer? */
bool ways_fill_by_move(const struct prices *prices, uint64_t mask);

/* Should these pages go back from their tray with its frames, in place of being copied? */
bool ways_restore_by_move(const struct prices *prices, uint64_t mask);

/* From how many adjacent pages on they are moved out, back and in; 0: never.  Copying out is taken
 * to cost nothing besides. */
struct ways {
	unsigned move_out, move_back, move_in;
};
struct ways ways_of(const struct prices *prices);

#endif
