/* SPDX-License-Identifier: MIT */
/* pagetable.h - from an address to its chunk
 *
 * Two levels: a root of pointers to leaves, and leaves of pointers to rows.  Both cost memory only
 * where they are touched; and since a kernel without a page of zeros has to find a frame for what is
 * only read, who walks the table passes over the parts of a leaf that have no row.  A row is made when
 * the first page of its chunk is, and stays.
 *
 *	address  | root 16 bits | leaf 14 bits | page 6 bits | offset |
 *
 * Locking: none.  A look-up reads two pointers; a new row is published with one compare-and-swap,
 * after the bit of its part.  So handlers never wait here.
 */
#ifndef SPILL_PAGETABLE_H
#define SPILL_PAGETABLE_H

#include "pages/chunk.h"
#include "base/meta.h"

#define PAGETABLE_LEAF_BITS 14
#define PAGETABLE_ADDRESS_BITS 48
#define PAGETABLE_END ((uintptr_t)1 << PAGETABLE_ADDRESS_BITS)

struct pagetable_leaf;

struct pagetable {
	struct meta rows, records;
	struct pagetable_leaf *_Atomic *root;
	_Atomic uint32_t *parts; /* for each leaf, which of its 32 parts have rows */
	size_t root_entries;
	_Atomic size_t chunks; /* rows made */
	_Atomic size_t leaves;
};

/* The table must be zeroed.  0 or -ENOMEM. */
int pagetable_init(struct pagetable *table);
void pagetable_free(struct pagetable *table);
/* In a fork's child: another thread may have been making a row. */
void pagetable_fork_child(struct pagetable *table);

/* Bytes of memory that it takes. */
size_t pagetable_bytes(const struct pagetable *table);

/* The row of this address, or NULL. */
struct chunk *pagetable_find(const struct pagetable *table, uintptr_t address);
/* The same, but makes the row if there is none.  NULL: no memory. */
struct chunk *pagetable_make(struct pagetable *table, uintptr_t address);
/* The first row whose chunk ends after start and begins before end, or NULL. */
struct chunk *pagetable_next(const struct pagetable *table, uintptr_t start, uintptr_t end);

/* Each row of which [start, end) touches a page. */
#define pagetable_for_each(chunk, table, start, end)                     \
	for ((chunk) = pagetable_next((table), (start), (end)); (chunk); \
	     (chunk) = pagetable_next((table), (chunk)->address + chunk_size(), (end)))

#endif
