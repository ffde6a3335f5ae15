/* SPDX-License-Identifier: MIT */
/* apportion.h - how much of the budget the compressed store may have
 *
 * A frame holds one page as it is, or two or three that are packed.  With a larger store, fewer faults
 * need a read; but more pages leave, since fewer stay as they are, and to pack and to unpack takes time.
 * So whether a store pays depends on the program, on its data, on the disk, and on the machine.  What
 * each share would cost is computed from what is counted, and the share goes where it costs least:
 *
 *	cost = pages that leave * (to let one leave
 *	                           + those that come back from the store * a compressed fault
 *	                           + those that come back later * a major fault
 *	                           + those that pass through it for nothing * to pass one on)
 *
 * How many come back from a store of a given size is read from a histogram of how long pages were away.
 * How many leave follows from the hit density of those that have just left: how likely a page comes back
 * while a frame keeps it, over how long that takes, for the best length of time.  It is right for a
 * loop, of which a part is kept, as for random touches (N. Beckmann, H. Chen, A. Cidon, LHD: Improving
 * Cache Hit Rate by Maximizing Hit Density, NSDI 2018).
 *
 * Where several threads wait for reads at once, a read costs only a part of its time.  A small store does
 * not take the pages of all chunks for a short time, but those of some for a long one: fewer pass through
 * it for nothing.
 *
 * Ages are counted in frames given up, as everywhere in policy.h.
 *
 * Locking: none; the counts are estimates, and whoever finds that it is time judges.
 */
#ifndef SPILL_APPORTION_H
#define SPILL_APPORTION_H

#include "command/budget.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Ages in 1/64 of the budget: each power of two has four buckets, up to 16 budgets. */
#define APPORTION_BUCKETS 40

struct apportion {
	const struct budget *budget;
	_Atomic int64_t share;			     /* frames that the store may have */
	_Atomic int64_t packed;			     /* pages in a frame of the store, in 1/16 */
	_Atomic int64_t given_up;		     /* frames, */
	_Atomic int64_t departed;		     /* pages that left and might be packed, */
	_Atomic int64_t returned[APPORTION_BUCKETS]; /* and pages that came back, by their ages */
	_Atomic int64_t fault_ns; /* what a compressed fault costs, and a major one, */
	_Atomic int64_t major_ns;
	_Atomic int64_t evict_ns; /* to let a page leave, */
	_Atomic int64_t pass_ns;  /* and to pass one on from the store to swap space */
	_Atomic int waiting;	  /* faults that are being served */
	_Atomic uint64_t judged;  /* when, in frames given up */
};

void apportion_init(struct apportion *apportion, const struct budget *budget);

/* Frames that the store may have. */
int64_t apportion_share(const struct apportion *apportion);
/* Do pages of this chunk go there? */
bool apportion_admits(const struct apportion *apportion, uintptr_t chunk);

/* So many pages left that the store might have had: all but those that are used in order. */
void apportion_note_left(struct apportion *apportion, unsigned pages);
/* One of them came back, or is being read, that had been away for so long. */
void apportion_note_return(struct apportion *apportion, int64_t age);

/* So many more faults, or fewer, wait to be served. */
void apportion_note_waiting(struct apportion *apportion, int more);
/* A compressed fault, or a major one, was served in this time, and still counts among them. */
void apportion_note_compressed(struct apportion *apportion, uint64_t ns);
void apportion_note_major(struct apportion *apportion, uint64_t ns);
/* So many pages left, or were passed on, in this time. */
void apportion_note_evicted(struct apportion *apportion, unsigned pages, uint64_t ns);
void apportion_note_passed(struct apportion *apportion, unsigned pages, uint64_t ns);

/* Now and then: so many frames were ever given up, and the store has so many pages in so many bytes. */
void apportion_judge(struct apportion *apportion, uint64_t left, uint64_t pages, uint64_t bytes);

#endif
