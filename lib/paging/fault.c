/* SPDX-License-Identifier: MIT */
/* fault.c - a page fault, served: see fault.h */
#include "paging/fault.h"
#include "paging/ahead.h"
#include "paging/fill.h"
#include "paging/spent.h"
#include "base/usdt.h"
#include "paging/watch.h"

/* -- windows -------------------------------------------------------------------- */

/* missing: the page has to be read or made. */
static struct window ask_window(struct handler *handler, struct chunk *chunk, unsigned i,
				bool missing)
{
	uint64_t page = (chunk->address >> page_shift()) + i;
	struct window window = readahead_fault(&handler->pager->readahead, page, missing);

	handler->ahead = window.ahead;
	return window;
}

/* These pages are about to come by themselves. */
static void tell_window(struct handler *handler, struct chunk *chunk, unsigned i,
			struct window window, uint64_t coming)
{
	readahead_clip(&handler->pager->readahead, (chunk->address >> page_shift()) + i, window,
		       chunk->resident | coming);
}

/* -- absent --------------------------------------------------------------------- */

/* Credits for the pages of mask, or for page i alone. */
static bool take_credits(struct handler *handler, uint64_t *mask, unsigned i)
{
	struct arena *arena = &handler->pager->arena;

	if (credit_take(arena, mask_count(*mask)))
		return true;
	*mask = mask_bit(i);
	if (credit_take(arena, 1))
		return true;
	handler->starved = true;
	return false;
}

/* Would a new page still find a place, here or on swap space? */
static bool has_room(struct handler *handler, struct chunk *chunk, unsigned i)
{
	struct pager *pager = handler->pager;

	if (pager_room(pager) > 0)
		return true;
	pager_tell_full(pager);
	handler->refused = (uintptr_t)chunk_page(chunk, i);
	return false;
}

static bool serve_absent(struct handler *handler, struct chunk *chunk, unsigned i)
{
	struct pager *pager = handler->pager;
	struct window window = ask_window(handler, chunk, i, true);
	uint64_t mask = window_mask(window, i) & chunk_absent(chunk);
	uint64_t installed;
	bool again = false;

	if (!has_room(handler, chunk, i) || !take_credits(handler, &mask, i))
		return false;
	chunk_begin_fill(chunk, mask);
	installed = fill_copy(pager, chunk, mask, pager->zeros, &again);
	chunk_end_fill(pager, chunk, mask, installed);
	credit_give(&pager->arena, mask_count(mask & ~installed));
	policy_insert(&pager->policy, chunk);
	tell_window(handler, chunk, i, window, 0);
	stat_add(&pager->stats->faults_zero, 1);
	watch_note(handler, TRACE_ZERO, chunk, i, installed);
	stat_add(&pager->stats->pages_zeroed, mask_count(installed));
	if (again && !(installed & mask_bit(i)))
		return false;
	if (!(installed & mask_bit(i)))
		uffd_wake(&pager->uffd, chunk_page(chunk, i), page_size());
	return true;
}

void fault_prove_refaults(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	chunk_prove(pager, chunk, policy_refault(&pager->policy, chunk, mask, pager->arena.limit));
}

/* -- cached --------------------------------------------------------------------- */

/* Few pages in a run go back by a copy, which never flushes the TLB; their frames stay behind
 * for now.  It takes new ones, so without any, all go back with their own. */
static bool copies_back(struct pager *pager, uint64_t mask)
{
	return !fill_moves(mask) && credit_take(&pager->arena, mask_count(mask));
}

static bool serve_cached(struct handler *handler, struct chunk *chunk, unsigned i)
{
	struct pager *pager = handler->pager;
	struct tray *tray = chunk_tray_of(chunk, i);
	/* Of what is watched the page alone comes: who touches the next one shall be seen. */
	struct window window = tray->unseen ? (struct window){ .pages = 1 }
					    : ask_window(handler, chunk, i, false);
	uint64_t mask = window_mask(window, i) & chunk_restorable(tray, i);
	bool idle = !(mask & tray->writing); /* no write reads from its frames */
	bool ahead = tray->ahead;	     /* it may be another's when all is done */
	uint64_t installed;
	bool again = false;

	if (copies_back(pager, mask) || (!idle && take_credits(handler, &mask, i))) {
		installed = fill_restore_copy(pager, chunk, mask, tray, &again);
		spent_note(&pager->arena, tray);
	} else if (idle) {
		installed = fill_restore_move(pager, chunk, mask, tray, &again);
		fill_drop_tray(pager, chunk, tray);
	} else {
		return false;
	}
	if (ahead)
		fault_prove_refaults(pager, chunk, installed);
	else
		chunk_prove(pager, chunk, installed & mask_bit(i));
	policy_insert(&pager->policy, chunk);
	tell_window(handler, chunk, i, window, 0);
	stat_add(&pager->stats->faults_soft, 1);
	watch_note(handler, TRACE_SOFT, chunk, i, installed);
	if (again && !(installed & mask_bit(i)))
		return false;
	if (!(installed & mask_bit(i)))
		uffd_wake(&pager->uffd, chunk_page(chunk, i), page_size());
	return true;
}

/* -- swapped -------------------------------------------------------------------- */

static bool serve_swapped(struct handler *handler, struct chunk *chunk, unsigned i)
{
	struct window window = ask_window(handler, chunk, i, true);
	uint64_t mask = window_mask(window, i) & chunk_readable(chunk);
	uint64_t got = fill_start(handler, chunk, mask, i);

	if (!got)
		return false;
	stat_add(&handler->pager->stats->faults_major, 1);
	/* The rest of the window, where it lies in other slots. */
	for (uint64_t rest = mask & ~got, more; rest; rest &= ~more) {
		more = fill_start(handler, chunk, rest, mask_first(rest));
		if (!more)
			break;
		got |= more;
	}
	watch_note(handler, TRACE_MAJOR, chunk, i, got);
	fault_prove_refaults(handler->pager, chunk, got);
	tell_window(handler, chunk, i, window, got);
	return true;
}

/* -- the others ------------------------------------------------------------------ */

static bool serve_resident(struct handler *handler, struct chunk *chunk, unsigned i)
{
	struct pager *pager = handler->pager;
	long result = uffd_copy(&pager->uffd, chunk_page(chunk, i), pager->zeros, page_size());

	if (result > 0) {
		/* The program discarded it without our seeing it: its frame was
		 * gone, the new one takes its place; a slot holds old contents. */
		chunk_drop_slots(pager, chunk, mask_bit(i));
		pager_note_behind(pager);
	} else if (result == -EAGAIN || result == -ENOMEM)
		return false;
	else
		uffd_wake(&pager->uffd, chunk_page(chunk, i), page_size());
	stat_add(&pager->stats->faults_other, 1);
	return true;
}

/* A write to a page that an eviction had protected: if the page is still here,
 * the eviction was given up, or left it out. */
static bool serve_protected(struct handler *handler, struct chunk *chunk, unsigned i)
{
	struct pager *pager = handler->pager;

	uffd_protect(&pager->uffd, chunk_page(chunk, i), page_size(), false);
	uffd_wake(&pager->uffd, chunk_page(chunk, i), page_size());
	stat_add(&pager->stats->faults_other, 1);
	return true;
}

/* The mark is gone, if it was ever there: in a fork's child a page is lost of which no copy is on
 * swap space. */
static bool serve_poisoned(struct handler *handler, struct chunk *chunk, unsigned i)
{
	fill_mark_lost(handler->pager, chunk_page(chunk, i));
	return true;
}

/* It had been told to us before the page became another's; who touches it faults again. */
static bool serve_foreign(struct handler *handler, struct chunk *chunk, unsigned i)
{
	uffd_wake(&handler->pager->uffd, chunk_page(chunk, i), page_size());
	return true;
}

static bool note_latency(struct handler *handler, enum latency_kind kind,
			 const struct uffd_fault *fault, bool served)
{
	uint64_t ns;

	if (!served)
		return false;
	ns = sys_now() - fault->seen;
	latency_note(&handler->pager->stats->latency[kind], ns);
	USDT(fault_done, fault->address, kind, ns);
	return true;
}

static bool serve_locked(struct handler *handler, struct chunk *chunk,
			 const struct uffd_fault *fault)
{
	unsigned i = chunk_index(chunk, fault->address);
	uint64_t bit = mask_bit(i);

	if (chunk->resident & bit)
		return fault->write_protected ? serve_protected(handler, chunk, i)
					      : serve_resident(handler, chunk, i);
	if (chunk->filling & bit)
		return true;
	if (chunk->foreign & bit)
		return serve_foreign(handler, chunk, i);
	if (chunk->poisoned & bit)
		return serve_poisoned(handler, chunk, i);
	if (chunk->cached & bit)
		return note_latency(handler, LATENCY_SOFT, fault, serve_cached(handler, chunk, i));
	if (chunk->swapped & bit)
		return serve_swapped(handler, chunk, i);
	return note_latency(handler, LATENCY_ZERO, fault, serve_absent(handler, chunk, i));
}

bool fault_serve(struct handler *handler, const struct uffd_fault *fault)
{
	struct chunk *chunk = pagetable_make(&handler->pager->table, fault->address);
	bool ret;

	if (!chunk) { /* no memory for its row */
		handler->refused = page_round_down(fault->address);
		return false;
	}
	if (!chunk_try_lock(chunk))
		return false;
	handler->ahead.count = 0;
	handler->serving = fault->seen;
	handler->serving_page = fault->address;
	ret = serve_locked(handler, chunk, fault);
	handler->serving = 0;
	chunk_unlock(chunk);
	if (ret && handler->ahead.count)
		ahead_read(handler, handler->ahead);
	if (ret && __builtin_expect(handler->pager->watch != NULL, 0))
		watch_touched(handler, chunk);
	return ret;
}

/* -- asked for ahead --------------------------------------------------------------- */

/* Reads asked for ahead leave about this much for faults; with less, there are evictions. */
static bool frames_to_spare(const struct pager *pager)
{
	struct pager *p = (struct pager *)pager;

	return credit_left(&p->arena) >= (int64_t)pager->low_frames;
}

static bool will_need_chunk(struct handler *handler, struct chunk *chunk, uint64_t mask)
{
	uint64_t got;

	for (mask &= chunk_readable(chunk); mask; mask &= ~got) {
		if (!frames_to_spare(handler->pager))
			return false;
		got = fill_start(handler, chunk, mask, mask_first(mask));
		if (!got)
			return false;
	}
	return true;
}

bool fault_will_need(struct handler *handler, uintptr_t *start, uintptr_t end)
{
	struct chunk *chunk = pagetable_next(&handler->pager->table, *start, end);
	bool done;

	if (!chunk) {
		*start = end;
		return true;
	}
	if (!chunk_try_lock(chunk))
		return false;
	done = will_need_chunk(handler, chunk, chunk_mask_of(chunk, *start, end));
	chunk_unlock(chunk);
	if (done)
		*start = chunk->address + chunk_size();
	return done && *start >= end;
}
