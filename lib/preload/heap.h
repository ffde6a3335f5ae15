/* SPDX-License-Identifier: MIT */
/* heap.h - the allocator: jemalloc, on managed memory
 *
 * This and heap.c are all that know jemalloc's ways; malloc.c calls its je_
 * functions.  Arena 0 is plain: jemalloc starts with it, and keeps its threads'
 * caches there.  A process that needs no more stays there and pays nothing.
 * Once it outgrows that, each thread is bound to one of a few arenas whose
 * extents are regions:
 *
 *	jemalloc's tables	FILEs, the first few MiB	everything else
 *	(base blocks)		arena 0				arenas 1 to n
 *	plain			plain				managed
 *	allocator_mmap		allocator_mmap			extent_alloc
 *
 * Arenas are made as threads come, and shared by turns when there are four to a
 * CPU: each keeps half-used extents of its own.
 *
 * Invariant: an arena that a thread is bound to has our hooks since before its
 * first extent; jemalloc gives its own tables the hooks that it was born with,
 * which are the plain ones.
 * Locking: none of our own, what threads share is atomic.  The hooks are called
 * with jemalloc's locks held and call the pager; no handler ever wants those.
 */
#ifndef SPILL_PRELOAD_HEAP_H
#define SPILL_PRELOAD_HEAP_H

#define JEMALLOC_NO_RENAME
#include <jemalloc/jemalloc.h>
#include <stdbool.h>
#include <stddef.h>

/* May a thread that is not bound yet take size bytes from arena 0? */
bool heap_is_small(size_t size);

/* Gives the calling thread an arena of managed memory.  false: not now (there
 * is no pager yet, or no memory). */
bool heap_bind_thread(void);

/* From arena 0, past the thread's cache; align is a power of two.  NULL without
 * errno. */
void *heap_plain_alloc(size_t size, size_t align, bool zero);

/* Gives back what is free. */
void heap_trim(void);

/* One of jemalloc's statistics in bytes, such as "stats.allocated". */
size_t heap_stat(const char *name);

#endif
