/* SPDX-License-Identifier: MIT */
/* other_heap.c - the allocator of a library that the program was linked with: see other_heap.h
 *
 * The library is the one with the next malloc after ours, if that is not libc.  Relocations tell
 * what the other objects are bound to: they name each symbol in use.
 */
#define _GNU_SOURCE 1
#include "preload/other_heap.h"
#include "base/elf_object.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/source.h"
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct other_heap *_Atomic other_heap_found;
static struct other_heap functions; /* other_heap_found */

/* -- is anything bound to the other allocator? ------------------------------------------------- */

/* Functions in Debian's libraries that only report or tune.  A program that asks for nothing else
 * has our malloc; they then report about an allocator that has given nothing. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = {
		"mallctl",	 "mallctlnametomib",   "mallctlbymib",
		"malloc_conf",	 "malloc_stats_print", "malloc_message",
		"tc_version",	 "mi_version",	       "MallocExtension_GetNumericProperty",
		"mi_option_set", "mi_option_enable",   "MallocExtension_ReleaseFreeMemory",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static struct elf_object other; /* the library that the functions belong to */

struct search {
	const void *next_malloc, *in_libc;
	struct elf_object other, libc, ours;
	bool used;
};

static struct elf_object object_of(const struct dl_phdr_info *info)
{
	return elf_object_read(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum);
}

static int find_objects(struct dl_phdr_info *info, size_t size, void *context)
{
	struct elf_object object = object_of(info);
	struct search *search = context;

	(void)size;
	if (elf_object_has(&object, search->next_malloc))
		search->other = object;
	if (elf_object_has(&object, search->in_libc))
		search->libc = object;
	if (elf_object_has(&object, &functions))
		search->ours = object;
	return 0;
}

static bool is_door(const void *context, const char *name)
{
	const struct search *search = context;

	return elf_object_find(&search->other, name) && !elf_object_find(&search->ours, name) &&
	       !elf_object_find(&search->libc, name) && !is_harmless(name);
}

static int find_use(struct dl_phdr_info *info, size_t size, void *context)
{
	struct elf_object object = object_of(info);
	struct search *search = context;

	(void)size;
	search->used = object.start != search->other.start &&
		       elf_object_uses(&object, is_door, search);
	return search->used;
}

/* -- deciding ---------------------------------------------------------------------------------- */

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort(); /* libc has all of them */
	return found;
}

static const struct other_heap *take(const struct search *search)
{
	other = search->other;
	*(void **)&functions.malloc = next("malloc");
	*(void **)&functions.calloc = next("calloc");
	*(void **)&functions.realloc = next("realloc");
	*(void **)&functions.free = next("free");
	*(void **)&functions.posix_memalign = next("posix_memalign");
	*(void **)&functions.memalign = next("memalign");
	*(void **)&functions.usable_size = next("malloc_usable_size");
	atomic_store_explicit(&other_heap_found, &functions, memory_order_release);
	return &functions;
}

static const struct other_heap *decide(void)
{
	struct search search = { .next_malloc = next("malloc"),
				 .in_libc = next("gnu_get_libc_version") };

	dl_iterate_phdr(find_objects, &search);
	if (search.other.start == search.libc.start)
		return NULL;
	dl_iterate_phdr(find_use, &search);
	return search.used ? take(&search) : NULL;
}

const struct other_heap *other_heap_decide(void)
{
	static _Atomic bool decided;
	const struct other_heap *found;

	if (atomic_load_explicit(&decided, memory_order_acquire))
		return other_heap();
	preload_register_fork(); /* before the other allocator's */
	source_own_begin();
	found = decide();
	source_own_end();
	atomic_store_explicit(&decided, true, memory_order_release);
	return found;
}

/* -- the break --------------------------------------------------------------------------------- */

/* The break is not managed, and some allocators (tcmalloc) take memory there first.  If the break
 * does not move, they map. */
static void *move_break(intptr_t increment, const void *caller)
{
	static void *_Atomic next_sbrk;

	if (other_heap() && elf_object_has(&other, caller)) {
		errno = ENOMEM;
		return (void *)-1;
	}
	/* libc's own: sbrk may be the library's, which calls __sbrk. */
	return ((__typeof__(&sbrk))next_of(&next_sbrk, "__sbrk"))(increment);
}

PRELOAD_API void *sbrk(intptr_t increment)
{
	return move_break(increment, __builtin_return_address(0));
}

PRELOAD_API void *__sbrk(intptr_t increment);
PRELOAD_API void *__sbrk(intptr_t increment)
{
	return move_break(increment, __builtin_return_address(0));
}
