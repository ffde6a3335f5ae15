/* SPDX-License-Identifier: MIT */
/* evict.h - chunks leave, and frames come free
 *
 * A whole chunk leaves at once, into a tray at the same offsets (depart.h), where nobody can write
 * to it any more.  The tray waits in the second-chance queue, and frames come free at the queue's
 * head.
 *
 * Before that each page is saved: hashed, and if it is all zeros dropped; if it has the hash that was
 * kept with its place it is clean; otherwise it gets a new place and joins a write.  Pages that come
 * back before are never written.  So they are saved late: those that wait, when three quarters of
 * their time are over, so that the write has ended when their frames are wanted; probes (policy.h),
 * which mostly come back, when their frames are wanted.  Where hardly any come back, or the device
 * may have no room, they are saved as they leave.  A fork's child gets what is resident or in the
 * store, but no trays: a fork waits until all is saved.
 *
 * Evictions run ahead of demand: they begin when fewer than budget.low frames are free, and end at
 * budget.high.
 */
#ifndef SPILL_EVICT_H
#define SPILL_EVICT_H

#include "paging/handler.h"

/* Most trays to give back at once: they share a flush (8 neighbours: 4 us a tray instead of 27). */
#define RECLAIM_BATCH TRAY_FREE_MAX
/* Most chunks that one call of evict_ahead evicts, so that faults are looked at in between. */
#define EVICT_BATCH 8
/* The same while somebody waits for this handler. */
#define EVICT_BATCH_HURRIED 2

/* Makes some room if any is needed.  true: something was done. */
bool evict_ahead(struct handler *handler);

/* Evicts what it can of [start, end), a chunk at a time; *start moves on.  true: finished. */
bool evict_range(struct handler *handler, uintptr_t *start, uintptr_t end);

/* Lets all pages of the chunk that may leave go into a tray, so that the next touch of each is seen
 * (watch.h).  false: not now. */
bool evict_watched(struct handler *handler, struct chunk *chunk);

/* A fork waits: saves all pages that are in trays unsaved, as far as it gets the locks.  Watched ones
 * go back if they can.  The caller is in no eviction. */
void evict_save_all(struct handler *handler);

/* Takes the tray at the head of the second-chance queue, frames included, if it has frames at these
 * offsets and the queue can spare it.  Otherwise returns NULL; if free frames are few, more is then
 * evicted soon.  The tray becomes the caller's and belongs to no chunk: reading into it costs
 * neither a discard nor an allocation. */
struct tray *evict_recycle(struct handler *handler, uint64_t mask);

/* The frames of a picked tray are wanted: its contents need not be kept, and it leaves its chunk
 * and the queue.  The caller holds (C). */
void evict_give_up(struct paging *paging, struct chunk *chunk, struct tray *tray);

/* Has a fork's child ended, so that slots are free?  Evictions look for that, but with memory to
 * spare nobody evicts.  Returns the ns after which it is worth looking again. */
uint64_t evict_check_children(struct paging *paging);

#endif
