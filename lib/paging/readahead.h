/* SPDX-License-Identifier: MIT */
/* readahead.h - windows and streams: how much comes along with a fault
 *
 * A stream is a sequence of faults that go up or down through the address
 * space, or by a constant stride, each about where the one before it predicted.
 * Several are followed at once, told apart by address.
 *
 *	        last          end                      next
 *	---------|=============|-----------------------|- - - - ->
 *	         the latest    it brought              nothing was asked for
 *	         fault         all before              from here on
 *
 * The window of a stream doubles with each fault that it predicted.  What lies
 * in the chunk of the fault comes with it; what the window has beyond that is
 * read ahead, and left in trays (ahead.h): the reader's first touch there is a
 * soft fault, which moves the stream on.  So several reads are in flight, and
 * the device never waits.  When pages that were read ahead are given back
 * untouched the window is halved.  A fault that no stream predicted starts a new
 * one with a window of one page: random access reads exactly one page a fault.
 *
 * A page that is missing is predicted only where the latest fault left off, or some
 * way behind that while the stream is active: a random fault must not be taken for
 * that of a stream that was there once.
 *
 * Locking: (R) all of it, a leaf.
 */
#ifndef SPILL_READAHEAD_H
#define SPILL_READAHEAD_H

#include "base/lock.h"
#include "spill.h"
#include <limits.h>

#define READAHEAD_STREAMS 16

/* The largest window: a part of the budget, and no more pages than about what a fast
 * disk delivers in the time of a few of its reads. */
#define READAHEAD_DIVISOR 64
#define READAHEAD_MAX 1024

struct stream {
	int64_t last;	  /* (R) page of the latest fault */
	int64_t end;	  /* (R) where the next fault on a missing page should be */
	int64_t next;	  /* (R) the first page that was not asked for */
	int64_t stride;	  /* (R) pages from fault to fault, or 0 */
	uint32_t used;	  /* (R) when, as a count of faults */
	uint16_t window;  /* (R) pages (strided: steps) of the latest window; 0: unused */
	int8_t direction; /* (R) 1 up, -1 down, 0 not known yet, or strided */
	bool steady;	  /* (R) the stride was seen twice */
};

/* What the application said of a range (spill_advise). */
struct advised {
	uint64_t start, end; /* (R) pages */
	unsigned advice;     /* (R) SPILL_SEQUENTIAL or SPILL_RANDOM */
};

/* Advice is a hint: of more ranges than this, the oldest is forgotten. */
#define READAHEAD_ADVISED 64

#define READAHEAD_NO_CAP UINT_MAX

struct readahead {
	struct lock lock;
	struct advised advised[READAHEAD_ADVISED]; /* (R) disjoint, oldest first */
	unsigned advised_count;			   /* (R) */
	struct stream stream[READAHEAD_STREAMS];   /* (R) */
	uint32_t clock;				   /* (R) */
	unsigned streams;			   /* that are followed */
	const _Atomic int64_t *budget; /* frames: the longest window is a part of them */
	_Atomic unsigned cap;	       /* pages: and no longer than this */
};

/* Pages to be read before they are touched: count of them from first on, each
 * step pages (which may be negative) from the one before it. */
struct ahead {
	int64_t first;
	unsigned count;
	int64_t step;
};

struct window {
	unsigned pages;	    /* of the fault's chunk, its own page included; >= 1 */
	bool down;	    /* they reach towards lower addresses */
	struct ahead ahead; /* in other chunks */
};

/* Follows so many streams at once, with no cap, in a budget of so many frames, which may change.
 * What it is in must be zero. */
void readahead_init(struct readahead *readahead, unsigned streams, const _Atomic int64_t *budget);

/* Pages of the longest window. */
unsigned readahead_most(const struct readahead *readahead);

/* The pages of the fault's chunk that come with page i of it. */
uint64_t window_mask(struct window window, unsigned i);

/* A fault on this page (address / page size): what should come with it.
 * missing: it has to be read, or to be made. */
struct window readahead_fault(struct readahead *readahead, uint64_t page, bool missing);

/* Of the window of the fault on this page these pages of its chunk are here, or about to come by
 * themselves.  The stream goes on where the next fault will be: at the first that is not. */
void readahead_clip(struct readahead *readahead, uint64_t page, struct window window,
		    uint64_t here);

/* A page that was read ahead was never touched: its stream reads too far. */
void readahead_wasted(struct readahead *readahead, uint64_t page);

/* Advice for the pages [start, end): SPILL_NORMAL forgets what was said. */
void readahead_advise(struct readahead *readahead, uint64_t start, uint64_t end, unsigned advice);

#endif
