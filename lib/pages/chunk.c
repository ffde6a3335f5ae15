/* SPDX-License-Identifier: MIT */
/* chunk.c - the life of a page: see chunk.h
 *
 * All changes of a page's state are here, together with the counters that depend on it.
 */
#include "pages/chunk.h"
#include "pages/debug.h"
#include "pages/pages.h"

uint64_t chunk_mask_of(const struct chunk *chunk, uintptr_t start, uintptr_t end)
{
	uintptr_t chunk_end = chunk->address + chunk_size();
	uintptr_t from = start > chunk->address ? page_round_down(start) : chunk->address;
	uintptr_t to = end < chunk_end ? page_round_up(end) : chunk_end;

	if (from >= to)
		return 0;
	return mask_range(chunk_index(chunk, from), (unsigned)((to - from) >> page_shift()));
}

struct tray *chunk_tray_of(const struct chunk *chunk, unsigned i)
{
	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
		if (tray->valid & mask_bit(i))
			return tray;
	return NULL;
}

uint64_t chunk_restorable(const struct tray *tray, unsigned i)
{
	return tray->ahead && !tray->busy ? tray->valid : mask_run_around(tray->valid, i);
}

#ifdef SPILL_DEBUG
void chunk_check(const struct chunk *chunk)
{
	uint64_t cached = 0, fills = 0;

	assert(!(chunk->resident & chunk->cached));
	assert(!(chunk->poisoned &
		 (chunk->resident | chunk->cached | chunk->compressed | chunk->swapped)));
	assert(!(chunk->filling & chunk->resident));
	assert(!(chunk->foreign & (chunk->resident | chunk->cached | chunk->compressed |
				   chunk->swapped | chunk->filling | chunk->poisoned)));
	assert(!(chunk->hot & ~(chunk->resident | chunk->filling)));
	for (const struct tray *tray = chunk->trays; tray; tray = tray->sibling) {
		assert(tray->chunk == chunk);
		assert(!(tray->valid & cached));
		assert(!(tray->valid & ~tray->frames));
		assert(!tray->unsaved || !(tray->writing | tray->written));
		cached |= tray->valid;
	}
	assert(cached == chunk->cached);
	for (const struct inflight *read = chunk->reads; read; read = read->sibling) {
		assert(!(read->mask & ~read->all));
		assert(!(read->mask & ~chunk->filling));
		assert(!(read->mask & fills));
		fills |= read->mask;
	}
}
#endif

/* Tells debug.h how these pages have just changed. */
static void note(const char *what, const struct chunk *chunk, uint64_t mask)
{
	if (debug_wants(DEBUG_PAGES))
		debug_change(what, chunk, mask);
}

static void count_resident(struct pages *pages, uint64_t more, uint64_t fewer)
{
	if (more != fewer)
		atomic_fetch_add(&pages->resident, mask_count(more) - (uint64_t)mask_count(fewer));
}

/* Pages have come to this tray, or left it. */
static void count_cached(struct pages *pages, const struct tray *tray, uint64_t more,
			 uint64_t fewer)
{
	uint64_t difference = mask_count(more) - (uint64_t)mask_count(fewer);

	if (!difference)
		return;
	atomic_fetch_add(&pages->cached, difference);
	if (tray->unsaved)
		atomic_fetch_add(&pages->unsaved, difference);
}

static void count_proven(struct pages *pages, uint64_t more, uint64_t fewer)
{
	if (more != fewer)
		atomic_fetch_add(&pages->proven, mask_count(more) - (uint64_t)mask_count(fewer));
}

/* Pages with contents that must not be lost. */
static uint64_t kept(const struct chunk *chunk)
{
	return chunk->resident | chunk->cached | chunk->compressed | chunk->swapped;
}

static void count_kept(struct pages *pages, const struct chunk *chunk, uint64_t before)
{
	if (kept(chunk) != before)
		atomic_fetch_add(&pages->kept,
				 mask_count(kept(chunk)) - (uint64_t)mask_count(before));
}

/* A fork may come between any two steps of another thread.  For a locked chunk the child asks its
 * own mapping about pages that are resident or filling, so a page must be one of these at every
 * moment. */
static void order_steps(void)
{
	atomic_thread_fence(memory_order_release);
}

void chunk_begin_fill(struct chunk *chunk, uint64_t mask)
{
	assert(!(mask & (chunk->filling | chunk->resident)));
	chunk->filling |= mask;
	note("begin fill", chunk, mask);
}

void chunk_end_fill(struct pages *pages, struct chunk *chunk, uint64_t mask, uint64_t installed)
{
	uint64_t before = kept(chunk);

	assert(!(mask & ~chunk->filling) && !(installed & ~mask));
	chunk->resident |= installed;
	order_steps();
	chunk->filling &= ~mask;
	chunk->hot &= ~(mask & ~installed);
	count_proven(pages, installed & chunk->hot, 0);
	count_resident(pages, installed, 0);
	count_kept(pages, chunk, before);
	note("end fill", chunk, mask);
}

void chunk_prove(struct pages *pages, struct chunk *chunk, uint64_t mask)
{
	assert(!(mask & ~(chunk->resident | chunk->filling)));
	count_proven(pages, mask & ~chunk->hot & chunk->resident, 0);
	chunk->hot |= mask;
}

static void tray_attach(struct chunk *chunk, struct tray *tray)
{
	tray->chunk = chunk;
	tray->valid = tray->writing = tray->written = 0;
	tray->busy = 0;
	tray->ahead = tray->passing = tray->watched = tray->probe = false;
	tray->unsaved = false;
	tray->sibling = chunk->trays;
	chunk->trays = tray;
}

void chunk_begin_ahead(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	assert(!(mask & tray->valid) && !(mask & ~chunk_readable(chunk)));
	if (tray->queued) {
		pages_count_queued(pages, tray, mask_count(mask & ~tray->frames));
	} else {
		tray_attach(chunk, tray);
		tray->ahead = true;
	}
	tray->frames |= mask;
	tray->busy++;
	chunk_begin_fill(chunk, mask);
	chunk_check(chunk);
}

void chunk_end_ahead(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask,
		     uint64_t good)
{
	assert(!(mask & ~chunk->filling) && !(good & ~mask));
	chunk->cached |= good;
	tray->valid |= good;
	chunk->filling &= ~mask;
	tray->busy--;
	count_cached(pages, tray, good, 0);
	note("end read ahead", chunk, mask);
}

void chunk_found_resident(struct pages *pages, struct chunk *chunk, uint64_t mask)
{
	uint64_t before = kept(chunk);

	mask &= ~chunk->resident;
	chunk->resident |= mask;
	count_resident(pages, mask, 0);
	count_kept(pages, chunk, before);
	credit_force(pages->arena.budget, mask_count(mask));
	note("found resident", chunk, mask);
	chunk_check(chunk);
}

/* Writes of these pages that are in flight have become useless. */
static void forget_writes(struct chunk *chunk, uint64_t mask)
{
	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling)
		tray->writing &= ~mask;
}

void chunk_evict(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	tray_attach(chunk, tray);
	tray->frames = 0;
	tray->unsaved = true;
	chunk_evict_more(pages, chunk, tray, mask);
}

void chunk_evict_more(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	assert(!(mask & ~chunk->resident) && !(mask & tray->frames) && !tray->queued);
	assert(tray->unsaved);
	forget_writes(chunk, mask);
	count_proven(pages, 0, mask & chunk->hot);
	chunk->hot &= ~mask;
	chunk->resident &= ~mask;
	chunk->cached |= mask;
	tray->frames |= mask;
	tray->valid |= mask;
	count_resident(pages, 0, mask);
	count_cached(pages, tray, mask, 0);
	note("evict", chunk, mask);
	chunk_check(chunk);
}

void chunk_save(struct pages *pages, struct tray *tray)
{
	assert(tray->unsaved && !tray->busy);
	tray->unsaved = false;
	atomic_fetch_sub(&pages->unsaved, mask_count(tray->valid));
}

void chunk_end_restore(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask,
		       uint64_t installed, bool moved)
{
	assert(!(installed & ~tray->valid));
	chunk->resident |= installed;
	chunk->cached &= ~installed;
	order_steps();
	chunk->filling &= ~(mask | installed);
	tray->valid &= ~installed;
	tray->written &= ~installed;
	if (moved) {
		tray->frames &= ~installed;
		if (tray->queued)
			pages_count_queued(pages, tray, -(int64_t)mask_count(installed));
	}
	count_resident(pages, installed, 0);
	count_cached(pages, tray, 0, installed);
	note("put back", chunk, installed);
}

void chunk_uncache(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	uint64_t before = kept(chunk);

	assert(!(mask & ~tray->valid));
	tray->valid &= ~mask;
	tray->writing &= ~mask;
	tray->written &= ~mask;
	chunk->cached &= ~mask;
	count_cached(pages, tray, 0, mask);
	count_kept(pages, chunk, before);
	note("reclaim", chunk, mask);
}

void chunk_detach(struct chunk *chunk, struct tray *tray)
{
	struct tray **link = &chunk->trays;

	assert(!tray->valid && !tray->busy);
	while (*link != tray)
		link = &(*link)->sibling;
	*link = tray->sibling;
	tray->sibling = NULL;
	tray->passing = false;
	chunk_check(chunk);
}

void chunk_keep_copy(struct chunk *chunk, unsigned i, struct place place)
{
	assert(!(chunk->swapped & mask_bit(i)));
	chunk->page[i].place = place;
	chunk->swapped |= mask_bit(i);
	note("keep copy", chunk, mask_bit(i));
}

void chunk_keep_compressed(struct pages *pages, struct chunk *chunk, unsigned i,
			   compressed_place at, uint64_t word)
{
	assert(!(chunk->compressed & mask_bit(i)) && at != COMPRESSED_NONE);
	if (at == COMPRESSED_WORD) {
		chunk_drop_swapped(pages, chunk, mask_bit(i));
		chunk->page[i].hash = word;
	}
	chunk->at[i] = at;
	chunk->compressed |= mask_bit(i);
	note("keep compressed", chunk, mask_bit(i));
}

void chunk_move_compressed(struct pages *pages, struct chunk *chunk, unsigned i,
			   compressed_place at)
{
	assert(chunk->compressed & mask_bit(i));
	compressed_free(&pages->store->compressed, chunk->at[i]);
	chunk->at[i] = at;
}

void chunk_drop_swapped(struct pages *pages, struct chunk *chunk, uint64_t mask)
{
	uint64_t before = kept(chunk);
	unsigned i;

	mask &= chunk->swapped;
	mask_for_each(i, mask)
		if (store_free(pages->store, chunk->page[i].place, 1))
			chunk->swapped &= ~mask_bit(i);
	count_kept(pages, chunk, before);
	note("drop swapped", chunk, mask);
}

void chunk_drop_compressed(struct pages *pages, struct chunk *chunk, uint64_t mask)
{
	uint64_t before = kept(chunk);
	unsigned i;

	mask &= chunk->compressed;
	mask_for_each(i, mask)
		if (compressed_free(&pages->store->compressed, chunk->at[i]))
			chunk->compressed &= ~mask_bit(i);
	count_kept(pages, chunk, before);
	note("drop compressed", chunk, mask);
}

void chunk_drop_copies(struct pages *pages, struct chunk *chunk, uint64_t mask)
{
	chunk_drop_swapped(pages, chunk, mask);
	chunk_drop_compressed(pages, chunk, mask);
}

void chunk_begin_passing(struct pages *pages, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	assert(!(mask & ~chunk_unpackable(chunk)));
	tray_attach(chunk, tray);
	tray->passing = true;
	tray->frames = tray->valid = mask;
	chunk->cached |= mask;
	count_cached(pages, tray, mask, 0);
	note("begin passing", chunk, mask);
}

/* Reads of these pages that are in flight will be thrown away when they arrive. */
static void forget_fills(struct chunk *chunk, uint64_t mask)
{
	for (struct inflight *read = chunk->reads; read; read = read->sibling)
		read->mask &= ~mask;
	chunk->filling &= ~mask;
}

void chunk_discard(struct pages *pages, struct chunk *chunk, uint64_t mask)
{
	uint64_t frames = chunk->resident & mask;
	uint64_t before;

	forget_fills(chunk, mask);
	for (struct tray *tray = chunk->trays; tray; tray = tray->sibling) {
		chunk_uncache(pages, chunk, tray, tray->valid & mask);
		tray->writing &= ~mask;
	}
	chunk_drop_copies(pages, chunk, mask);
	before = kept(chunk);
	count_proven(pages, 0, frames & chunk->hot);
	chunk->resident &= ~mask;
	chunk->poisoned &= ~mask;
	chunk->hot &= ~mask;
	chunk->unmovable &= ~mask;
	count_resident(pages, 0, frames);
	count_kept(pages, chunk, before);
	credit_give(pages->arena.budget, mask_count(frames));
	note("discard", chunk, mask);
	chunk_check(chunk);
}

void chunk_let_go(struct pages *pages, struct chunk *chunk, uint64_t mask)
{
	chunk_discard(pages, chunk, mask);
	chunk->foreign |= mask;
	note("let go", chunk, mask);
	chunk_check(chunk);
}

void chunk_welcome(struct chunk *chunk, uint64_t mask)
{
	chunk->foreign &= ~mask;
	note("welcome", chunk, mask);
	chunk_check(chunk);
}

void chunk_poison(struct pages *pages, struct chunk *chunk, uint64_t mask)
{
	uint64_t before = kept(chunk);
	unsigned i;

	assert(!(mask & (chunk->resident | chunk->cached | chunk->filling)));
	mask_for_each(i, mask & chunk->swapped)
		store_retire(pages->store, chunk->page[i].place, 1);
	chunk->swapped &= ~mask;
	chunk_drop_compressed(pages, chunk, mask);
	chunk->poisoned |= mask;
	count_kept(pages, chunk, before);
	note("poison", chunk, mask);
	chunk_check(chunk);
}

static bool is_queued(const struct chunk *chunk)
{
	return chunk->queue[0].here || chunk->queue[1].here || chunk->queue[2].here;
}

static void reset_queues(struct chunk *chunk)
{
	for (unsigned i = 0; i < sizeof(chunk->queue) / sizeof(chunk->queue[0]); i++)
		chunk->queue[i] = (struct queued){ 0 };
}

void chunk_forget(struct chunk *chunk)
{
	chunk->resident = chunk->hot = 0;
	reset_queues(chunk);
}

/* Everything that the chunk has is on swap space, and no thread was working on it. */
static bool is_at_rest(const struct chunk *chunk)
{
	return !(chunk->resident | chunk->cached | chunk->filling | chunk->hot) && !chunk->trays &&
	       !chunk->compressed && !chunk->reads && !chunk->lock.word && !is_queued(chunk);
}

uint64_t chunk_fork_child(struct pages *pages, struct chunk *chunk, uint64_t present)
{
	uint64_t candidates = chunk->resident | chunk->filling;
	uint64_t lost;

	/* Writing to the row would copy it.  Where most is paged out, most rows are at rest. */
	if (is_at_rest(chunk)) {
		count_kept(pages, chunk, 0);
		return 0;
	}
	if (chunk->filling || chunk->lock.word)
		chunk->resident = candidates & present;
	lock_reset(&chunk->lock);
	lost = chunk->cached & ~(chunk->compressed | chunk->swapped | chunk->resident);
	chunk->poisoned |= lost;
	chunk->cached = chunk->filling = chunk->hot = 0;
	chunk->trays = NULL;
	chunk->reads = NULL;
	reset_queues(chunk);
	count_resident(pages, chunk->resident, 0);
	count_kept(pages, chunk, 0);
	credit_force(pages->arena.budget, mask_count(chunk->resident));
	note("inherit", chunk, ~chunk_absent(chunk));
	chunk_check(chunk);
	return lost;
}
