/* SPDX-License-Identifier: MIT */
/* pagetable.c - from address to chunk: see pagetable.h */
#include "pages/pagetable.h"

#define LEAF_ENTRIES ((size_t)1 << PAGETABLE_LEAF_BITS)
#define PART_ENTRIES (LEAF_ENTRIES / 32)

struct pagetable_leaf {
	struct chunk *_Atomic row[LEAF_ENTRIES];
};

int pagetable_init(struct pagetable *table)
{
	table->root_entries = (size_t)1
			      << (PAGETABLE_ADDRESS_BITS - chunk_shift() - PAGETABLE_LEAF_BITS);
	table->root = meta_map(table->root_entries * sizeof(*table->root));
	table->parts = meta_map(table->root_entries * sizeof(*table->parts));
	return table->root && table->parts ? 0 : -ENOMEM;
}

void pagetable_free(struct pagetable *table)
{
	meta_unmap(table->parts, table->root_entries * sizeof(*table->parts));
	table->parts = NULL;
	if (!table->root)
		return;
	for (size_t i = 0; i < table->root_entries; i++)
		meta_unmap(table->root[i], sizeof(struct pagetable_leaf));
	meta_unmap(table->root, table->root_entries * sizeof(*table->root));
	table->root = NULL;
	meta_free(&table->rows);
	meta_free(&table->records);
}

void pagetable_fork_child(struct pagetable *table)
{
	meta_fork_child(&table->rows);
	meta_fork_child(&table->records);
}

/* A leaf costs only those of its pages that are touched; take a 64th of it. */
size_t pagetable_bytes(const struct pagetable *table)
{
	return table->rows.bytes + table->records.bytes +
	       table->leaves * sizeof(struct pagetable_leaf) / 64;
}

static size_t number_of(uintptr_t address)
{
	return address >> chunk_shift();
}

static struct pagetable_leaf *leaf_of(const struct pagetable *table, size_t number)
{
	size_t i = number >> PAGETABLE_LEAF_BITS;

	if (i >= table->root_entries)
		return NULL;
	return atomic_load_explicit(&table->root[i], memory_order_acquire);
}

struct chunk *pagetable_find(const struct pagetable *table, uintptr_t address)
{
	size_t number = number_of(address);
	struct pagetable_leaf *leaf = leaf_of(table, number);

	if (!leaf)
		return NULL;
	return atomic_load_explicit(&leaf->row[number % LEAF_ENTRIES], memory_order_acquire);
}

static struct pagetable_leaf *make_leaf(struct pagetable *table, size_t number)
{
	size_t i = number >> PAGETABLE_LEAF_BITS;
	struct pagetable_leaf *leaf, *other = NULL;

	if (i >= table->root_entries)
		return NULL;
	leaf = meta_map(sizeof(*leaf));
	if (!leaf)
		return NULL;
	if (!atomic_compare_exchange_strong(&table->root[i], &other, leaf)) {
		meta_unmap(leaf, sizeof(*leaf));
		return other;
	}
	atomic_fetch_add(&table->leaves, 1);
	return leaf;
}

static uint32_t part_of(size_t number)
{
	return UINT32_C(1) << number % LEAF_ENTRIES / PART_ENTRIES;
}

static bool has_rows(const struct pagetable *table, size_t number)
{
	return table->parts[number >> PAGETABLE_LEAF_BITS] & part_of(number);
}

static struct chunk *make_row(struct pagetable *table, struct pagetable_leaf *leaf, size_t number)
{
	struct chunk *chunk = meta_alloc(&table->rows, sizeof(*chunk));
	struct page_record *page = meta_alloc(&table->records, CHUNK_PAGES * sizeof(*page));
	struct chunk *other = NULL;

	if (!chunk || !page)
		return NULL;
	chunk->page = page;
	chunk->address = number << chunk_shift();
	if (!has_rows(table, number))
		atomic_fetch_or(&table->parts[number >> PAGETABLE_LEAF_BITS], part_of(number));
	/* Whoever loses this race leaves a row unused: that is rare, and costs a KiB or so. */
	if (!atomic_compare_exchange_strong(&leaf->row[number % LEAF_ENTRIES], &other, chunk))
		return other;
	atomic_fetch_add(&table->chunks, 1);
	return chunk;
}

struct chunk *pagetable_make(struct pagetable *table, uintptr_t address)
{
	size_t number = number_of(address);
	struct pagetable_leaf *leaf;
	struct chunk *chunk = pagetable_find(table, address);

	if (chunk)
		return chunk;
	leaf = leaf_of(table, number);
	if (!leaf)
		leaf = make_leaf(table, number);
	return leaf ? make_row(table, leaf, number) : NULL;
}

struct chunk *pagetable_next(const struct pagetable *table, uintptr_t start, uintptr_t end)
{
	size_t number = number_of(start);
	size_t last;

	/* munmap and its kin may be called with ranges that no mapping can have. */
	if (end > PAGETABLE_END)
		end = PAGETABLE_END;
	if (start >= end)
		return NULL;
	last = number_of(end - 1);
	while (number <= last) {
		struct pagetable_leaf *leaf = leaf_of(table, number);
		struct chunk *chunk;

		if (!leaf) {
			number = (number / LEAF_ENTRIES + 1) * LEAF_ENTRIES;
			continue;
		}
		if (!has_rows(table, number)) {
			number = (number / PART_ENTRIES + 1) * PART_ENTRIES;
			continue;
		}
		chunk = atomic_load_explicit(&leaf->row[number % LEAF_ENTRIES],
					     memory_order_acquire);
		if (chunk)
			return chunk;
		number++;
	}
	return NULL;
}
