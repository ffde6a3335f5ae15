/* SPDX-License-Identifier: MIT */
/* pagemap.h - which pages of this process the kernel has
 *
 * /proc/self/pagemap tells apart what mincore(2) does not: a page that the
 * kernel itself has swapped out is there as well.  Where /proc is missing,
 * mincore has to do.
 */
#ifndef SPILL_PAGEMAP_H
#define SPILL_PAGEMAP_H

#include <stdint.h>

/* A descriptor for pagemap_present, or -errno. */
int pagemap_open(void);

/* A bit for each of the n pages from addr on (at most 64) that is there.
 * fd may be negative: mincore then. */
uint64_t pagemap_present(int fd, const void *addr, unsigned n);

#endif
