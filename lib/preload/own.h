/* SPDX-License-Identifier: MIT */
/* own.h - what a thread allocates while it is inside the pager
 *
 * A few small objects that live as long as the process.  They lie in the library's .bss, which is
 * never managed.  The linker knows its address, so free() recognizes them in two instructions.
 *
 * Invariant: nothing is ever given back; own_used only grows.
 * Locking: none; one atomic counter.  Safe in a fork's child at any moment.
 */
#ifndef SPILL_PRELOAD_OWN_H
#define SPILL_PRELOAD_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In bytes; what is not touched costs nothing. */
#define OWN_SIZE ((size_t)256 << 10)

extern char own_memory[OWN_SIZE];

/* Zeroed; align is a power of two.  NULL when there is no room left. */
void *own_alloc(size_t size, size_t align);

static inline bool own_has(const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)own_memory < OWN_SIZE;
}

/* The size that an object was allocated with. */
size_t own_size(const void *ptr);

#endif
