/* SPDX-License-Identifier: MIT */
/* source.h - where this thread's allocations come from
 *
 * Ordinarily they come from the heap (heap.h), which is managed memory.  There are two exceptions;
 * both nest:
 *
 *	own	the thread is making the pager: what libc allocates there (for
 *		dlsym) must neither be paged nor come from jemalloc, whose locks
 *		this thread may hold.  It is memory that is never freed (own.h)
 *	plain	a FILE is being made: jemalloc's memory, but not managed, since
 *		fork's child walks all FILEs before it has a pager
 *
 * Once the pager is made, nothing that it does allocates (a debug build asserts it).
 *
 * Invariant: fast implies bound, own == 0 and plain == 0.
 * Locking: none; each thread has its own, in static TLS, which is not managed memory.  A signal
 * handler leaves it as it found it.
 */
#ifndef SPILL_PRELOAD_SOURCE_H
#define SPILL_PRELOAD_SOURCE_H

#include <stdbool.h>

struct source_state {
	bool fast;  /* nothing to decide: the heap */
	bool bound; /* this thread has its arena (heap_bind_thread) */
	unsigned own, plain;
};

extern __thread struct source_state source __attribute__((tls_model("initial-exec")));

static inline void source_own_begin(void)
{
	source.own++;
	source.fast = false;
}

static inline void source_own_end(void)
{
	source.own--;
}

static inline void source_plain_begin(void)
{
	source.plain++;
	source.fast = false;
}

static inline void source_plain_end(void)
{
	source.plain--;
}

#endif
