/* SPDX-License-Identifier: MIT */
/* malloc_info.c - mallinfo, malloc_info, malloc_stats: what glibc reports of its heap, for ours
 *
 *	glibc				ours
 *	hblks, hblkhd	mapped singly	objects from 128 KiB up
 *	arena		the heap	pages with smaller objects, and free ones not given back
 *	uordblks	in use		smaller objects
 *	ordblks		free pieces	free places between objects, and runs of free pages
 *	keepcost	malloc_trim's	free pages
 *
 * Our heap has no fastbins, and reports none.  Where another library takes malloc's place, it
 * reports about itself.
 */
#define _GNU_SOURCE 1
#include "preload/heap.h"
#include "preload/next.h"
#include "preload/other_heap.h"
#include "preload/preload.h"
#include <malloc.h>
#include <stdio.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

PRELOAD_API struct mallinfo2 mallinfo2(void)
{
	struct mallinfo2 info = { 0 };
	struct heap_count count;

	if (other_heap())
		return NEXT(mallinfo2)();
	count = heap_count();
	info.hblks = count.mapped;
	info.hblkhd = count.mapped_bytes + count.header_bytes;
	/* Other threads go on meanwhile, so the sums may not quite agree. */
	info.arena = count.held - least(count.held, count.mapped_bytes);
	info.uordblks = least(count.used - least(count.used, count.mapped_bytes), info.arena);
	info.fordblks = info.arena - info.uordblks;
	info.ordblks = count.free_pieces;
	info.keepcost = least(count.dirty, info.fordblks);
	return info;
}

PRELOAD_API struct mallinfo mallinfo(void)
{
	struct mallinfo2 info = mallinfo2();

	return (struct mallinfo){
		.arena = (int)info.arena,
		.ordblks = (int)info.ordblks,
		.hblks = (int)info.hblks,
		.hblkhd = (int)info.hblkhd,
		.uordblks = (int)info.uordblks,
		.fordblks = (int)info.fordblks,
		.keepcost = (int)info.keepcost,
	};
}

/* In glibc's format, but only the sums. */
PRELOAD_API int malloc_info(int options, FILE *file)
{
	struct mallinfo2 info;

	if (other_heap())
		return NEXT(malloc_info)(options, file);
	if (options != 0)
		return EINVAL;
	info = mallinfo2();
	fprintf(file,
		"<malloc version=\"1\">\n"
		"<total type=\"fast\" count=\"0\" size=\"0\"/>\n"
		"<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
		"<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n"
		"<system type=\"current\" size=\"%zu\"/>\n"
		"<system type=\"max\" size=\"%zu\"/>\n"
		"<aspace type=\"total\" size=\"%zu\"/>\n"
		"</malloc>\n",
		info.ordblks, info.fordblks, info.hblks, info.hblkhd, info.arena, info.arena,
		heap_count().address_space);
	return 0;
}

/* Only the sums: nothing about options, single arenas, bins, extents or mutexes. */
PRELOAD_API void malloc_stats(void)
{
	if (other_heap())
		NEXT(malloc_stats)();
	else
		heap_print_stats();
}

/* glibc's own name for it (the others are in malloc.c). */
__asm__(".globl __libc_mallinfo\n"
	".type __libc_mallinfo, %function\n"
	".set __libc_mallinfo, mallinfo\n");
