/* SPDX-License-Identifier: MIT */
/* pack.c - pages that leave are packed, and come back unpacked: see pack.h */
#include "paging/pack.h"
#include "base/hash.h"
#include "base/usdt.h"
#include "paging/fill.h"

/* The stock of empty blocks is this part of the budget. */
#define STOCK_DIVISOR 256
#define STOCK_LEAST 2
#define STOCK_MOST 16

/* Blocks are drained if more than this part of their frames, and more than so many, hold nothing. */
#define THIN_DIVISOR 8
#define THIN_LEAST 64

/* Chunks that are passed on at once. */
#define PASSED_BATCH 4

/* After so many pages of a region that did not pack, only one of a chunk is tried. */
#define ODD_MANY 16
#define REGION_SHIFT 24

/* -- which are worth a try ---------------------------------------------------------------- */

static _Atomic uint8_t *oddness(struct paging *paging, const struct chunk *chunk)
{
	return &paging->odd[(chunk->address >> REGION_SHIFT) % ODD_REGIONS];
}

static void note_odd(_Atomic uint8_t *odd, bool is_odd)
{
	uint8_t many = *odd;

	if (is_odd && many < ODD_MANY)
		*odd = many + 1;
	else if (!is_odd && many)
		*odd = many / 2;
}

/* -- away ------------------------------------------------------------------------------------ */

/* Does the store hold more than its share? */
static bool is_over(const struct paging *paging)
{
	return (int64_t)(paging->store.compressed.slab.used >> page_shift()) >
	       apportion_share(&paging->apportion);
}

/* May the store take frames? */
static bool may_grow(const struct paging *paging)
{
	return (int64_t)slab_frames(&paging->store.compressed.slab) <
	       apportion_share(&paging->apportion);
}

/* How many empty blocks there should be: to pack pages takes frames before it frees some. */
static unsigned stock_of(const struct paging *paging)
{
	int64_t blocks = paging->budget.limit / STOCK_DIVISOR / SLAB_PAGES;

	return blocks < STOCK_LEAST  ? STOCK_LEAST
	       : blocks < STOCK_MOST ? (unsigned)blocks
				     : STOCK_MOST;
}

/* false: there is no room. */
static bool pack_page(struct handler *handler, struct chunk *chunk, const struct tray *tray,
		      unsigned i, bool *ret_odd)
{
	struct paging *paging = handler->paging;
	bool grow = may_grow(paging);
	compressed_place at;
	uint64_t word;

	at = compressed_put(&paging->store.compressed, &handler->packer, tray_page(tray, i),
			    chunk_page_number(chunk, i), grow, &word, ret_odd);
	if (at != COMPRESSED_NONE)
		chunk_keep_compressed(&paging->pages, chunk, i, at, word);
	return at != COMPRESSED_NONE || *ret_odd;
}

/* Those that take room. */
static uint64_t objects(const struct chunk *chunk, uint64_t mask)
{
	uint64_t ret = 0;
	unsigned i;

	mask_for_each(i, mask & chunk->compressed)
		if (chunk->at[i] != COMPRESSED_WORD)
			ret |= mask_bit(i);
	return ret;
}

/* What these take, which have just been packed. */
static uint64_t packed_bytes(const struct paging *paging, const struct chunk *chunk, uint64_t mask)
{
	uint64_t ret = 0, number;
	unsigned bytes, i;

	mask_for_each(i, objects(chunk, mask)) {
		slab_object(&paging->store.compressed.slab, chunk->at[i], &bytes, &number);
		ret += bytes;
	}
	return ret;
}

uint64_t pack_away(struct handler *handler, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	struct paging *paging = handler->paging;
	_Atomic uint8_t *odd = oddness(paging, chunk);
	unsigned i;

	if (!compressed_is_open(&paging->store.compressed))
		return 0;
	apportion_note_left(&paging->apportion, mask_count(mask & ~chunk->ordered));
	if (!apportion_admits(&paging->apportion, chunk->address))
		return 0;
	mask &= ~(chunk->compressed | chunk->ordered);
	mask_for_each(i, mask) {
		bool is_odd;

		if (!pack_page(handler, chunk, tray, i, &is_odd))
			break;
		note_odd(odd, is_odd);
		if (is_odd && *odd >= ODD_MANY)
			break;
	}
	mask &= chunk->compressed;
	stat_add(&paging->stats->pages_compressed, mask_count(mask));
	stat_add(&paging->stats->bytes_packed, packed_bytes(paging, chunk, mask));
	USDT(pack, chunk->address, mask);
	if (objects(chunk, mask))
		policy_insert_compressed(&paging->policy, chunk);
	return mask;
}

/* -- back ------------------------------------------------------------------------------------ */

/* Unpacks page i to where it is asked.  false: it is not what was packed. */
static bool unpack(const struct paging *paging, const struct chunk *chunk, unsigned i, void *to)
{
	if (!compressed_get(&paging->store.compressed, chunk->at[i], chunk->page[i].hash, to))
		return false;
	return chunk->at[i] == COMPRESSED_WORD ||
	       hash_page(paging->hash_key, to) == chunk->page[i].hash;
}

/* The copy of this page is damaged.  If swap space has it as well, it is read from there. */
static void lose(struct paging *paging, struct chunk *chunk, unsigned i)
{
	uint64_t bit = mask_bit(i);

	stat_add(&paging->stats->read_errors, 1);
	chunk_drop_compressed(&paging->pages, chunk, bit);
	if (chunk->filling & bit)
		chunk_end_fill(&paging->pages, chunk, bit, 0);
	if (!(chunk->swapped & bit))
		fill_lose(paging, chunk, bit, "the compressed store holds other contents");
}

/* Pages of one run, few enough for the packer's buffer. */
static uint64_t bring_run(struct handler *handler, struct chunk *chunk, uint64_t run,
			  bool *ret_again)
{
	struct paging *paging = handler->paging;
	unsigned first = mask_first(run), i;
	uint64_t good = 0;

	mask_for_each(i, run) {
		if (unpack(paging, chunk, i, packer_page(&handler->packer, i - first)))
			good |= mask_bit(i);
		else
			lose(paging, chunk, i);
	}
	return fill_copy(paging, chunk, good,
			 packer_page(&handler->packer, 0) - ((size_t)first << page_shift()),
			 ret_again);
}

uint64_t pack_bring(struct handler *handler, struct chunk *chunk, uint64_t mask, bool keep,
		    bool *ret_again)
{
	struct pages *pages = &handler->paging->pages;
	uint64_t installed = 0;

	for (uint64_t left = mask, run; left; left &= ~run) {
		run = mask_first_run(left);
		run &= mask_range(mask_first(run), PACKER_PAGES);
		installed |= bring_run(handler, chunk, run, ret_again);
	}
	chunk_end_fill(pages, chunk, mask & chunk->filling, installed);
	if (!keep)
		chunk_drop_compressed(pages, chunk, installed);
	return installed;
}

/* -- onward ---------------------------------------------------------------------------------- */

/* Takes frames for as many of these pages as can be unpacked now.  Where there are none, what is kept
 * for this purpose will do for a few, since the store itself may be what holds all frames. */
static uint64_t take_frames(struct budget *budget, uint64_t mask, unsigned char *ret_lent)
{
	*ret_lent = 0;
	if (credit_take(budget, mask_count(mask)))
		return mask;
	mask = mask_lowest(mask, PACK_RESERVE);
	*ret_lent = (unsigned char)mask_count(mask);
	return credit_lend(budget, *ret_lent) ? mask : 0;
}

/* A tray, and frames for as many of the pages as there are.  NULL: there are none. */
static struct tray *begin_passing(struct paging *paging, uint64_t *mask)
{
	struct budget *budget = &paging->budget;
	struct tray *tray;
	unsigned char lent;

	*mask = take_frames(budget, *mask, &lent);
	if (!*mask)
		return NULL;
	tray = tray_alloc(&paging->pages.arena);
	if (tray) {
		tray->lent = lent;
	} else {
		credit_give(budget, mask_count(*mask));
		credit_lent(budget, lent);
	}
	return tray;
}

/* Unpacks these pages into a tray, from which they are written.  Returns those that went. */
static uint64_t pass(struct handler *handler, struct chunk *chunk, uint64_t mask)
{
	struct paging *paging = handler->paging;
	struct tray *tray = begin_passing(paging, &mask);
	uint64_t bad = 0;
	unsigned i;

	if (!tray)
		return 0;
	mask_for_each(i, mask)
		if (!unpack(paging, chunk, i, tray_page(tray, i)))
			bad |= mask_bit(i);
	chunk_begin_passing(&paging->pages, chunk, tray, mask);
	chunk_uncache(&paging->pages, chunk, tray, bad);
	mask_for_each(i, bad)
		lose(paging, chunk, i);
	mask &= ~bad;
	fill_put_back(paging, chunk, tray, mask & ~writeback_add(&handler->writes, tray, mask));
	policy_wait_first(&paging->policy, tray);
	mask &= tray->writing | chunk->resident;
	chunk_drop_compressed(&paging->pages, chunk, mask);
	stat_add(&paging->stats->pages_passed, mask_count(mask));
	return mask;
}

/* Lets the oldest pages go on to swap space, or drops what swap space has, or what is resident, too.
 * The caller holds no lock.  true: something was done. */
static bool pass_on(struct handler *handler)
{
	struct paging *paging = handler->paging;
	struct chunk *chunk = policy_pick_compressed(&paging->policy);
	uint64_t victims, spare, since;

	if (!chunk)
		return false;
	if (!chunk_try_lock(chunk)) {
		policy_unpick(&paging->policy, chunk, STANDING_COMPRESSED);
		return false;
	}
	since = sys_now();
	victims = policy_oldest(&paging->policy, chunk, objects(chunk, ~UINT64_C(0)));
	spare = victims & (chunk->swapped | chunk->resident);
	chunk_drop_compressed(&paging->pages, chunk, spare);
	victims &= ~spare & chunk_unpackable(chunk);
	if (victims)
		victims = pass(handler, chunk, victims);
	if (objects(chunk, ~UINT64_C(0)))
		policy_insert_compressed(&paging->policy, chunk);
	chunk_check(chunk);
	chunk_unlock(chunk);
	apportion_note_passed(&paging->apportion, mask_count(victims | spare), sys_now() - since);
	return (victims | spare) != 0;
}

/* -- drained --------------------------------------------------------------------------------- */

/* Are there many frames that hold nothing, since they are in blocks that hold something? */
static bool is_thin(const struct paging *paging)
{
	const struct slab *slab = &paging->store.compressed.slab;
	uint64_t held = slab_frames(slab);

	return held > (slab->used >> page_shift()) + held / THIN_DIVISOR + THIN_LEAST;
}

/* Moves one object to a block that stays. */
static void move_object(struct paging *paging, uint32_t slot)
{
	struct compressed *compressed = &paging->store.compressed;
	struct chunk *chunk;
	compressed_place to;
	uint64_t number;
	unsigned bytes, i;

	slab_object(&compressed->slab, slot, &bytes, &number);
	chunk = pagetable_find(&paging->pages.table, (uintptr_t)number << page_shift());
	if (!chunk || !chunk_try_lock(chunk))
		return;
	i = (unsigned)(number % CHUNK_PAGES);
	if ((chunk->compressed & mask_bit(i)) && chunk->at[i] == slot) {
		to = compressed_copy(compressed, slot);
		if (to != COMPRESSED_NONE)
			chunk_move_compressed(&paging->pages, chunk, i, to);
	}
	chunk_unlock(chunk);
}

/* Frees one such block, as far as it gets the locks of its pages. */
static void drain(struct paging *paging)
{
	struct slab *slab = &paging->store.compressed.slab;
	uint32_t block = slab_drain(slab), slot = SLAB_NONE;

	if (block == SLAB_NONE)
		return;
	while (slab_next(slab, block, &slot))
		move_object(paging, slot);
	slab_drained(slab, block);
}

/* -- now and then ------------------------------------------------------------------------------ */

void pack_tend(struct handler *handler)
{
	struct paging *paging = handler->paging;
	struct compressed *compressed = &paging->store.compressed;
	unsigned stock;

	if (!compressed_is_open(compressed))
		return;
	stock = stock_of(paging);
	slab_trim(&compressed->slab, 2 * stock);
	slab_stock(&compressed->slab, stock);
	apportion_judge(&paging->apportion, paging->policy.left, compressed->pages,
			compressed->slab.used);
	if (is_thin(paging))
		drain(paging);
	for (unsigned n = 0;
	     n < PASSED_BATCH && is_over(paging) && writeback_has_room(&handler->writes); n++)
		if (!pass_on(handler))
			break;
}

bool pack_relieve(struct handler *handler)
{
	struct paging *paging = handler->paging;

	drain(paging);
	if (slab_trim(&paging->store.compressed.slab, 0))
		return true;
	return writeback_has_room(&handler->writes) && pass_on(handler);
}
