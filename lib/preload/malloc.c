/* SPDX-License-Identifier: MIT */
/* malloc.c - the malloc family
 *
 * The whole family, as one allocator: a program that got some functions from here and others from
 * libc would free to one what the other allocated.  The common case is one test of a thread-local
 * byte, then jemalloc's function (heap.h); source.h explains the rest.  If another library takes
 * malloc's place (other_heap.h), these call its functions, and no thread is ever `fast'.
 */
#define _GNU_SOURCE 1
#include "base/error.h"
#include "base/guard.h"
#include "preload/heap.h"
#include "preload/next.h"
#include "preload/other_heap.h"
#include "preload/own.h"
#include "base/page.h"
#include "preload/preload.h"
#include "preload/source.h"
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* malloc's alignment on 64-bit machines. */
#define MALLOC_ALIGN 16

/* The largest object that is plain while a FILE is made: a struct of some 600 bytes, stdio's
 * buffers. fmemopen may ask for gigabytes. */
#define PLAIN_MOST 8192

enum from { FROM_HEAP, FROM_PLAIN, FROM_OWN, FROM_OTHER };

__attribute__((noinline)) static enum from decide(size_t size)
{
	if (source.own)
		return FROM_OWN;
	if (other_heap_decide())
		return FROM_OTHER;
	if (source.plain && size <= PLAIN_MOST)
		return FROM_PLAIN;
	if (!source.bound && !heap_is_small(size))
		source.bound = heap_bind_thread();
	source.fast = source.bound && !source.plain;
	return FROM_HEAP;
}

static inline enum from where_from(size_t size)
{
#ifdef SPILL_DEBUG
	if (guard_is_inside())
		error_fatal("malloc was called inside the pager");
#endif
	return __builtin_expect(source.fast, 1) ? FROM_HEAP : decide(size);
}

static void *alloc_other(size_t size, size_t align, bool zero)
{
	const struct other_heap *other = other_heap();

	if (zero)
		return other->calloc(1, size);
	return align > MALLOC_ALIGN ? other->memalign(align, size) : other->malloc(size);
}

/* Zeroed allocations have malloc's alignment. */
static void *alloc_special(enum from from, size_t size, size_t align, bool zero)
{
	void *ret;

	if (from == FROM_OTHER)
		ret = alloc_other(size, align, zero);
	else if (from == FROM_OWN)
		ret = own_alloc(size, align);
	else
		ret = heap_plain_alloc(size, align, zero);
	if (!ret)
		errno = ENOMEM;
	return ret;
}

static bool is_power_of_two(size_t n)
{
	return n && (n & (n - 1)) == 0;
}

PRELOAD_API void *malloc(size_t size)
{
	enum from from = where_from(size);

	if (from == FROM_HEAP)
		return heap_malloc(size);
	return alloc_special(from, size, MALLOC_ALIGN, false);
}

PRELOAD_API void *calloc(size_t n, size_t size)
{
	size_t bytes;
	enum from from;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	from = where_from(bytes);
	if (from == FROM_HEAP)
		return heap_calloc(n, size);
	return alloc_special(from, bytes, MALLOC_ALIGN, true);
}

PRELOAD_API void free(void *ptr)
{
	const struct other_heap *other = other_heap();

	if (__builtin_expect(own_has(ptr), 0))
		return;
	if (__builtin_expect(other != NULL, 0))
		other->free(ptr);
	else
		heap_free(ptr);
}

/* For what jemalloc's realloc cannot do.  If the old object is jemalloc's and we may not call it
 * now, the object is leaked. */
static void *realloc_special(enum from from, void *ptr, size_t size)
{
	size_t old;
	void *ret;

	if (from == FROM_OTHER && !own_has(ptr))
		return other_heap()->realloc(ptr, size);
	old = malloc_usable_size(ptr);
	if (ptr && size == 0) {
		free(ptr);
		return NULL;
	}
	ret = from == FROM_HEAP ? heap_malloc(size)
				: alloc_special(from, size, MALLOC_ALIGN, false);
	if (!ret)
		return NULL;
	if (ptr)
		memcpy(ret, ptr, old < size ? old : size);
	if (from != FROM_OWN)
		free(ptr);
	return ret;
}

PRELOAD_API void *realloc(void *ptr, size_t size)
{
	enum from from = where_from(size);
	void *ret;

	if (from != FROM_HEAP || own_has(ptr))
		return realloc_special(from, ptr, size);
	ret = heap_realloc(ptr, size);
	if (!ret && size)
		errno = ENOMEM; /* jemalloc does not set errno for an absurd size */
	return ret;
}

PRELOAD_API void *reallocarray(void *ptr, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(ptr, bytes);
}

PRELOAD_API size_t malloc_usable_size(void *ptr)
{
	const struct other_heap *other = other_heap();

	if (own_has(ptr))
		return own_size(ptr);
	return other ? other->usable_size(ptr) : heap_usable_size(ptr);
}

PRELOAD_API int posix_memalign(void **ret_ptr, size_t align, size_t size)
{
	enum from from = where_from(size);
	void *ptr;

	if (from == FROM_HEAP)
		return heap_posix_memalign(ret_ptr, align, size);
	if (!is_power_of_two(align) || align % sizeof(void *))
		return EINVAL;
	ptr = alloc_special(from, size, align, false);
	if (!ptr)
		return ENOMEM;
	*ret_ptr = ptr;
	return 0;
}

/* Like glibc: rounds an alignment up to a power of two. */
PRELOAD_API void *memalign(size_t align, size_t size)
{
	enum from from = where_from(size);
	size_t power = MALLOC_ALIGN;
	void *ret;

	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (power < align)
		power *= 2;
	if (from != FROM_HEAP)
		return alloc_special(from, size, power, false);
	ret = heap_memalign(power, size);
	if (!ret)
		errno = ENOMEM; /* as in realloc */
	return ret;
}

PRELOAD_API void *aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

PRELOAD_API void *valloc(size_t size)
{
	return memalign(page_size(), size);
}

PRELOAD_API void *pvalloc(size_t size)
{
	size_t rounded = page_round_up(size);

	if (rounded < size) {
		errno = ENOMEM;
		return NULL;
	}
	return memalign(page_size(), rounded);
}

/* From C23. */
PRELOAD_API void free_sized(void *ptr, size_t size);
PRELOAD_API void free_sized(void *ptr, size_t size)
{
	(void)size;
	free(ptr);
}

PRELOAD_API void free_aligned_sized(void *ptr, size_t align, size_t size);
PRELOAD_API void free_aligned_sized(void *ptr, size_t align, size_t size)
{
	(void)align;
	(void)size;
	free(ptr);
}

/* Gone from glibc's headers, but not from old programs. */
PRELOAD_API void cfree(void *ptr);
PRELOAD_API void cfree(void *ptr)
{
	free(ptr);
}

PRELOAD_API int malloc_trim(size_t pad)
{
	if (other_heap())
		return NEXT(malloc_trim)(pad);
	heap_trim();
	return 1;
}

/* These parameters tune glibc's allocator. */
PRELOAD_API int mallopt(int parameter, int value)
{
	return other_heap() ? NEXT(mallopt)(parameter, value) : 1;
}

/* --- the other names under which glibc exports its functions */

#define ALSO(other, name)                       \
	__asm__(".globl " #other "\n"           \
		".type " #other ", %function\n" \
		".set " #other ", " #name "\n")

ALSO(__libc_malloc, malloc);
ALSO(__libc_calloc, calloc);
ALSO(__libc_realloc, realloc);
ALSO(__libc_reallocarray, reallocarray);
ALSO(__libc_free, free);
ALSO(__libc_cfree, cfree);
ALSO(__libc_memalign, memalign);
ALSO(__libc_valloc, valloc);
ALSO(__libc_pvalloc, pvalloc);
ALSO(__libc_mallopt, mallopt);
ALSO(__posix_memalign, posix_memalign);
