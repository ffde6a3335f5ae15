/* SPDX-License-Identifier: MIT */
/* depart.h - how the pages of a chunk leave for their tray
 *
 *  - By UFFDIO_MOVE, holes allowed.  It copies nothing and is atomic, since nobody can write to a
 *    page that has moved.  It refuses pages under DMA.  It flushes the TLB once for each run of
 *    present pages.
 *
 *  - By copy: write-protect, read through /proc/self/mem, discard.  That takes two flushes in all;
 *    but it does not see DMA (pins.h).  It is also the only way for what MOVE refuses (mappings
 *    that are not writable), and where there is no MOVE.
 *
 * The cheaper one is taken (ways.h): as a rule, MOVE for few runs, a copy for scattered pages.
 *
 *	chunk of 64 pages, 2 vCPUs, a second thread running    MOVE    copy
 *	all present, one run				      29 us  160 us
 *	32 present in 32 runs				     778 us  130 us
 *
 * Where there is no MOVE and the process may have pages under DMA, nothing leaves: pages stay in
 * memory, beyond the budget, as long as that is so (exceed_hold_back).
 *
 * A write to a protected page raises a fault.  It waits for the chunk's lock, and then finds the
 * page cached (or still there, and unprotects it).
 *
 * Locking: the caller holds (C).
 */
#ifndef SPILL_DEPART_H
#define SPILL_DEPART_H

#include "paging/handler.h"

/* Moves or copies these resident pages into the tray, which has no frames at their offsets.
 * Returns those that came; the others stay.  The caller changes the masks. */
uint64_t depart(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t victims);

#endif
