/* SPDX-License-Identifier: MIT */
/* spent.c - frames that no longer hold anything: see spent.h */
#include "paging/spent.h"
#include "paging/fill.h"
#include "kernel/zap.h"

void spent_note(struct arena *arena, struct tray *tray)
{
	unsigned i = 0;

	lock_take(&arena->lock, LOCK_ARENA);
	while (i < arena->spent_count && arena->spent[i] != tray)
		i++;
	if (i == arena->spent_count && i < SPENT_BATCH) {
		arena->spent[i] = tray;
		arena->spent_count++;
	}
	lock_drop(&arena->lock, LOCK_ARENA);
}

/* Empties the list; returns how many trays were in it. */
static unsigned take_list(struct arena *arena, struct tray *trays[])
{
	unsigned n;

	lock_take(&arena->lock, LOCK_ARENA);
	n = arena->spent_count;
	for (unsigned i = 0; i < n; i++)
		trays[i] = arena->spent[i];
	arena->spent_count = 0;
	lock_drop(&arena->lock, LOCK_ARENA);
	return n;
}

/* Locks the chunk of a tray, if the tray has spent frames that nobody uses. */
static struct chunk *lock_owner(struct tray *tray)
{
	struct chunk *chunk = tray->chunk;

	if (!chunk || !chunk_try_lock(chunk))
		return NULL;
	/* Rows live as long as the pager, so only the tray may have changed hands.  If it is queued
	 * and belongs to this chunk now, it stays so as long as we hold the lock. */
	if (tray->queued && tray->chunk == chunk && !tray->busy && (tray->frames & ~tray->valid))
		return chunk;
	chunk_unlock(chunk);
	return NULL;
}

/* Accounts for n trays whose spent frames lie in these ranges, of which the first done are gone. */
static void count_gone(struct paging *paging, struct tray *trays[], unsigned n, unsigned done)
{
	uint64_t gone = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t spent = trays[i]->frames & ~trays[i]->valid;
		uint64_t part = mask_lowest_runs(spent, done);

		done -= mask_runs(part);
		trays[i]->frames &= ~part;
		tray_changed(trays[i], part);
		pages_count_queued(&paging->pages, trays[i], -(int64_t)mask_count(part));
		gone += mask_count(part);
	}
	credit_give(&paging->budget, gone);
}

void spent_sweep(struct paging *paging)
{
	struct iovec ranges[ZAP_MAX];
	struct tray *noted[SPENT_BATCH], *trays[SPENT_BATCH];
	struct chunk *chunks[SPENT_BATCH];
	unsigned all = take_list(&paging->pages.arena, noted), n = 0, count = 0;

	for (unsigned i = 0; i < all && count + MASK_RUNS_MAX <= ZAP_MAX; i++) {
		chunks[n] = lock_owner(noted[i]);
		if (!chunks[n])
			continue;
		count += mask_ranges(noted[i]->frames & ~noted[i]->valid, noted[i]->address,
				     ranges + count);
		trays[n++] = noted[i];
	}
	if (count)
		count_gone(paging, trays, n, zap(ranges, count));
	for (unsigned i = 0; i < n; i++) {
		fill_drop_tray(paging, chunks[i], trays[i]);
		chunk_unlock(chunks[i]);
	}
}
