/* SPDX-License-Identifier: MIT */
/* pagetable.h - from address to chunk
 *
 * Two levels: a root of pointers to leaves, and leaves of pointers to rows.
 * Both are tables that cost memory only where they are touched.  Rows are made
 * when the first page of their chunk is, and stay.
 *
 *	address  | root 16 bits | leaf 14 bits | page 6 bits | offset |
 *
 * Locking: none.  Looking up reads two pointers; making publishes with one
 * compare-and-swap, so handlers never wait for anybody here.
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
	size_t root_entries;
	_Atomic size_t chunks; /* rows made */
	_Atomic size_t leaves;
};

/* Of zeros.  0 or -ENOMEM. */
int pagetable_init(struct pagetable *table);
void pagetable_free(struct pagetable *table);
/* In a fork's child: another thread may have been making a row. */
void pagetable_fork_child(struct pagetable *table);

/* Memory that it takes. */
size_t pagetable_bytes(const struct pagetable *table);

/* The row of this address, or NULL if it has none. */
struct chunk *pagetable_find(const struct pagetable *table, uintptr_t address);
/* The row of this address, made if need be; NULL: no memory. */
struct chunk *pagetable_make(struct pagetable *table, uintptr_t address);
/* The first row whose chunk ends after start and begins before end, or NULL. */
struct chunk *pagetable_next(const struct pagetable *table, uintptr_t start, uintptr_t end);

/* Each row that [start, end) touches. */
#define pagetable_for_each(chunk, table, start, end)                     \
	for ((chunk) = pagetable_next((table), (start), (end)); (chunk); \
	     (chunk) = pagetable_next((table), (chunk)->address + chunk_size(), (end)))

#endif
