/* SPDX-License-Identifier: MIT */
/* reference.h - what the replacement policy is measured against
 *
 * reference_pager replays a trace through the pager's own code (model.h), a page at a time.
 * The others are single pages, no frame held back, and they see every hit, which no pager can.
 *
 * Each gives the misses: faults on pages that are not in memory, first touches
 * included.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "accesses.h"

struct reference_counts {
	uint64_t misses;
	uint64_t soft; /* faults served from a tray */
};

struct reference_counts reference_pager(const struct accesses *accesses, uint32_t frames);
uint64_t reference_lru(const struct accesses *accesses, uint32_t frames);
uint64_t reference_fifo(const struct accesses *accesses, uint32_t frames);
/* Belady's: the page that is needed last leaves. */
uint64_t reference_optimum(const struct accesses *accesses, uint32_t frames);

#endif
