/* SPDX-License-Identifier: MIT */
/* other_heap.h - the allocator of a library that the program was linked with
 *
 * jemalloc, tcmalloc, mimalloc and their like bring more than malloc: mallocx, tc_malloc, mi_malloc,
 * C++'s operator new.  Our malloc comes before theirs, but those names are still theirs, and what one
 * allocator gave the other would free.  So if anything that the process was started with is bound to
 * such a name, all of malloc is left to that library: ours calls its functions.  Its memory is
 * managed then as what any program maps is (address.c).  A program that wants nothing but malloc of
 * such a library, or looks at its statistics (mallctl), has ours.
 *
 * Invariant: it is decided at the first allocation of the process, before any is made, and for good.
 * Locking: none.  Threads that decide at once come to the same.
 */
#ifndef SPILL_PRELOAD_OTHER_HEAP_H
#define SPILL_PRELOAD_OTHER_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The functions of that library that are as malloc's; those that tell and tune are the next ones of
 * their name. */
struct other_heap {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t n, size_t size);
	void *(*realloc)(void *ptr, size_t size);
	void (*free)(void *ptr);
	int (*posix_memalign)(void **ret_ptr, size_t align, size_t size);
	void *(*memalign)(size_t align, size_t size);
	size_t (*usable_size)(void *ptr);
};

/* NULL: there is none, or nothing was allocated yet. */
extern const struct other_heap *_Atomic other_heap_found;

static inline const struct other_heap *other_heap(void)
{
	return atomic_load_explicit(&other_heap_found, memory_order_acquire);
}

/* Decides, if that was not done yet.  Allocates nothing, but what dlsym may (source.h: own). */
const struct other_heap *other_heap_decide(void);

#endif
