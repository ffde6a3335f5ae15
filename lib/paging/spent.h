/* SPDX-License-Identifier: MIT */
/* spent.h - frames that no longer hold anything, given back many at a time
 *
 * When a cached page goes back to the application by a copy, its frame stays behind in the tray,
 * spent.  Giving one back costs a TLB flush, which with a second thread running is dearer than all
 * the rest of a soft fault.  So the trays are noted, and once there are SPENT_BATCH of them, their
 * spent frames go back with one flush (zap.h).  No more of them wait, since nothing costs as many
 * misses as frames that hold nothing (doc/experiments.md).
 *
 * A note is a hint.  A tray that was given back meanwhile, or whose chunk is locked, is passed
 * over; its frames go back with the tray.
 *
 * Locking: (A) the list, in the arena.  Trays are looked at under (C), which is only tried.
 */
#ifndef SPILL_SPENT_H
#define SPILL_SPENT_H

#include "paging/paging.h"

/* Pages of this tray were copied back.  The caller holds (C). */
void spent_note(struct arena *arena, struct tray *tray);

/* Is it time to sweep? */
static inline bool spent_is_full(const struct arena *arena)
{
	return arena->spent_count == SPENT_BATCH;
}

/* Gives back the spent frames of the trays that were noted, and the trays that hold nothing else.
 * The caller holds no (C). */
void spent_sweep(struct paging *paging);

#endif
