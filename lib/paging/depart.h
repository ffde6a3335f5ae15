/* SPDX-License-Identifier: MIT */
/* depart.h - how the pages of a chunk leave for their tray
 *
 *  - by UFFDIO_MOVE, holes allowed: no copy, and atomic, since nobody can write
 *    to a page that has moved.  Pages under DMA refuse.  It flushes the TLB once
 *    for each run of present pages, so it is the way for chunks of few runs.
 *
 *  - by copy: write-protect, read through /proc/self/mem, discard.  Two flushes
 *    in all, so it is the way for scattered chunks; but it does not see DMA
 *    (pins.h).  It is also the only way for what MOVE refuses (mappings that are
 *    not writable) and where there is no MOVE.
 *
 *	chunk of 64 pages, 2 vCPUs, a second thread running    MOVE    copy
 *	all present, one run				      29 us  160 us
 *	32 present in 32 runs				     778 us  130 us
 *
 * Where there is no MOVE and the process may have pages under DMA, nothing leaves: it is
 * kept in memory, beyond the budget, as long as that is so (evict_hold_back).
 *
 * A write to a protected page raises a fault, which waits for the chunk's lock
 * and then finds the page cached (or still there, and unprotects it).
 *
 * Locking: the caller holds (C).
 */
#ifndef SPILL_DEPART_H
#define SPILL_DEPART_H

#include "paging/handler.h"

/* Moves or copies these resident pages into the tray, which has no frames; gives
 * those that came: the others stay.  The masks are the caller's to change. */
uint64_t depart(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t victims);

#endif
