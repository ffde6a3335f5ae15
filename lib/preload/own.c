/* SPDX-License-Identifier: MIT */
/* own.c - what a thread allocates while it is inside the pager: see own.h */
#include "preload/own.h"
#include <stdatomic.h>

/* Like malloc's; each object's size lies just before it. */
#define OWN_ALIGN 16

_Alignas(64) char own_memory[OWN_SIZE];
static _Atomic size_t own_used;

static uintptr_t align_up(uintptr_t n, size_t align)
{
	return (n + align - 1) & ~(uintptr_t)(align - 1);
}

void *own_alloc(size_t size, size_t align)
{
	uintptr_t base = (uintptr_t)own_memory;
	size_t used = atomic_load_explicit(&own_used, memory_order_relaxed);
	uintptr_t start;

	if (align < OWN_ALIGN)
		align = OWN_ALIGN;
	if (size > OWN_SIZE || align > OWN_SIZE)
		return NULL;
	do {
		start = align_up(base + used + sizeof(size_t), align);
		if (start + size > base + OWN_SIZE)
			return NULL;
	} while (!atomic_compare_exchange_weak(&own_used, &used, start + size - base));
	((size_t *)start)[-1] = size;
	return (void *)start;
}

size_t own_size(const void *ptr)
{
	return ((const size_t *)ptr)[-1];
}
