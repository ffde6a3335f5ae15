/* SPDX-License-Identifier: MIT */
/* readahead.h - windows and streams: how much comes along with a fault
 *
 * A stream is a sequence of faults that go up or down through the address
 * space, each about where the one before it predicted.  Several are followed at
 * once, told apart by address.  The window of a stream doubles with each fault
 * that it predicted; a fault that no stream predicted starts a new one with a
 * window of one page, so random access reads exactly one page a fault.
 *
 * Locking: (R) all of it, a leaf.
 */
#ifndef SPILL_READAHEAD_H
#define SPILL_READAHEAD_H

#include "lock.h"
#include "spill.h"

#define READAHEAD_STREAMS 16

struct stream {
	uint64_t up;	  /* (R) the page that the next fault upwards should be at */
	uint64_t down;	  /* (R) likewise downwards */
	uint32_t used;	  /* (R) when, as a count of faults: the oldest is replaced */
	uint16_t window;  /* (R) pages of the latest window; 0: unused */
	int8_t direction; /* (R) 1 up, -1 down, 0 not known yet */
};

/* What the application said of a range (spill_advise). */
struct advised {
	uint64_t start, end; /* (R) pages */
	unsigned advice;     /* (R) SPILL_SEQUENTIAL or SPILL_RANDOM */
};

/* Advice is a hint: of more ranges than this, the oldest is forgotten. */
#define READAHEAD_ADVISED 64

struct readahead {
	struct lock lock;
	struct advised advised[READAHEAD_ADVISED]; /* (R) disjoint, oldest first */
	unsigned advised_count;			   /* (R) */
	struct stream stream[READAHEAD_STREAMS];
	uint32_t clock; /* (R) */
	unsigned most;	/* pages of the largest window */
};

struct window {
	unsigned pages; /* the fault's own page included, >= 1 */
	bool down;	/* it reaches towards lower addresses */
};

/* A fault on this page (address / page size): what should come with it. */
struct window readahead_fault(struct readahead *readahead, uint64_t page);

/* Advice for the pages [start, end): SPILL_NORMAL forgets what was said. */
void readahead_advise(struct readahead *readahead, uint64_t start, uint64_t end, unsigned advice);

/* The stream that this fault was predicted by got only so many pages: the next
 * fault is to be expected behind them. */
void readahead_clip(struct readahead *readahead, uint64_t page, unsigned pages, bool down);

#endif
