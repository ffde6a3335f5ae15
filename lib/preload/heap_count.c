/* SPDX-License-Identifier: MIT */
/* heap_count.c - how many pieces the heap consists of: heap_count of heap.h
 *
 * Reads jemalloc's statistics of all arenas, one size class after the other.  Each name is looked
 * up once; then the number of the class is filled in (mallctlbymib).
 */
#include "preload/heap.h"
#include "base/page.h"
#include <limits.h>
#include <stdint.h>

/* From this size up, glibc maps each object by itself (M_MMAP_THRESHOLD). */
#define MAPPED_LEAST ((size_t)128 << 10)

/* What jemalloc keeps about each such object (edata_t), where glibc has a header. */
#define MAPPED_HEADER ((size_t)128)

#define NAME_DEPTH 6

#define TEXT_OF(n) #n
#define STATS(leaf) STATS_(MALLCTL_ARENAS_ALL, leaf)
#define STATS_(all, leaf) "stats.arenas." TEXT_OF(all) "." leaf

struct name {
	size_t mib[NAME_DEPTH], depth;
	size_t place; /* where the class's number goes; it is 0 in the name */
};

static struct name name_of(const char *text, size_t place)
{
	struct name name = { .depth = NAME_DEPTH, .place = place };

	if (je_mallctlnametomib(text, name.mib, &name.depth))
		name.depth = 0;
	return name;
}

static bool read_class(struct name *name, unsigned class, void *ret, size_t size)
{
	if (!name->depth)
		return false;
	name->mib[name->place] = class;
	return je_mallctlbymib(name->mib, name->depth, ret, &size, NULL, 0) == 0;
}

static size_t heap_stat(const char *name)
{
	size_t value = 0, size = sizeof(value);

	je_mallctl(name, &value, &size, NULL, 0);
	return value;
}

/* Counts objects that glibc would have mapped. */
static void count_mapped(struct heap_count *count)
{
	struct name bytes = name_of("arenas.lextent.0.size", 2);
	struct name number = name_of(STATS("lextents.0.curlextents"), 4);
	size_t size, n;

	for (unsigned class = 0; read_class(&bytes, class, &size, sizeof(size)); class ++) {
		if (size < MAPPED_LEAST || !read_class(&number, class, &n, sizeof(n)))
			continue;
		count->mapped += n;
		count->mapped_bytes += n * size;
	}
	count->header_bytes = count->mapped * MAPPED_HEADER;
}

/* Counts free places between objects of the same size. */
static void count_places(struct heap_count *count)
{
	struct name places = name_of("arenas.bin.0.nregs", 2);
	struct name slabs = name_of(STATS("bins.0.curslabs"), 4);
	struct name taken = name_of(STATS("bins.0.curregs"), 4);
	size_t n_slabs, n_taken;
	uint32_t n;

	for (unsigned class = 0; read_class(&places, class, &n, sizeof(n)); class ++)
		if (read_class(&slabs, class, &n_slabs, sizeof(n_slabs)) &&
		    read_class(&taken, class, &n_taken, sizeof(n_taken)) && n_slabs * n > n_taken)
			count->free_pieces += n_slabs * n - n_taken;
}

/* Counts free pages. */
static void count_extents(struct heap_count *count)
{
	struct name dirty = name_of(STATS("extents.0.ndirty"), 4);
	size_t n;

	for (unsigned class = 0; read_class(&dirty, class, &n, sizeof(n)); class ++)
		count->free_pieces += n;
}

struct heap_count heap_count(void)
{
	struct heap_count count = { 0 };
	uint64_t epoch = 1;

	/* To the program, what this thread's cache holds is free. */
	je_mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	je_mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch)); /* refreshes the values */
	count.used = heap_stat("stats.allocated");
	count.dirty = heap_stat(STATS("pdirty")) << page_shift();
	count.held = heap_stat("stats.active") + count.dirty;
	count.address_space = heap_stat("stats.mapped");
	count_mapped(&count);
	count_places(&count);
	count_extents(&count);
	return count;
}
