/* SPDX-License-Identifier: MIT */
/* evict.h - chunks leave, and frames come free
 *
 * A whole chunk leaves at once, into a tray at the same offsets (depart.h).  In
 * its tray nobody can write to it any more.  There each page is hashed:
 * all zeros, it is dropped; as it was when its slot was written, it is clean;
 * else it gets a new slot and joins a write.  The tray waits in the
 * second-chance queue, and frames come free at the head of that.
 *
 * Evictions run ahead: they begin when fewer than low_frames are free and end
 * at high_frames.
 */
#ifndef SPILL_EVICT_H
#define SPILL_EVICT_H

#include "paging/handler.h"

/* Trays that are given back at once: they share a flush (8 neighbours: 4 us a tray
 * instead of 27). */
#define RECLAIM_BATCH TRAY_FREE_MAX
/* Chunks that one call of evict_ahead evicts, so that faults are looked at in
 * between. */
#define EVICT_BATCH 8
/* The same while somebody waits for a page that this handler reads. */
#define EVICT_BATCH_HURRIED 2

/* Makes some room if it is needed; true if anything was done. */
bool evict_ahead(struct handler *handler);

/* Evicts [start, end) as far as it goes; *start moves on.  true: finished. */
bool evict_range(struct handler *handler, uintptr_t *start, uintptr_t end);

/* All pages of the chunk that may leave do, for a tray in which they are neither hashed nor
 * written until its frames are wanted: who touches one of them is seen (watch.h).  false: not
 * now. */
bool evict_unseen(struct handler *handler, struct chunk *chunk);
/* Those that left so, of this chunk, go back, or are written if they cannot; it is locked.
 * false: some are still to. */
bool evict_take_back(struct handler *handler, struct chunk *chunk);

/* The tray at the head of the second-chance queue with its frames, these offsets
 * among them, if the queue is as long as it should be with one more; or NULL, and
 * then more is evicted soon, if free frames are few.  It is the caller's, of no chunk: reading into it costs
 * neither a discard nor an allocation. */
struct tray *evict_recycle(struct handler *handler, uint64_t mask);

/* The frames of a tray that was picked are wanted: what is in it need not be kept, and it leaves its
 * chunk and the queue.  The caller holds (C). */
void evict_give_up(struct paging *paging, struct chunk *chunk, struct tray *tray);

/* Has a child of a fork ended, so that slots are free?  Gives when it is worth to look again, in ns.
 * Where there is memory to be had, nobody evicts, and nobody would see it. */
uint64_t evict_check_children(struct paging *paging);

#endif
