/* SPDX-License-Identifier: MIT */
/* model.h - how often pages would have to be read, by policy
 *
 * model_pager replays a trace through the pager's own code: policy.c, chunk.c and
 * arena.c as they are, with the marks of pager_set_limit.  There is no
 * userfaultfd, thread or disk: every write is done at once, and each fault brings
 * one page, since readahead would bring the same pages for any policy.
 *
 * The others are what it is measured against: single pages, no frame held back,
 * and they see every hit, which no pager can.
 *
 * Each gives the misses: faults on pages that are not in memory, first touches
 * included.
 */
#ifndef MODEL_H
#define MODEL_H

#include "accesses.h"

struct model_counts {
	uint64_t misses;
	uint64_t soft; /* faults served from a tray */
};

struct model_counts model_pager(const struct accesses *accesses, uint32_t frames);
uint64_t model_lru(const struct accesses *accesses, uint32_t frames);
uint64_t model_fifo(const struct accesses *accesses, uint32_t frames);
/* Belady's: the page that is needed last leaves. */
uint64_t model_optimum(const struct accesses *accesses, uint32_t frames);

#endif
