/* SPDX-License-Identifier: MIT */
/* accesses.h - what a program touches, page by page: generated or recorded
 *
 * The pager sees faults, never hits.  So a trace to replay comes from a
 * generator that does what programs do, or from a recording (trace.h) of one that
 * ran with a tiny budget, where nearly every touch of a page after others
 * is a fault.
 */
#ifndef ACCESSES_H
#define ACCESSES_H

#include <stddef.h>
#include <stdint.h>

struct accesses {
	char name[64];
	uint32_t pages; /* page numbers are below this; 64 make a chunk */
	size_t count;
	uint32_t *page;
};

#define ACCESSES_KINDS 15

/* One of the generated traces, over so many pages; the same for the same seed.
 * Exits if there is no memory. */
void accesses_generate(struct accesses *accesses, unsigned kind, uint32_t pages, uint64_t seed);

/* The faults of a recording, in their order.  Chunks are numbered anew, so that
 * sparse addresses fit.  0 or -errno (-EINVAL: not a recording). */
int accesses_load(struct accesses *accesses, const char *path);

void accesses_free(struct accesses *accesses);

#endif
