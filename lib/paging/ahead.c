/* SPDX-License-Identifier: MIT */
/* ahead.c - pages read before anybody touches them: see ahead.h */
#include "paging/ahead.h"
#include "paging/evict.h"
#include "paging/fill.h"

bool ahead_has_frames(struct paging *paging, unsigned n)
{
	return credit_left(&paging->budget) >= (int64_t)(n + paging->budget.low / 2);
}

/* A tray of the chunk with room at these offsets; or an old tray, frames included; or a new one. */
static struct tray *tray_for(struct handler *handler, struct chunk *chunk, uint64_t mask)
{
	struct paging *paging = handler->paging;
	struct tray *ret = NULL;

	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
		if (tray->ahead && !(tray->frames & mask))
			return tray;
	if (mask_count(mask) >= AHEAD_RECYCLES)
		ret = evict_recycle(handler, mask);
	return ret ? ret : tray_alloc(&paging->pages.arena);
}

/* The caller holds (C).  false: no more can be read now. */
static bool read_locked(struct handler *handler, struct chunk *chunk, uint64_t mask)
{
	struct paging *paging = handler->paging;
	struct tray *tray;

	mask &= chunk_readable(chunk);
	if (!mask)
		return true;
	if (!ahead_has_frames(paging, mask_count(mask)) || !fill_is_free(&handler->fills))
		return false;
	tray = tray_for(handler, chunk, mask);
	if (!tray)
		return false;
	while (mask) {
		uint64_t got = fill_start_ahead(&handler->fills, chunk, tray, mask);

		if (!got)
			break;
		mask &= ~got;
	}
	if (!tray->queued)
		tray_free(&paging->pages.arena, &tray, 1);
	return mask == 0;
}

static bool read_chunk(struct handler *handler, int64_t number, uint64_t mask)
{
	struct chunk *chunk =
		pagetable_find(&handler->paging->pages.table, (uintptr_t)number << chunk_shift());
	bool ret;

	if (!chunk || !chunk_try_lock(chunk))
		return true;
	ret = read_locked(handler, chunk, mask);
	chunk_unlock(chunk);
	return ret;
}

bool ahead_next(struct ahead *ahead, int64_t *ret_number, uint64_t *ret_mask)
{
	int64_t number = ahead->first / CHUNK_PAGES;

	*ret_number = number;
	*ret_mask = 0;
	while (ahead->count && ahead->first / CHUNK_PAGES == number) {
		*ret_mask |= mask_bit((unsigned)(ahead->first % CHUNK_PAGES));
		ahead->first += ahead->step;
		ahead->count--;
	}
	return *ret_mask != 0;
}

void ahead_read(struct handler *handler, struct ahead ahead)
{
	struct ahead left = ahead;
	int64_t number;
	uint64_t mask;

	handler->paging->ahead_at = handler->round;
	while (ahead_next(&ahead, &number, &mask)) {
		if (!read_chunk(handler, number, mask)) {
			readahead_stopped(&handler->paging->readahead, left);
			return;
		}
		left = ahead;
	}
}
