/* SPDX-License-Identifier: MIT */
/* model.c - the pager without a kernel: see model.h */
#include "model.h"
#include "evict.h"
#include "fill.h"
#include "spent.h"
#include <err.h>
#include <stdlib.h>

struct model {
	struct pager *pager;
	struct chunk *chunks;
	struct page_record *records;
	uint64_t slots; /* each page gets one of its own */
	bool evicting;
	struct model_counts counts;
};

static void *allocate(size_t n, size_t size)
{
	void *ret = calloc(n, size);

	if (!ret)
		err(EXIT_FAILURE, "out of memory");
	return ret;
}

static void model_init(struct model *model, uint32_t pages, uint32_t frames)
{
	uint32_t n = (pages + CHUNK_PAGES - 1) / CHUNK_PAGES;

	page_init();
	*model = (struct model){ .pager = allocate(1, sizeof(struct pager)),
				 .chunks = allocate(n, sizeof(struct chunk)),
				 .records = allocate((size_t)n * CHUNK_PAGES,
						     sizeof(struct page_record)) };
	for (uint32_t i = 0; i < n; i++) {
		model->chunks[i].address = (uintptr_t)i << chunk_shift();
		model->chunks[i].page = model->records + (size_t)i * CHUNK_PAGES;
	}
	model->pager->stats = allocate(1, sizeof(struct stats));
	pager_set_limit(model->pager, (uint64_t)frames << page_shift());
	if (arena_init(&model->pager->arena, frames))
		errx(EXIT_FAILURE, "no memory for the trays");
}

static void model_free(struct model *model)
{
	arena_free(&model->pager->arena);
	free(model->pager->stats);
	free(model->pager);
	free(model->records);
	free(model->chunks);
}

/* -- evict.c, without what it does to memory ------------------------------------- */

/* Its write is done at once. */
static void write_back(struct model *model, struct chunk *chunk, uint64_t mask)
{
	unsigned i;

	mask_for_each(i, mask & ~chunk->swapped)
		chunk_keep_slot(chunk, i, model->slots++);
}

/* The number of pages that left. */
static unsigned evict_chunk(struct model *model, struct chunk *chunk, enum standing standing)
{
	struct pager *pager = model->pager;
	uint64_t victims = policy_victims(chunk, standing);
	struct tray *tray = victims ? tray_alloc(&pager->arena) : NULL;

	if (tray) {
		chunk_evict(pager, chunk, tray, victims);
		write_back(model, chunk, victims);
		policy_wait(&pager->policy, tray);
	}
	if (chunk->resident)
		policy_insert(&pager->policy, chunk);
	return tray ? mask_count(victims) : 0;
}

static int64_t frames_missing(const struct model *model)
{
	struct pager *pager = model->pager;

	return (int64_t)pager->high_frames - credit_left(&pager->arena);
}

static bool evict_some(struct model *model)
{
	struct pager *pager = model->pager;
	enum standing standing;
	struct chunk *chunk;
	int64_t missing = frames_missing(model);
	unsigned gained = 0;

	for (unsigned i = 0; i < EVICT_BATCH && gained < missing; i++) {
		chunk = policy_pick(&pager->policy, pager->resident, false, &standing);
		if (!chunk)
			break;
		gained += evict_chunk(model, chunk, standing);
	}
	return gained > 0;
}

static bool reclaim(struct model *model)
{
	struct pager *pager = model->pager;
	struct tray *trays[RECLAIM_BATCH];
	unsigned n = policy_pick_trays(&pager->policy, trays, RECLAIM_BATCH, frames_missing(model));

	for (unsigned i = 0; i < n; i++) {
		policy_note_left(&pager->policy, trays[i]->chunk, trays[i]->valid,
				 pager->arena.limit);
		chunk_uncache(pager, trays[i]->chunk, trays[i], trays[i]->valid);
		chunk_detach(trays[i]->chunk, trays[i]);
		policy_leave(&pager->policy, trays[i]);
	}
	tray_free(&pager->arena, trays, n);
	return n > 0;
}

static bool make_room(struct model *model)
{
	struct pager *pager = model->pager;
	uint64_t target = policy_target(&pager->policy, pager->arena.limit);
	int64_t left = credit_left(&pager->arena);
	bool progress = false;

	if (left < (int64_t)pager->low_frames)
		model->evicting = true;
	else if (left >= (int64_t)pager->high_frames)
		model->evicting = false;
	if (!model->evicting)
		return false;
	if (pager->policy.waiting > target)
		progress = reclaim(model);
	if (pager->policy.waiting <= 2 * target)
		progress |= evict_some(model);
	return progress || reclaim(model);
}

/* -- faults ------------------------------------------------------------------------ */

static void take_frame(struct model *model)
{
	while (!credit_take(&model->pager->arena, 1))
		if (!make_room(model))
			errx(EXIT_FAILURE, "nothing comes free");
}

static void serve_cached(struct model *model, struct chunk *chunk, uint64_t bit)
{
	struct pager *pager = model->pager;
	struct tray *tray = chunk_tray_of(chunk, mask_first(bit));

	chunk_begin_fill(chunk, bit);
	chunk_end_restore(pager, chunk, tray, bit, bit, false);
	chunk_prove(pager, chunk, bit);
	spent_note(&pager->arena, tray);
	if (spent_is_full(&pager->arena))
		spent_sweep(pager);
	model->counts.soft++;
}

static void serve_missing(struct model *model, struct chunk *chunk, uint64_t bit)
{
	struct pager *pager = model->pager;

	chunk_begin_fill(chunk, bit);
	chunk_prove(pager, chunk, policy_refault(&pager->policy, chunk, bit, pager->arena.limit));
	chunk_end_fill(pager, chunk, bit, bit);
	model->counts.misses++;
}

static void touch(struct model *model, uint32_t page)
{
	struct chunk *chunk = &model->chunks[page / CHUNK_PAGES];
	uint64_t bit = mask_bit(page % CHUNK_PAGES);

	if (chunk->resident & bit)
		return;
	take_frame(model); /* which may evict, and reclaim what was cached */
	if (chunk->cached & bit)
		serve_cached(model, chunk, bit);
	else
		serve_missing(model, chunk, bit);
	policy_insert(&model->pager->policy, chunk);
	while (make_room(model))
		;
}

struct model_counts model_pager(const struct accesses *accesses, uint32_t frames)
{
	struct model_counts ret;
	struct model model;

	model_init(&model, accesses->pages, frames);
	for (size_t i = 0; i < accesses->count; i++)
		touch(&model, accesses->page[i]);
	ret = model.counts;
	model_free(&model);
	return ret;
}
