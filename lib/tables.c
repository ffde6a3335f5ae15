/* SPDX-License-Identifier: MIT */
/* tables.c - page tables of what is paged out are given back: see tables.h */
#include "tables.h"
#include "pager.h"
#include "zap.h"

/* Chunks to a page table, which has as many entries of 8 bytes as fill a page: at most
 * so many of them, which is with pages of 64 KiB. */
#define TABLE_CHUNKS_MAX 128

static unsigned chunks_per_table(void)
{
	return (unsigned)(page_size() / sizeof(uint64_t) / CHUNK_PAGES);
}

static bool is_away(const struct chunk *chunk)
{
	return !(chunk->resident | chunk->filling) &&
	       mask_count(chunk->swapped | chunk->cached) == CHUNK_PAGES;
}

/* The count chunks of the page table that starts here.  Without their locks the answer is a
 * guess, but most often it is no. */
static bool find_away(struct pager *pager, uintptr_t start, struct chunk **chunks, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		chunks[i] = pagetable_find(&pager->table, start + i * chunk_size());
		if (!chunks[i] || !is_away(chunks[i]))
			return false;
	}
	return true;
}

/* Locks those that are away, from the first on; gives their number. */
static unsigned lock_away(struct chunk **chunks, unsigned count, const struct chunk *held)
{
	unsigned n = 0;

	for (; n < count; n++) {
		if (chunks[n] != held && !chunk_try_lock(chunks[n]))
			break;
		if (!is_away(chunks[n])) {
			if (chunks[n] != held)
				chunk_unlock(chunks[n]);
			break;
		}
	}
	return n;
}

void tables_release(struct pager *pager, struct chunk *held)
{
	unsigned count = chunks_per_table();
	size_t size = count * chunk_size();
	uintptr_t start = held->address & ~(size - 1);
	struct chunk *chunks[TABLE_CHUNKS_MAX];
	struct iovec all = { (void *)start, size };
	unsigned n;

	if (!find_away(pager, start, chunks, count))
		return;
	n = lock_away(chunks, count, held);
	if (n == count)
		zap(&all, 1);
	while (n-- > 0)
		if (chunks[n] != held)
			chunk_unlock(chunks[n]);
}
