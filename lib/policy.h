/* SPDX-License-Identifier: MIT */
/* policy.h - replacement: which chunk leaves next, and how long it may come back
 *
 * Segmented FIFO with a second chance (as VAX/VMS had it, where the hardware
 * kept no reference bits either): chunks leave in the order in which they came;
 * what left waits, with its frames, in a queue of trays; who touches it there
 * takes a soft fault, which is cheap, and the reference bit: the page is hot,
 * and spared when its chunk comes up again.
 *
 *	 first fill                evict                     reclaim
 *	-----------> [ chunks ] ------------> [ trays ] -------------> free frames
 *	                 ^                        |
 *	                 '------ soft fault ------'
 *
 * A chunk stands in the queue once, from its first resident page on, however
 * many pages follow.  How many frames wait in trays is the target: a share of
 * the budget.
 *
 * Invariant: a chunk with a resident page is queued, or in the hands of the
 * handler that picked it.
 * Locking: (P) both queues, a leaf.
 */
#ifndef SPILL_POLICY_H
#define SPILL_POLICY_H

#include "chunk.h"

struct policy {
	struct lock lock;
	struct chunk *oldest, *newest; /* (P) chunks, linked by newer and older */
	struct tray *head, *tail;      /* (P) trays, linked by next and prev */
	uint64_t chunk_count;	       /* (P) */
	uint64_t tray_count;	       /* (P) */
	_Atomic uint64_t waiting;      /* frames in queued trays */
};

/* The chunk has a resident page; nothing happens if it is queued already. */
void policy_insert(struct policy *policy, struct chunk *chunk);
/* Takes the chunk that is to leave next out of the queue; NULL: none. */
struct chunk *policy_pick(struct policy *policy);

/* A tray that was filled by an eviction, or ahead of a reader, joins the queue;
 * its chunk is locked. */
void policy_wait(struct policy *policy, struct tray *tray);
/* Takes up to n trays from the head; the number. */
unsigned policy_pick_trays(struct policy *policy, struct tray *trays[], unsigned n);
/* Puts one back to the head: it was not ready. */
void policy_unpick_tray(struct policy *policy, struct tray *tray);

/* A tray that was taken from the head is not put back: its frames wait no
 * more.  Its chunk is locked. */
void policy_leave(struct policy *policy, struct tray *tray);

/* Takes a tray that is of no use any more out of the queue, wherever it stands;
 * false: somebody has picked it.  Its chunk is locked. */
bool policy_remove(struct policy *policy, struct tray *tray);

/* How many frames should wait, for a budget of so many. */
uint64_t policy_target(const struct policy *policy, int64_t budget_frames);

#endif
