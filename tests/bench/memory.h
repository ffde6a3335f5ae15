/* SPDX-License-Identifier: MIT */
/* memory.h - the memory that a workload works on, of one of three kinds
 *
 * It is made of one region or of several of the same size; pages are numbered
 * through.  Workloads that need one piece use memory->base[0] and say so by
 * asking for one region.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <spill.h>

#include "bench.h"

struct memory {
	enum memory_kind kind;
	spill *pager; /* MEMORY_LIBRARY */
	int fd;	      /* MEMORY_FILE */
	size_t page;  /* bytes */
	size_t pages;
	size_t region_pages;
	size_t regions;
	char **base; /* of each region */
};

/* Rounded up so that all regions have the same number of whole pages. */
void memory_open(struct memory *memory, const struct options *options, size_t bytes,
		 size_t regions);
void memory_close(struct memory *memory);

/* A pager as the options want it. */
spill *memory_pager(const struct options *options);

size_t page_size(void);

static inline char *memory_page(const struct memory *memory, size_t i)
{
	return memory->base[i / memory->region_pages] + i % memory->region_pages * memory->page;
}

#endif /* MEMORY_H */
