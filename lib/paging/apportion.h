/* SPDX-License-Identifier: MIT */
/* apportion.h - how much of the budget the compressed store may have
 *
 * A frame holds one page as it is, or two or three that are packed.  With one frame more for pages as
 * they are, some compressed faults would not happen: those on pages that left just now.  With one more
 * for the store, some major faults would be compressed ones: those on pages that the store has just
 * passed on.  With one less, some compressed faults would be major ones: those on its oldest pages.
 * All three are seen, so they are counted, each with the time that it costs, and the share of the
 * store goes where time is saved.
 *
 *	left:       |<-- a step -->|             |<- a step, in pages ->|<- as much ->|
 *	age of page 0 -------------+------ ... --+---------------------- oldest ------+--->
 *	            compressed,                   compressed,             major,
 *	            would be resident             would be major          would be compressed
 *
 * Ages are counted in frames given up, as everywhere in policy.h.
 *
 * Locking: none; the counts are estimates, and whoever finds that it is time judges.
 */
#ifndef SPILL_APPORTION_H
#define SPILL_APPORTION_H

#include "command/budget.h"
#include <stdatomic.h>
#include <stdint.h>

struct apportion {
	const struct budget *budget;
	_Atomic int64_t share;	  /* frames that the store may have */
	_Atomic int64_t oldest;	  /* how old the oldest pages in the store are */
	_Atomic int64_t packed;	  /* pages in a frame of the store, in 1/16 */
	_Atomic int64_t young;	  /* ns that more pages as they are would have saved, */
	_Atomic int64_t beyond;	  /* that a larger store would have, */
	_Atomic int64_t old;	  /* and that a smaller one would have cost */
	_Atomic int64_t fault_ns; /* what a compressed fault costs, and a major one */
	_Atomic int64_t major_ns;
	_Atomic int64_t evict_ns; /* and what it costs to let a page leave for it */
	_Atomic uint64_t judged;  /* when, in frames given up */
};

void apportion_init(struct apportion *apportion, const struct budget *budget);

/* Frames that the store may have. */
int64_t apportion_share(const struct apportion *apportion);

/* A page came back that had been away for so long, and took this time. */
void apportion_note_compressed(struct apportion *apportion, int64_t age, uint64_t ns);
void apportion_note_major(struct apportion *apportion, int64_t age);
void apportion_note_major_ns(struct apportion *apportion, uint64_t ns);
/* So many pages left in this time. */
void apportion_note_evicted(struct apportion *apportion, unsigned pages, uint64_t ns);
/* The oldest page of the store has been away for so long. */
void apportion_note_oldest(struct apportion *apportion, int64_t age);

/* Now and then: so many frames were ever given up, and so many pages are in these frames of the
 * store. */
void apportion_judge(struct apportion *apportion, uint64_t left, uint64_t pages, uint64_t frames);

#endif
