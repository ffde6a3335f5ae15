/* SPDX-License-Identifier: MIT */
/* tables.h - the kernel's page tables of what is paged out are given back
 *
 * A page table (2 MiB of addresses on x86-64) outlives the pages in it, although eviction
 * takes them all: 1/512 of what is paged out, outside of every budget, and each fork
 * copies it.  From Linux 6.14 on (x86-64, CONFIG_PT_RECLAIM) the kernel frees it with a
 * MADV_DONTNEED of all its addresses; elsewhere that call does nothing.
 *
 *	512 MiB in 8 MiB of memory: page tables	   1056 KiB -> 44 KiB
 *	2 GiB in 128 MiB of memory: the fork itself  4.1 ms -> 0.9 ms	(Linux 6.18)
 *
 * Invariant: it is done only where every page is on swap space or in a tray: then all of
 * it is ours, and none of it is mapped.  (Sparse data keeps its tables.)
 * Locking: the caller holds (C) of one of the chunks; the others are tried.
 */
#ifndef SPILL_TABLES_H
#define SPILL_TABLES_H

#include "pages/pagetable.h"

/* The chunk has lost its last resident page. */
void tables_release(struct pagetable *table, struct chunk *chunk);

#endif
