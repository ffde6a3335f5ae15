/* SPDX-License-Identifier: MIT */
/* model.c - the pager without a kernel: see model.h */
#include "model.h"
#include "evict.h"
#include "fill.h"
#include "spent.h"
#include <errno.h>
#include <stdlib.h>

struct model {
	struct pager *pager;
	struct chunk *chunks;
	struct page_record *records;
	uint64_t slots; /* each page gets one of its own */
	bool evicting;
	unsigned spent; /* spent.h */
	struct model_counts counts;
};

static void set_size(struct model *model, const struct model_size *size)
{
	struct pager *pager = model->pager;

	pager_set_limit(pager, size->limit << page_shift());
	if (size->high) {
		pager->low_frames = size->low;
		pager->high_frames = size->high;
	}
	model->spent = size->spent ? size->spent : SPENT_BATCH;
	credit_force(&pager->arena, size->charge);
}

static int init(struct model *model, uint32_t chunks, const struct model_size *size)
{
	model->pager = calloc(1, sizeof(*model->pager));
	model->chunks = calloc(chunks, sizeof(*model->chunks));
	model->records = calloc((size_t)chunks * CHUNK_PAGES, sizeof(*model->records));
	if (!model->pager || !model->chunks || !model->records)
		return -ENOMEM;
	model->pager->stats = calloc(1, sizeof(struct stats));
	if (!model->pager->stats)
		return -ENOMEM;
	for (uint32_t i = 0; i < chunks; i++) {
		model->chunks[i].address = (uintptr_t)i << chunk_shift();
		model->chunks[i].page = model->records + (size_t)i * CHUNK_PAGES;
	}
	if (arena_init(&model->pager->arena, size->limit))
		return -ENOMEM;
	set_size(model, size);
	return 0;
}

struct model *model_new(uint32_t pages, const struct model_size *size)
{
	struct model *model = calloc(1, sizeof(*model));

	page_init();
	if (model && init(model, (pages + CHUNK_PAGES - 1) / CHUNK_PAGES, size)) {
		model_free(model);
		return NULL;
	}
	return model;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	if (model->pager && model->pager->stats) {
		arena_free(&model->pager->arena);
		free(model->pager->stats);
	}
	free(model->pager);
	free(model->records);
	free(model->chunks);
	free(model);
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

/* -- touches ----------------------------------------------------------------------- */

static int take_frame(struct model *model)
{
	while (!credit_take(&model->pager->arena, 1))
		if (!make_room(model))
			return -ENOSPC;
	return 0;
}

/* Only who touches a page proves it, not what comes with it. */
static void serve_cached(struct model *model, struct chunk *chunk, uint64_t bit, bool touched)
{
	struct pager *pager = model->pager;
	struct tray *tray = chunk_tray_of(chunk, mask_first(bit));

	chunk_begin_fill(chunk, bit);
	chunk_end_restore(pager, chunk, tray, bit, bit, false);
	if (touched)
		chunk_prove(pager, chunk, bit);
	spent_note(&pager->arena, tray);
	if (pager->arena.spent_count >= model->spent)
		spent_sweep(pager);
	model->counts.soft++;
}

static void serve_missing(struct model *model, struct chunk *chunk, uint64_t bit)
{
	struct pager *pager = model->pager;

	if (chunk->swapped & bit)
		model->counts.read++;
	else
		model->counts.zeroed++;
	chunk_begin_fill(chunk, bit);
	chunk_prove(pager, chunk, policy_refault(&pager->policy, chunk, bit, pager->arena.limit));
	chunk_end_fill(pager, chunk, bit, bit);
}

static int touch(struct model *model, struct chunk *chunk, uint64_t bit, bool touched)
{
	int err;

	if (chunk->resident & bit)
		return 0;
	err = take_frame(model); /* which may evict, and reclaim what was cached */
	if (err)
		return err;
	if (chunk->cached & bit)
		serve_cached(model, chunk, bit, touched);
	else
		serve_missing(model, chunk, bit);
	policy_insert(&model->pager->policy, chunk);
	while (make_room(model))
		;
	return 0;
}

int model_touch(struct model *model, uint32_t page, uint64_t mask)
{
	struct chunk *chunk = &model->chunks[page / CHUNK_PAGES];
	uint64_t bit = mask_bit(page % CHUNK_PAGES);
	int err = touch(model, chunk, bit, true);
	unsigned i;

	mask_for_each(i, mask & ~bit)
		if (!err)
			err = touch(model, chunk, mask_bit(i), false);
	return err;
}

void model_discard(struct model *model, uint32_t number, uint64_t mask)
{
	struct chunk *chunk = &model->chunks[number];

	chunk->swapped &= ~mask; /* there is no swap space that would take the slots back */
	chunk_discard(model->pager, chunk, mask);
}

struct model_counts model_counts(const struct model *model)
{
	return model->counts;
}
