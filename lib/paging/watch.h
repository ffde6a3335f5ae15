/* SPDX-License-Identifier: MIT */
/* watch.h - a sample of the chunks, of which a recording has every touch
 *
 * The pager sees faults, and with enough memory there are hardly any.  So while a trace is
 * recorded (trace.h) with SPILL_TRACE_SAMPLE=N, the pages of some chunks do not stay where they
 * are: a chunk of the sample that was touched joins a queue, and leaves its head for a tray
 * when the queue is a twentieth of the sample.  Whoever touches it next takes a soft fault.  What
 * is not seen are touches that follow one another so closely that a tenth of the memory would
 * have had them too.
 *
 *	touch --> [ newest ... oldest ] --> tray, not hashed, not written --.
 *	  ^            the queue                                            |
 *	  `---------------------- soft fault, recorded --------------------'
 *
 * Which chunks those are a hash of their address says (SHARDS: Waldspurger et al., FAST 2015):
 * the same ones whenever they are touched.  All are, until there are more than N; then half of
 * them, and so on (the threshold).  So a small program is recorded whole, and what it costs to
 * record a large one does not grow with it.  When touches come so often that the program is
 * slowed down, half of them are given up as well, down to a quarter of N.
 *
 * A tray of a chunk that is watched holds no copy of anything: its pages are hashed and
 * written when its frames are wanted, as if they left then (evict.h).  Before a fork all go
 * back, since its child has what is here or on swap space, and no trays.
 *
 * Invariant: a chunk is in the queue at most once (chunk->watched), in the sample at most
 * once (chunk->sampled), and all that are in the sample are below the threshold.
 * Locking: (W) the queue and the sample, a leaf of the rank of LOCK_POLICY.
 */
#ifndef SPILL_WATCH_H
#define SPILL_WATCH_H

#include "paging/handler.h"

/* Fewer say nothing; more are more than one run can be slowed down for. */
#define WATCH_MIN 16
#define WATCH_MAX 65536
#define WATCH_WHOLE (UINT64_C(1) << 32) /* a threshold below which all are */

struct watch {
	struct lock lock;
	_Atomic uint64_t threshold; /* (W) for writing; of 2^32 */
	unsigned capacity;	    /* chunks for which there is room */
	unsigned most;		    /* (W) for writing: chunks of the sample */
	unsigned count;		    /* (W) that it has */
	unsigned first, queued;	    /* (W) of the queue, which is a ring */
	uint64_t touches;	    /* (W) that were recorded, */
	uint64_t rate_since;	    /* (W) ns: when it was last looked how fast they come */
	_Atomic uint64_t left;	    /* how often pages left for such a tray; advanced under (C) */
	_Atomic uint64_t back;	    /* what left was when all that had left were found to be back */
	_Atomic bool sweeping;	    /* not all that was here at the beginning has left */
	uintptr_t swept;	    /* up to this address it has; the first handler's own */
	struct chunk **sample;	    /* (W) */
	struct chunk **queue;	    /* (W) */
};

/* Of so many chunks at most, from the first that is touched on.  NULL: no memory. */
struct watch *watch_new(unsigned most);
/* NULL is ignored. */
void watch_free(struct watch *watch);

/* Begins anew, with so many chunks at most, of a table that has pages already.  Looks at all its
 * rows, which takes some 20 ns for each. */
void watch_begin(struct watch *watch, const struct pagetable *table, unsigned most);
/* No chunk is watched any more.  What is in trays unwritten stays there until it is touched, or its
 * frames are wanted. */
void watch_end(struct watch *watch);
/* In the first handler: some more of what was here at the beginning leaves.  false: none did. */
bool watch_sweep(struct handler *handler);

/* What decides: it is in the sample if this is below the threshold; chunks are numbered by their
 * address.  Of 32 bits. */
uint64_t watch_hash(uint64_t number);

/* May pages be in such trays? */
static inline bool watch_is_away(const struct watch *watch)
{
	return watch && watch->back != watch->left;
}

static inline bool watch_is_sweeping(const struct watch *watch)
{
	return watch && watch->sweeping;
}

/* Is the chunk one of the sample, or would be if it were touched?  Without a watch all are. */
bool watch_takes(const struct watch *watch, const struct chunk *chunk);

/* Notes what happened to these pages of it, if there is a recording and it takes the chunk.  page:
 * the one that was touched, or the first. */
static inline void watch_note(struct handler *handler, enum trace_kind kind,
			      const struct chunk *chunk, unsigned page, uint64_t mask)
{
	if (__builtin_expect(handler->trace != NULL, 0) &&
	    watch_takes(handler->paging->watch, chunk))
		trace_append(handler->trace, kind, (chunk->address >> page_shift()) + page, mask);
}

/* A fault on the chunk was served, and its lock given back; there is a watch. */
void watch_touched(struct handler *handler, struct chunk *chunk);

/* A fork waits: what is in trays unwritten goes back, as far as locks are to be had.  The
 * caller is in no eviction. */
void watch_call_back(struct handler *handler);

#endif
