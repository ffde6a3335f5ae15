/* SPDX-License-Identifier: MIT */
/* memory.c - see memory.h */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

spill *memory_pager(const struct options *options)
{
	struct spill_options wanted = SPILL_OPTIONS_INIT;
	spill *pager;

	wanted.budget = options->budget;
	wanted.swap = options->swap;
	wanted.handlers = options->handlers;
	pager = spill_open(&wanted);
	if (!pager)
		bench_fail_errno("spill_open");
	return pager;
}

static void advise_huge(char *base, size_t bytes, enum huge_pages huge)
{
	if (huge != HUGE_DEFAULT &&
	    madvise(base, bytes, huge == HUGE_YES ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		bench_fail_errno("madvise");
}

static char *reserve(const struct memory *memory, size_t bytes)
{
	char *base = spill_reserve(memory->pager, bytes);

	if (!base)
		bench_fail_errno("spill_reserve");
	return base;
}

static char *map_plain(size_t bytes)
{
	char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		bench_fail_errno("mmap");
	return base;
}

/* Blocks that were never written would be read without a disk access. */
static void write_whole(int fd, size_t bytes)
{
	char *zeros = calloc(1, MIB);

	if (!zeros)
		bench_fail("out of memory");
	for (size_t at = 0; at < bytes; at += MIB)
		if (pwrite(fd, zeros, bytes - at < MIB ? bytes - at : MIB, (off_t)at) < 0)
			bench_fail_errno("write to the mapped file");
	free(zeros);
	if (fdatasync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		bench_fail_errno("sync of the mapped file");
}

static char *map_file(struct memory *memory, const char *path, size_t bytes)
{
	char *base;

	memory->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (memory->fd < 0)
		bench_fail_errno(path);
	write_whole(memory->fd, bytes);
	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
	if (base == MAP_FAILED)
		bench_fail_errno("mmap of the file");
	return base;
}

static char *region_open(struct memory *memory, const struct options *options)
{
	size_t bytes = memory->region_pages * memory->page;
	char *base;

	if (memory->kind == MEMORY_FILE)
		return map_file(memory, options->path, bytes);
	base = memory->kind == MEMORY_LIBRARY ? reserve(memory, bytes) : map_plain(bytes);
	advise_huge(base, bytes, options->huge);
	return base;
}

void memory_open(struct memory *memory, const struct options *options, size_t bytes, size_t regions)
{
	memset(memory, 0, sizeof(*memory));
	memory->kind = options->memory;
	memory->fd = -1;
	memory->page = page_size();
	memory->regions = regions;
	memory->region_pages = (bytes / regions + memory->page - 1) / memory->page;
	memory->pages = memory->region_pages * regions;
	memory->base = calloc(regions, sizeof(*memory->base));
	if (!memory->base)
		bench_fail("out of memory");
	if (memory->kind == MEMORY_FILE && regions > 1)
		bench_fail("a file makes one region only");
	if (memory->kind == MEMORY_LIBRARY)
		memory->pager = memory_pager(options);
	for (size_t r = 0; r < regions; r++)
		memory->base[r] = region_open(memory, options);
}

void memory_close(struct memory *memory)
{
	for (size_t r = 0; r < memory->regions; r++)
		if (memory->kind != MEMORY_LIBRARY)
			munmap(memory->base[r], memory->region_pages * memory->page);
	spill_close(memory->pager);
	if (memory->fd >= 0)
		close(memory->fd);
	free(memory->base);
}
