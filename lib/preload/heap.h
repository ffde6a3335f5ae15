/* SPDX-License-Identifier: MIT */
/* heap.h - the allocator: jemalloc, on managed memory
 *
 * Only this header, heap.c, heap_count.c and jemalloc_libc.c know jemalloc; another allocator would
 * have to provide what is declared here.  Arena 0 is plain: jemalloc starts with it, and keeps its
 * threads' caches there.  A process that needs no more stays there and pays nothing.  Once it
 * outgrows arena 0, each thread is bound to one of a few arenas whose extents are regions:
 *
 *	jemalloc's tables	FILEs, the first few MiB	everything else
 *	(base blocks)		arena 0				arenas 1 to n
 *	plain			plain				managed
 *	allocator_mmap		allocator_mmap			extent_alloc
 *
 * jemalloc keeps its books outside of the objects, so free() of an object that is paged out reads
 * nothing of it.
 *
 * Arenas are made as threads come.  When there are four per CPU, further threads share them in
 * turn: each arena keeps half-used extents of its own.
 *
 * Invariant: an arena that a thread is bound to had our hooks before its first extent.  jemalloc's
 * own tables get the hooks that jemalloc was born with, which are the plain ones.
 * Locking: none of our own; what threads share is atomic.  The hooks are called with jemalloc's
 * locks held, and call the pager; no handler ever wants those locks.
 */
#ifndef SPILL_PRELOAD_HEAP_H
#define SPILL_PRELOAD_HEAP_H

#define JEMALLOC_NO_RENAME
#include <jemalloc/jemalloc.h>
#include <stdbool.h>
#include <stddef.h>

/* Like libc's functions of these names, from the arena that the thread is bound to. */
static inline void *heap_malloc(size_t size)
{
	return je_malloc(size);
}

static inline void *heap_calloc(size_t n, size_t size)
{
	return je_calloc(n, size);
}

static inline void *heap_realloc(void *ptr, size_t size)
{
	return je_realloc(ptr, size);
}

static inline void heap_free(void *ptr)
{
	je_free(ptr);
}

static inline int heap_posix_memalign(void **ret_ptr, size_t align, size_t size)
{
	return je_posix_memalign(ret_ptr, align, size);
}

static inline void *heap_memalign(size_t align, size_t size)
{
	return je_memalign(align, size);
}

static inline size_t heap_usable_size(void *ptr)
{
	return je_malloc_usable_size(ptr);
}

/* On stderr, as malloc_stats(3) does. */
static inline void heap_print_stats(void)
{
	je_malloc_stats_print(NULL, NULL, "gmdablxeh");
}

/* May a thread that is not yet bound take size bytes from arena 0? */
bool heap_is_small(size_t size);

/* Gives the calling thread an arena of managed memory.  false: not now (there is no pager yet, or
 * no memory). */
bool heap_bind_thread(void);

/* From arena 0, bypassing the thread's cache; align is a power of two.  Returns NULL without
 * setting errno. */
void *heap_plain_alloc(size_t size, size_t align, bool zero);

/* Gives back what is free. */
void heap_trim(void);

/* What the heap consists of now; in bytes, unless a comment says otherwise. */
struct heap_count {
	size_t used; /* by objects */
	size_t held; /* by pages with objects on them, and by free pages that were not given back */
	size_t dirty;	      /* of held, the free pages */
	size_t mapped;	      /* how many objects there are that glibc would map singly */
	size_t mapped_bytes;  /* the bytes of these, part of used and of held */
	size_t header_bytes;  /* the bytes kept about these elsewhere */
	size_t free_pieces;   /* how many */
	size_t address_space; /* of all this */
};
struct heap_count heap_count(void);

#endif
