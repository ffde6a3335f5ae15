/* SPDX-License-Identifier: MIT */
/* pagemap.h - which pages of this process the kernel has
 *
 * /proc/self/pagemap shows what mincore(2) does not: pages that the kernel itself has swapped out.
 * Those are present too.  Where /proc is missing, mincore has to do.
 */
#ifndef SPILL_PAGEMAP_H
#define SPILL_PAGEMAP_H

#include <stdint.h>

/* A descriptor for pagemap_present, or -errno. */
int pagemap_open(void);

/* One bit for each of the n pages from addr on (at most 64), set if the kernel has the page.  A
 * negative fd means mincore. */
uint64_t pagemap_present(int fd, const void *addr, unsigned n);

#endif
