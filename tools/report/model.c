/* SPDX-License-Identifier: MIT */
/* model.c - the pager without a kernel: see model.h */
#include "report/model.h"
#include "paging/ahead.h"
#include "paging/evict.h"
#include "paging/fault.h"
#include "paging/fill.h"
#include "paging/spent.h"
#include "paging/start.h"
#include "paging/ways.h"
#include <errno.h>
#include <stdlib.h>

/* The number of the first chunk: large enough that streams going down do not pass 0. */
#define FIRST_CHUNK (1 << 16)

struct model {
	struct paging *paging;
	_Atomic int64_t window; /* frames: the budget that windows go by */
	struct chunk *chunks;
	uint32_t chunk_count;
	struct page_record *records;
	uint64_t slots; /* each page gets its own */
	bool evicting;
	unsigned spent; /* spent.h */
	struct model_reserve reserve, ample;
	unsigned ample_faults; /* how long the second one holds, */
	unsigned ample_left;   /* and how long it still does */
	struct model_counts counts;
};

/* As choose_reserve (evict.c). */
static void choose_reserve(struct model *model)
{
	struct budget *budget = &model->paging->budget;
	const struct model_reserve *reserve = model->ample_left ? &model->ample : &model->reserve;

	budget_reserve(budget, model->ample_left > 0);
	if (reserve->high) {
		budget->low = reserve->low;
		budget->high = reserve->high;
	}
}

static void set_size(struct model *model, const struct model_size *size)
{
	struct paging *paging = model->paging;

	paging_set_budget(paging, size->limit << page_shift());
	model->reserve = size->reserve;
	model->ample = size->ample;
	model->ample_faults = size->ample_faults ? size->ample_faults : AMPLE_FAULTS;
	choose_reserve(model);
	/* The model is smaller than what it stands for; the window is not. */
	model->window = size->window ? (int64_t)size->window * READAHEAD_DIVISOR : size->limit;
	readahead_init(&paging->readahead, size->streams ? size->streams : READAHEAD_STREAMS,
		       &model->window);
	if (size->window)
		paging->readahead.cap = size->window;
	model->spent = size->spent ? size->spent : SPENT_BATCH;
	credit_force(&paging->budget, size->charge);
}

static int init(struct model *model, uint32_t chunks, const struct model_size *size)
{
	model->paging = calloc(1, sizeof(*model->paging));
	model->chunks = calloc(chunks, sizeof(*model->chunks));
	model->chunk_count = chunks;
	model->records = calloc((size_t)chunks * CHUNK_PAGES, sizeof(*model->records));
	if (!model->paging || !model->chunks || !model->records)
		return -ENOMEM;
	/* The recording does not say what the prices were. */
	prices_find(&model->paging->prices, PRICES_HARDWARE, NULL, -1, NULL);
	model->paging->stats = calloc(1, sizeof(struct stats));
	if (!model->paging->stats)
		return -ENOMEM;
	for (uint32_t i = 0; i < chunks; i++) {
		model->chunks[i].address = (uintptr_t)(FIRST_CHUNK + i) << chunk_shift();
		model->chunks[i].page = model->records + (size_t)i * CHUNK_PAGES;
	}
	model->paging->pages.arena.budget = &model->paging->budget;
	model->paging->pages.store = &model->paging->store;
	policy_init(&model->paging->policy, &model->paging->pages, &model->paging->budget);
	if (arena_init(&model->paging->pages.arena, size->limit))
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
	if (model->paging && model->paging->stats) {
		arena_free(&model->paging->pages.arena);
		free(model->paging->stats);
	}
	free(model->paging);
	free(model->records);
	free(model->chunks);
	free(model);
}

/* -- evict.c, without what it does to memory ------------------------------------- */

/* The write is done at once. */
static void write_back(struct model *model, struct chunk *chunk, uint64_t mask)
{
	unsigned i;

	mask_for_each(i, mask & ~chunk->swapped)
		chunk_keep_copy(chunk, i, place_of_slot(model->slots++));
}

/* Returns how many pages left. */
static unsigned evict_chunk(struct model *model, struct pick pick)
{
	struct paging *paging = model->paging;
	struct chunk *chunk = pick.chunk;
	uint64_t victims = policy_victims(chunk, pick.standing);
	struct tray *tray = victims ? tray_alloc(&paging->pages.arena) : NULL;

	if (tray) {
		policy_note_out(&paging->policy, chunk, victims);
		chunk_evict(&paging->pages, chunk, tray, victims);
		tray->probe = pick.probe;
		write_back(model, chunk, victims);
		policy_wait(&paging->policy, tray);
	}
	if (chunk->resident)
		policy_insert(&paging->policy, chunk);
	return tray ? mask_count(victims) : 0;
}

static int64_t frames_missing(const struct model *model)
{
	struct paging *paging = model->paging;

	return (int64_t)paging->budget.high - credit_left(&paging->budget);
}

static bool evict_some(struct model *model, int64_t frames)
{
	struct paging *paging = model->paging;
	unsigned tried = 0, gained = 0;

	while (tried < EVICT_BATCH && gained < frames) {
		struct pick pick = policy_pick(&paging->policy, false);
		unsigned more;

		if (!pick.chunk)
			break;
		more = evict_chunk(model, pick);
		gained += pick.probe ? 0 : more;
		tried += !pick.probe;
	}
	return gained > 0;
}

static bool reclaim(struct model *model, unsigned most, int64_t frames, enum first first)
{
	struct paging *paging = model->paging;
	struct tray *trays[RECLAIM_BATCH];
	unsigned n = policy_pick_trays(&paging->policy, trays, most, frames, first);

	for (unsigned i = 0; i < n; i++)
		evict_give_up(paging, trays[i]->chunk, trays[i]);
	tray_free(&paging->pages.arena, trays, n);
	return n > 0;
}

static bool make_room(struct model *model)
{
	struct paging *paging = model->paging;
	uint64_t target = policy_target(&paging->policy);
	int64_t left = credit_left(&paging->budget);
	bool progress = false;

	choose_reserve(model);
	if (left < (int64_t)paging->budget.low)
		model->evicting = true;
	else if (left >= (int64_t)paging->budget.high)
		model->evicting = false;
	if (!model->evicting)
		return false;
	if (policy_should_reclaim(&paging->policy))
		progress = reclaim(model, RECLAIM_BATCH, frames_missing(model), FIRST_OWED);
	if (paging->pages.waiting <= 2 * target)
		progress |= evict_some(model, frames_missing(model));
	return progress || reclaim(model, RECLAIM_BATCH, frames_missing(model), FIRST_WAITING);
}

/* -- a fault: fault.c and ahead.c, where a read is done at once ------------------------- */

/* Takes a frame, whatever must leave for it. */
static int take_frame(struct model *model)
{
	while (!credit_take(&model->paging->budget, 1))
		if (!make_room(model))
			return -ENOSPC;
	return 0;
}

/* Page i has its frame.  Takes frames for the others of mask, or leaves them out. */
static uint64_t take_others(struct model *model, uint64_t mask, unsigned i)
{
	uint64_t others = mask & ~mask_bit(i);

	if (others && !credit_take(&model->paging->budget, mask_count(others)))
		return mask_bit(i);
	return mask;
}

/* with: the pages that came along when it was recorded. */
static void serve_absent(struct model *model, struct chunk *chunk, unsigned i, uint64_t with)
{
	uint64_t mask = take_others(model, mask_bit(i) | (with & chunk_absent(chunk)), i);

	model->counts.zeroed += mask_count(mask);
	chunk_begin_fill(chunk, mask);
	chunk_end_fill(&model->paging->pages, chunk, mask, mask);
}

static void serve_swapped(struct model *model, struct chunk *chunk, unsigned i,
			  struct window window)
{
	uint64_t mask = take_others(model, window_mask(window, i) & chunk_readable(chunk), i);

	model->counts.major++;
	model->counts.read += mask_count(mask);
	chunk_begin_fill(chunk, mask);
	fault_prove_refaults(model->paging, chunk, mask);
	chunk_end_fill(&model->paging->pages, chunk, mask, mask);
}

/* With its frames, or by copy. */
static void put_back(struct model *model, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	struct paging *paging = model->paging;
	bool moves = ways_restore_by_move(&paging->prices, mask);

	chunk_begin_fill(chunk, mask);
	chunk_end_restore(&paging->pages, chunk, tray, mask, mask, moves);
	if (moves) {
		credit_give(&paging->budget, mask_count(mask));
		fill_drop_tray(paging, chunk, tray);
		return;
	}
	spent_note(&paging->pages.arena, tray);
	if (paging->pages.arena.spent_count >= model->spent)
		spent_sweep(paging);
}

static void serve_cached(struct model *model, struct chunk *chunk, unsigned i, struct window window)
{
	struct tray *tray = chunk_tray_of(chunk, i);
	uint64_t mask = take_others(model, window_mask(window, i) & chunk_restorable(tray, i), i);
	/* Now: the tray may be gone afterwards. */
	uint64_t proven = policy_touched(&model->paging->policy, chunk, tray, mask, i);

	model->counts.soft++;
	put_back(model, chunk, tray, mask);
	chunk_prove(&model->paging->pages, chunk, proven & mask);
}

/* -- read ahead: ahead.c, where a read is done at once ---------------------------------- */

static struct tray *tray_for(struct model *model, struct chunk *chunk, uint64_t mask)
{
	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
		if (tray->ahead && !(tray->frames & mask))
			return tray;
	return tray_alloc(&model->paging->pages.arena);
}

/* Takes the frames for a whole tray from one that has waited long. */
static void recycle(struct model *model)
{
	struct paging *paging = model->paging;

	if (credit_left(&paging->budget) >= (int64_t)(paging->budget.high + CHUNK_PAGES))
		return;
	if (paging->pages.waiting + CHUNK_PAGES <= policy_target(&paging->policy))
		evict_some(model, EVICT_BATCH * CHUNK_PAGES);
	else
		reclaim(model, 1, CHUNK_PAGES, FIRST_OWED);
}

/* false: no more can be read now. */
static bool read_chunk(struct model *model, struct chunk *chunk, uint64_t mask)
{
	struct paging *paging = model->paging;
	struct tray *tray;
	bool queued;

	mask &= chunk_readable(chunk);
	if (!mask)
		return true;
	if (!ahead_has_frames(paging, mask_count(mask)))
		return false;
	if (mask_count(mask) >= AHEAD_RECYCLES)
		recycle(model);
	tray = tray_for(model, chunk, mask);
	if (!tray || !credit_take(&paging->budget, mask_count(mask)))
		return false;
	queued = tray->queued;
	chunk_begin_ahead(&paging->pages, chunk, tray, mask);
	if (!queued)
		policy_wait(&paging->policy, tray);
	chunk_end_ahead(&paging->pages, chunk, tray, mask, mask);
	model->counts.read += mask_count(mask);
	return true;
}

static bool is_there(const struct model *model, int64_t number)
{
	return number >= FIRST_CHUNK && number - FIRST_CHUNK < model->chunk_count;
}

/* Reads take no time here: no reader is ever late. */
static void read_ahead(struct model *model, struct ahead ahead)
{
	struct ahead left = ahead;
	int64_t number;
	uint64_t mask;

	if (ahead.count)
		model->ample_left = model->ample_faults + 1;
	while (ahead_next(&ahead, &number, &mask)) {
		if (is_there(model, number) &&
		    !read_chunk(model, &model->chunks[number - FIRST_CHUNK], mask)) {
			readahead_stopped(&model->paging->readahead, left);
			return;
		}
		left = ahead;
	}
}

/* -- touches --------------------------------------------------------------------------- */

static void serve(struct model *model, struct chunk *chunk, unsigned i, uint64_t with)
{
	struct paging *paging = model->paging;
	uint64_t page = (chunk->address >> page_shift()) + i;
	bool cached = chunk->cached & mask_bit(i);
	struct window window = readahead_fault(&paging->readahead, page, !cached);

	if (model->ample_left)
		model->ample_left--;
	if (cached)
		serve_cached(model, chunk, i, window);
	else if (chunk->swapped & mask_bit(i))
		serve_swapped(model, chunk, i, window);
	else
		serve_absent(model, chunk, i, with);
	policy_insert(&paging->policy, chunk);
	readahead_clip(&paging->readahead, page, window, chunk->resident);
	read_ahead(model, window.ahead);
	while (make_room(model))
		;
}

int model_touch(struct model *model, uint32_t page, uint64_t with)
{
	struct chunk *chunk = &model->chunks[page / CHUNK_PAGES];
	unsigned i = page % CHUNK_PAGES;
	int err;

	if (chunk->resident & mask_bit(i))
		return 0;
	err = take_frame(model); /* may evict, and reclaim what was cached */
	if (!err)
		serve(model, chunk, i, with);
	return err;
}

void model_discard(struct model *model, uint32_t number, uint64_t mask)
{
	struct chunk *chunk = &model->chunks[number];

	chunk->swapped &= ~mask; /* there is no swap space that would take the slots back */
	chunk_discard(&model->paging->pages, chunk, mask);
}

struct model_counts model_counts(const struct model *model)
{
	return model->counts;
}
