/* SPDX-License-Identifier: MIT */
/* readahead.h - windows and streams: how much comes along with a fault
 *
 * A stream is a sequence of faults that goes up or down through the address space, or on by a
 * constant stride: each fault is about where the previous one predicted it.  Several streams are
 * followed at once and told apart by address.
 *
 *	        last          end                      next
 *	---------|=============|-----------------------|- - - - ->
 *	         the latest    it brought              nothing was asked for
 *	         fault         all before              from here on
 *
 * Two random faults are easily next to each other, and what then comes along pushes out other pages.
 * So the second fault of a stream gives it its direction, and from the third on its window doubles
 * with each fault that it predicted.  The part of the window in the fault's chunk comes with the
 * fault.  What the window has beyond is read ahead and left in trays
 * (ahead.h): the reader's first touch there is a soft fault, which moves the stream on.
 *
 * One chunk ahead is enough for a slow reader.  A window of more grows only when the reader comes to
 * a page that is still being read, until so many reads are in flight that the device never idles.
 * A fault asks for no more than two chunks: a device that is given a megabyte at once keeps
 * everybody else waiting for a millisecond.  What found no frames is asked for again with the
 * next.  When pages that were read ahead are given back untouched, the window is halved.
 *
 * A fault that no stream predicted starts a new stream with a window of one page: random access
 * reads exactly one page a fault.
 *
 * A missing page is predicted only where the latest fault left off, or some way beyond while the
 * stream is active: a random fault must not be taken for the next one of a stream that was there
 * once.
 *
 * Locking: (R) all of it, a leaf.
 */
#ifndef SPILL_READAHEAD_H
#define SPILL_READAHEAD_H

#include "base/lock.h"
#include "spill.h"
#include <limits.h>

#define READAHEAD_STREAMS 16

/* The largest window: a part of the budget, and at most about what a fast disk delivers while it
 * answers a few reads. */
#define READAHEAD_DIVISOR 64
#define READAHEAD_MAX 1024

struct stream {
	int64_t last;	  /* (R) page of the latest fault */
	int64_t end;	  /* (R) where the next fault on a missing page is expected */
	int64_t next;	  /* (R) the first page not asked for yet */
	int64_t stride;	  /* (R) pages from fault to fault, or 0 */
	uint32_t used;	  /* (R) when it was last used, as a count of faults */
	uint16_t window;  /* (R) pages (strided: steps) of the latest window; 0: unused */
	int8_t direction; /* (R) 1 up, -1 down, 0 unknown as yet, or strided */
	bool steady;	  /* (R) the stride was seen twice */
	bool late;	  /* (R) the reader came to a page that was still being read */
};

/* What the application has advised for a range (spill_advise). */
struct advised {
	uint64_t start, end; /* (R) pages */
	unsigned advice;     /* (R) SPILL_SEQUENTIAL or SPILL_RANDOM */
};

/* Advice is a hint: beyond this many ranges the oldest is forgotten. */
#define READAHEAD_ADVISED 64

#define READAHEAD_NO_CAP UINT_MAX

struct readahead {
	struct lock lock;
	struct advised advised[READAHEAD_ADVISED]; /* (R) disjoint, oldest first */
	unsigned advised_count;			   /* (R) */
	struct stream stream[READAHEAD_STREAMS];   /* (R) */
	uint32_t clock;				   /* (R) */
	unsigned streams;			   /* how many are followed */
	const _Atomic int64_t *budget; /* frames; the longest window is a part of this, */
	_Atomic unsigned cap;	       /* in pages, and no longer than this */
};

/* Pages to read before they are touched: count of them from first on, each step pages (which may be
 * negative) after the one before. */
struct ahead {
	int64_t first;
	unsigned count;
	int64_t step;
};

struct window {
	unsigned pages;	    /* in the fault's chunk, its own page included; >= 1 */
	bool down;	    /* they extend towards lower addresses */
	struct ahead ahead; /* in other chunks */
};

/* Follows this many streams at once, with no cap; the budget may change.  *readahead must be
 * zeroed. */
void readahead_init(struct readahead *readahead, unsigned streams, const _Atomic int64_t *budget);

/* Pages of the longest window. */
unsigned readahead_most(const struct readahead *readahead);

/* The pages of the fault's chunk that come with page i. */
uint64_t window_mask(struct window window, unsigned i);

/* A fault on this page (address / page size): what should come with it?  missing: it has to be
 * read, or to be made. */
struct window readahead_fault(struct readahead *readahead, uint64_t page, bool missing);

/* These pages of the window, in the fault's chunk, are already here or about to come by themselves.
 * The stream goes on where the next fault will be: at the first page that is neither. */
void readahead_clip(struct readahead *readahead, uint64_t page, struct window window,
		    uint64_t here);

/* A fault on a page that is being read: its stream should read further ahead. */
void readahead_late(struct readahead *readahead, uint64_t page);

/* This is left of what a fault asked for: there were no frames for it. */
void readahead_stopped(struct readahead *readahead, struct ahead left);

/* A page that was read ahead was never touched: its stream reads too far. */
void readahead_wasted(struct readahead *readahead, uint64_t page);

/* Advice for the pages [start, end).  SPILL_NORMAL forgets earlier advice. */
void readahead_advise(struct readahead *readahead, uint64_t start, uint64_t end, unsigned advice);

#endif
