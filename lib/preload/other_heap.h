/* SPDX-License-Identifier: MIT */
/* other_heap.h - the allocator of a library that the program was linked with
 *
 * jemalloc, tcmalloc, mimalloc and their kin bring more than malloc: mallocx, tc_malloc, mi_malloc,
 * C++'s operator new.  Our malloc comes before theirs, but those other names are still theirs, so
 * memory of one allocator would be freed by the other.  So if any object that the process started
 * with is bound to such a name, all of malloc is left to that library: ours calls its functions.
 * Its memory is then managed like whatever else a program maps (address.c).  A program that uses
 * only malloc from such a library, or only looks at its statistics (mallctl), gets ours.
 * The break is refused to such a library, so that it maps its memory (sbrk).
 *
 * Invariant: the decision falls at the first allocation of the process, before anything is
 * allocated, and for good.
 * Locking: none.  Threads that decide at the same time come to the same result.
 */
#ifndef SPILL_PRELOAD_OTHER_HEAP_H
#define SPILL_PRELOAD_OTHER_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The library's counterparts of malloc's functions.  Those that report and tune are simply the next
 * ones of their names. */
struct other_heap {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t n, size_t size);
	void *(*realloc)(void *ptr, size_t size);
	void (*free)(void *ptr);
	int (*posix_memalign)(void **ret_ptr, size_t align, size_t size);
	void *(*memalign)(size_t align, size_t size);
	size_t (*usable_size)(void *ptr);
};

/* NULL: there is no other heap, or nothing was allocated yet. */
extern const struct other_heap *_Atomic other_heap_found;

static inline const struct other_heap *other_heap(void)
{
	return atomic_load_explicit(&other_heap_found, memory_order_acquire);
}

/* Decides, if that has not been done.  Allocates nothing, except what dlsym may (own, in
 * source.h). */
const struct other_heap *other_heap_decide(void);

#endif
