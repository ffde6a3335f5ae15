/* SPDX-License-Identifier: MIT */
/* pt_reclaim.h - giving back the kernel's page tables of what is paged out
 *
 * A page table (2 MiB of addresses on x86-64) outlives its pages, even when eviction has taken them
 * all.  That is 1/512 of what is paged out, outside of every budget, and each fork copies it.  From
 * Linux 6.14 on (x86-64, CONFIG_PT_RECLAIM) a MADV_DONTNEED of all its addresses makes the kernel
 * free it; elsewhere that call does nothing.
 *
 *	512 MiB in 8 MiB of memory: page tables	   1056 KiB -> 44 KiB
 *	2 GiB in 128 MiB of memory: the fork itself  4.1 ms -> 0.9 ms	(Linux 6.18)
 *
 * Invariant: done only where every page is on swap space or in a tray: then all of it is ours, and
 * nothing is mapped.  (Sparse data keeps its tables.)
 * Locking: the caller holds (C) of one of the chunks; the others' locks are tried.
 */
#ifndef SPILL_PT_RECLAIM_H
#define SPILL_PT_RECLAIM_H

#include "pages/pagetable.h"

/* The chunk has lost its last resident page. */
void pt_reclaim(struct pagetable *table, struct chunk *chunk);

#endif
