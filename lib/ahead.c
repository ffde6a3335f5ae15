/* SPDX-License-Identifier: MIT */
/* ahead.c - pages read before anybody touches them: see ahead.h */
#include "ahead.h"
#include "evict.h"
#include "fill.h"

/* Frames for faults are left alone. */
static bool frames_to_spare(struct pager *pager, unsigned n)
{
	return credit_left(&pager->arena) >= (int64_t)(n + pager->low_frames / 2);
}

/* A whole tray is worth recycling. */
#define RECYCLE_MIN (CHUNK_PAGES / 2)

/* A tray of the chunk that has room at these offsets, an old one with its frames, or a
 * new one. */
static struct tray *tray_for(struct handler *handler, struct chunk *chunk, uint64_t mask)
{
	struct pager *pager = handler->pager;
	struct tray *ret = NULL;

	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
		if (tray->ahead && !(tray->frames & mask))
			return tray;
	if (mask_count(mask) >= RECYCLE_MIN)
		ret = evict_recycle(handler, mask);
	return ret ? ret : tray_alloc(&pager->arena);
}

/* The caller holds (C).  false: no more can be read now. */
static bool read_locked(struct handler *handler, struct chunk *chunk, uint64_t mask)
{
	struct pager *pager = handler->pager;
	struct tray *tray;

	mask &= chunk_readable(chunk);
	if (!mask)
		return true;
	if (!frames_to_spare(pager, mask_count(mask)) || !fill_is_free(handler))
		return false;
	tray = tray_for(handler, chunk, mask);
	if (!tray)
		return false;
	while (mask) {
		uint64_t got = fill_start_ahead(handler, chunk, tray, mask);

		if (!got)
			break;
		mask &= ~got;
	}
	if (!tray->queued)
		tray_free(&pager->arena, &tray, 1);
	return mask == 0;
}

static bool read_chunk(struct handler *handler, int64_t number, uint64_t mask)
{
	struct chunk *chunk =
		pagetable_find(&handler->pager->table, (uintptr_t)number << chunk_shift());
	bool ret;

	if (!chunk || !chunk_try_lock(chunk))
		return true;
	ret = read_locked(handler, chunk, mask);
	chunk_unlock(chunk);
	return ret;
}

void ahead_read(struct handler *handler, struct ahead ahead)
{
	bool more = true;

	while (ahead.count && more) {
		int64_t number = ahead.first / CHUNK_PAGES;
		uint64_t mask = 0;

		while (ahead.count && ahead.first / CHUNK_PAGES == number) {
			mask |= mask_bit((unsigned)(ahead.first % CHUNK_PAGES));
			ahead.first += ahead.step;
			ahead.count--;
		}
		more = read_chunk(handler, number, mask);
	}
}
