/* SPDX-License-Identifier: MIT */
/* pt_reclaim.c - giving back page tables of what is paged out: see pt_reclaim.h */
#include "paging/pt_reclaim.h"
#include "kernel/zap.h"

/* Most chunks to a page table, which has as many entries of 8 bytes as fit in a page: this many
 * with pages of 64 KiB. */
#define TABLE_CHUNKS_MAX 128

static unsigned chunks_per_table(void)
{
	return (unsigned)(page_size() / sizeof(uint64_t) / CHUNK_PAGES);
}

static bool is_away(const struct chunk *chunk)
{
	return !(chunk->resident | chunk->filling) &&
	       mask_count(chunk->swapped | chunk->compressed | chunk->cached) == CHUNK_PAGES;
}

/* Locks the chunks of the page table that starts here, from the first one on, as long as they are
 * away.  Returns how many. */
static unsigned lock_away(struct pagetable *table, uintptr_t start, const struct chunk *held,
			  struct chunk **chunks)
{
	unsigned n = 0;

	for (; n < chunks_per_table(); n++) {
		struct chunk *chunk = pagetable_find(table, start + n * chunk_size());

		if (!chunk || (chunk != held && !chunk_try_lock(chunk)))
			break;
		if (!is_away(chunk)) {
			if (chunk != held)
				chunk_unlock(chunk);
			break;
		}
		chunks[n] = chunk;
	}
	return n;
}

void pt_reclaim(struct pagetable *table, struct chunk *held)
{
	size_t size = chunks_per_table() * chunk_size();
	uintptr_t start = held->address & ~(size - 1);
	struct chunk *chunks[TABLE_CHUNKS_MAX];
	struct iovec all = { (void *)start, size };
	unsigned n;

	if (!is_away(held))
		return;
	n = lock_away(table, start, held, chunks);
	if (n == chunks_per_table())
		zap(&all, 1);
	while (n-- > 0)
		if (chunks[n] != held)
			chunk_unlock(chunks[n]);
}
