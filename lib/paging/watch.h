/* SPDX-License-Identifier: MIT */
/* watch.h - a sample of the chunks, whose every touch a recording has
 *
 * The pager sees faults, and with enough memory there are hardly any.  So while a trace is recorded
 * (trace.h) with SPILL_TRACE_SAMPLE=N, the pages of some chunks do not stay where they are.  A
 * chunk of the sample that was touched joins a queue.  When the queue is longer than a twentieth of
 * the sample, its oldest chunk leaves for a tray.  The next touch of it is a soft fault.  What
 * stays unseen are touches that follow one another so closely that even a tenth of the memory would
 * have been enough for them.
 *
 *	touch --> [ newest ... oldest ] --> tray, not saved (evict.h) ------.
 *	  ^            the queue                                            |
 *	  `---------------------- soft fault, recorded --------------------'
 *
 * A hash of their address says which chunks these are (SHARDS: Waldspurger et al., FAST 2015): the
 * same ones whenever they are touched.  At first it is all of them; when there are more than N,
 * half of them are given up, and so on (the threshold).  So a small program is recorded whole, and
 * the cost of recording does not grow with the program.  If touches come so often that the program
 * is slowed down, half are given up as well, down to a quarter of N.
 *
 * The pages in a watched chunk's tray may be nowhere else.  They are saved when the tray's frames are
 * wanted, as if they left then.  Before a fork all of them go back (evict.h).
 *
 * Invariant: a chunk is in the queue at most once (chunk->watched) and in the sample at most once
 * (chunk->sampled), and everything in the sample is below the threshold.
 * Locking: (W) the queue and the sample, a leaf with the rank of LOCK_POLICY.
 */
#ifndef SPILL_WATCH_H
#define SPILL_WATCH_H

#include "paging/handler.h"

/* Fewer chunks say nothing; more slow a run down too much. */
#define WATCH_MIN 16
#define WATCH_MAX 65536
#define WATCH_WHOLE (UINT64_C(1) << 32) /* a threshold that takes all */

struct watch {
	struct lock lock;
	_Atomic uint64_t threshold; /* (W) for writing; a part of 2^32 */
	unsigned capacity;	    /* chunks for which there is room */
	unsigned most;		    /* (W) for writing: most chunks in the sample */
	unsigned count;		    /* (W) chunks in the sample */
	unsigned first, queued;	    /* (W) the queue, a ring */
	uint64_t touches;	    /* (W) how many were recorded */
	uint64_t rate_since;	    /* (W) ns: when their rate was last looked at */
	_Atomic bool sweeping;	    /* some of what was here at the beginning has not left yet */
	uintptr_t swept;	    /* it has up to this address; the first handler's own */
	struct chunk **sample;	    /* (W) */
	struct chunk **queue;	    /* (W) */
};

/* Makes a watch for at most this many chunks, from the first touch on.  NULL: no memory. */
struct watch *watch_new(unsigned most);
/* NULL is ignored. */
void watch_free(struct watch *watch);

/* Starts over, with at most this many chunks, on a table that already has pages.  Looks at all its
 * rows, at some 20 ns a row. */
void watch_begin(struct watch *watch, const struct pagetable *table, unsigned most);
/* Watches no chunk any more.  What is in trays unwritten stays there until it is touched, or its
 * frames are wanted. */
void watch_end(struct watch *watch);
/* In the first handler: lets some more of what was here at the beginning leave.  false: none
 * did. */
bool watch_sweep(struct handler *handler);

/* A chunk is in the sample if the hash of its number is below the threshold.  Chunks are numbered
 * by address.  32 bits. */
uint64_t watch_hash(uint64_t number);

static inline bool watch_is_sweeping(const struct watch *watch)
{
	return watch && watch->sweeping;
}

/* Is the chunk in the sample, or would it be once touched?  Without a watch every chunk is. */
bool watch_takes(const struct watch *watch, const struct chunk *chunk);

/* Records what happened to these pages of the chunk, if there is a recording that takes it.  page:
 * the one that was touched, or the first. */
static inline void watch_note(struct handler *handler, enum trace_kind kind,
			      const struct chunk *chunk, unsigned page, uint64_t mask)
{
	if (__builtin_expect(handler->trace != NULL, 0) &&
	    watch_takes(handler->paging->watch, chunk))
		trace_append(handler->trace, kind, chunk_page_number(chunk, page), mask);
}

/* A fault on the chunk was served and its lock dropped.  There must be a watch. */
void watch_touched(struct handler *handler, struct chunk *chunk);

#endif
