/* SPDX-License-Identifier: MIT */
/* fault.c - a page fault, served: see fault.h */
#include "paging/fault.h"
#include "paging/ways.h"
#include "paging/ahead.h"
#include "paging/fill.h"
#include "paging/pack.h"
#include "paging/spent.h"
#include "base/usdt.h"
#include "paging/watch.h"

/* A fault that is being served.  Its chunk is locked. */
struct serving {
	struct handler *handler;
	struct paging *paging;
	const struct uffd_fault *fault;
	struct chunk *chunk;
	unsigned i;	    /* its page in the chunk */
	struct ahead ahead; /* what to read ahead of it, once the lock is dropped */
};

/* -- windows -------------------------------------------------------------------- */

static uint64_t page_number(const struct serving *s)
{
	return chunk_page_number(s->chunk, s->i);
}

/* missing: the page must be read or made. */
static struct window ask_window(struct serving *s, bool missing)
{
	struct window window = readahead_fault(&s->paging->readahead, page_number(s), missing);

	s->ahead = window.ahead;
	return window;
}

/* coming: pages that are about to come by themselves. */
static void tell_window(struct serving *s, struct window window, uint64_t coming)
{
	readahead_clip(&s->paging->readahead, page_number(s), window, s->chunk->resident | coming);
}

/* Makes the threads that wait for the page fault again. */
static void wake(const struct serving *s)
{
	uffd_wake(&s->paging->uffd, chunk_page(s->chunk, s->i), page_size());
}

/* These pages were installed: was the one that faulted among them?  again: if not, it is worth
 * another try. */
static enum answer judge(const struct serving *s, uint64_t installed, bool again)
{
	if (installed & mask_bit(s->i))
		return ANSWER_DONE;
	if (again)
		return ANSWER_LATER;
	wake(s);
	return ANSWER_DONE;
}

/* Pages that come along with so many others are being used in order. */
#define ORDERED_RUN 8

/* The page that faulted returns, and these with it. */
static void note_return(const struct serving *s, uint64_t mask)
{
	struct paging *paging = s->paging;
	struct chunk *chunk = s->chunk;

	if (paging->compresses && !(chunk->ordered & mask_bit(s->i)))
		apportion_note_return(&paging->apportion,
				      policy_away(&paging->policy, chunk, s->i));
	if (mask_count(mask) >= ORDERED_RUN)
		chunk->ordered |= mask;
	else
		chunk->ordered &= ~mask;
}

/* -- absent --------------------------------------------------------------------- */

/* Takes credits for all pages of mask, or at least for the one that faulted. */
static bool take_credits(const struct serving *s, uint64_t *mask)
{
	struct budget *budget = &s->paging->budget;

	if (credit_take(budget, mask_count(*mask)))
		return true;
	*mask = mask_bit(s->i);
	return credit_take(budget, 1);
}

static enum answer serve_absent(struct serving *s)
{
	struct paging *paging = s->paging;
	struct chunk *chunk = s->chunk;
	struct window window = ask_window(s, true);
	uint64_t mask = window_mask(window, s->i) & chunk_absent(chunk);
	uint64_t installed;
	bool again = false;

	if (!paging_has_room(paging, 1)) {
		paging_tell_full(paging);
		return ANSWER_REFUSED;
	}
	if (!take_credits(s, &mask))
		return ANSWER_STARVED;
	chunk_begin_fill(chunk, mask);
	chunk->ordered &= ~mask;
	installed = fill_copy(paging, chunk, mask, paging->zeros, &again);
	chunk_end_fill(&paging->pages, chunk, mask, installed);
	credit_give(&paging->budget, mask_count(mask & ~installed));
	policy_insert(&paging->policy, chunk);
	tell_window(s, window, 0);
	stat_add(&paging->stats->faults_zero, 1);
	watch_note(s->handler, TRACE_ZERO, chunk, s->i, installed);
	stat_add(&paging->stats->pages_zeroed, mask_count(installed));
	return judge(s, installed, again);
}

void fault_prove_refaults(struct paging *paging, struct chunk *chunk, uint64_t mask)
{
	chunk_prove(&paging->pages, chunk, policy_refault(&paging->policy, chunk, mask));
}

/* -- cached --------------------------------------------------------------------- */

/* What is copied leaves its frames behind for now, and takes new ones.  So if there are none,
 * everything goes back with its own. */
static bool copies_back(struct paging *paging, uint64_t mask)
{
	bool moves = paging->uffd.move && ways_restore_by_move(&paging->prices, mask);

	return !moves && credit_take(&paging->budget, mask_count(mask));
}

static enum answer serve_cached(struct serving *s)
{
	struct paging *paging = s->paging;
	struct chunk *chunk = s->chunk;
	struct tray *tray = chunk_tray_of(chunk, s->i);
	/* From a watched tray the page comes alone, so that the touch of the next one is seen
	 * too. */
	struct window window = tray->watched ? (struct window){ .pages = 1 } : ask_window(s, false);
	uint64_t mask = window_mask(window, s->i) & chunk_restorable(tray, s->i);
	/* No write is reading its frames, and they may stay with the pages. */
	bool idle = !(mask & tray->writing) && !tray->lent;
	uint64_t proven, written = tray->written, installed;
	bool copies, ahead = tray->ahead, again = false;

	copies = copies_back(paging, mask) || (!idle && take_credits(s, &mask));
	if (!copies && !idle)
		return ANSWER_STARVED;
	/* Before the tray may become another's. */
	proven = policy_touched(&paging->policy, chunk, tray, mask, s->i);
	if (copies) {
		installed = fill_restore_copy(paging, chunk, mask, tray, &again);
		spent_note(&paging->pages.arena, tray);
	} else {
		installed = fill_restore_move(paging, chunk, mask, tray, &again);
		fill_drop_tray(paging, chunk, tray);
	}
	chunk_prove(&paging->pages, chunk, installed & proven);
	if (ahead)
		chunk->ordered |= installed;
	policy_insert(&paging->policy, chunk);
	tell_window(s, window, 0);
	stat_add(&paging->stats->faults_soft, 1);
	stat_add(&paging->stats->pages_unread, mask_count(installed & written));
	watch_note(s->handler, TRACE_SOFT, chunk, s->i, installed);
	return judge(s, installed, again);
}

/* -- compressed ------------------------------------------------------------------ */

/* Pages that come along with others are being read in order: they keep their copies, since they soon
 * leave as they are. */
static enum answer serve_compressed(struct serving *s)
{
	struct paging *paging = s->paging;
	struct chunk *chunk = s->chunk;
	struct window window = ask_window(s, true);
	uint64_t mask = window_mask(window, s->i) & chunk_unpackable(chunk), installed;
	bool again = false;

	if (!take_credits(s, &mask))
		return ANSWER_STARVED;
	chunk_begin_fill(chunk, mask);
	fault_prove_refaults(paging, chunk, mask);
	note_return(s, mask);
	installed = pack_bring(s->handler, chunk, mask, mask != mask_bit(s->i), &again);
	credit_give(&paging->budget, mask_count(mask & ~installed));
	policy_insert(&paging->policy, chunk);
	tell_window(s, window, 0);
	stat_add(&paging->stats->faults_compressed, 1);
	watch_note(s->handler, TRACE_SOFT, chunk, s->i, installed);
	return judge(s, installed, again);
}

/* -- swapped -------------------------------------------------------------------- */

static enum answer serve_swapped(struct serving *s)
{
	struct fills *fills = &s->handler->fills;
	struct chunk *chunk = s->chunk;
	struct window window = ask_window(s, true);
	uint64_t mask = window_mask(window, s->i) & chunk_readable(chunk), got, more;
	enum answer answer = fill_start(fills, chunk, mask, s->i, s->fault, &got);

	if (answer != ANSWER_DONE)
		return answer;
	stat_add(&s->paging->stats->faults_major, 1);
	/* The rest of the window, which lies elsewhere on swap space. */
	for (uint64_t rest = mask & ~got; rest; rest &= ~more) {
		if (fill_start(fills, chunk, rest, mask_first(rest), NULL, &more) != ANSWER_DONE)
			break;
		got |= more;
	}
	watch_note(s->handler, TRACE_MAJOR, chunk, s->i, got);
	fault_prove_refaults(s->paging, chunk, got);
	note_return(s, got);
	tell_window(s, window, got);
	return ANSWER_DONE;
}

/* -- the others ------------------------------------------------------------------ */

static enum answer serve_resident(struct serving *s)
{
	struct paging *paging = s->paging;
	long result =
		uffd_copy(&paging->uffd, chunk_page(s->chunk, s->i), paging->zeros, page_size());

	if (result > 0) {
		/* The program discarded the page without our seeing it.  Its frame is gone, and the
		 * new one takes its place; the copy in the store is out of date. */
		chunk_drop_copies(&paging->pages, s->chunk, mask_bit(s->i));
		paging_note_behind(paging);
	} else if (result == -EAGAIN || result == -ENOMEM) {
		return ANSWER_LATER;
	} else {
		wake(s);
	}
	stat_add(&paging->stats->faults_other, 1);
	return ANSWER_DONE;
}

/* A write to a page that an eviction had protected.  If the page is still here, the eviction was
 * given up or left it out. */
static enum answer serve_protected(struct serving *s)
{
	uffd_protect(&s->paging->uffd, chunk_page(s->chunk, s->i), page_size(), false);
	wake(s);
	stat_add(&s->paging->stats->faults_other, 1);
	return ANSWER_DONE;
}

/* Whoever waits for the page is woken when it is there. */
static enum answer serve_filling(struct serving *s)
{
	readahead_late(&s->paging->readahead, page_number(s));
	return ANSWER_DONE;
}

/* The mark is gone, or was never there: a fork's child loses pages of which swap space has no
 * copy. */
static enum answer serve_poisoned(struct serving *s)
{
	fill_mark_lost(s->paging, chunk_page(s->chunk, s->i));
	return ANSWER_DONE;
}

/* The fault was reported before the page became another userfaultfd's.  The thread faults again. */
static enum answer serve_foreign(struct serving *s)
{
	wake(s);
	return ANSWER_DONE;
}

static enum answer note_latency(const struct serving *s, enum latency_kind kind, enum answer answer)
{
	uint64_t ns;

	if (answer != ANSWER_DONE)
		return answer;
	ns = sys_now() - s->fault->seen;
	latency_note(&s->paging->stats->latency[kind], ns);
	if (kind == LATENCY_COMPRESSED)
		apportion_note_compressed(&s->paging->apportion, ns);
	USDT(fault_done, s->fault->address, kind, ns);
	return ANSWER_DONE;
}

static enum answer serve_locked(struct serving *s)
{
	const struct chunk *chunk = s->chunk;
	uint64_t bit = mask_bit(s->i);

	if (chunk->resident & bit)
		return s->fault->write_protected ? serve_protected(s) : serve_resident(s);
	if (chunk->filling & bit)
		return serve_filling(s);
	if (chunk->foreign & bit)
		return serve_foreign(s);
	if (chunk->poisoned & bit)
		return serve_poisoned(s);
	if (chunk->cached & bit)
		return note_latency(s, LATENCY_SOFT, serve_cached(s));
	if (chunk->compressed & bit)
		return note_latency(s, LATENCY_COMPRESSED, serve_compressed(s));
	if (chunk->swapped & bit)
		return serve_swapped(s);
	return note_latency(s, LATENCY_ZERO, serve_absent(s));
}

enum answer fault_serve(struct handler *handler, const struct uffd_fault *fault)
{
	struct paging *paging = handler->paging;
	struct serving s = { .handler = handler, .paging = paging, .fault = fault };
	enum answer answer;

	s.chunk = pagetable_make(&paging->pages.table, fault->address);
	if (!s.chunk) /* no memory for its row */
		return ANSWER_REFUSED;
	if (!chunk_try_lock(s.chunk))
		return ANSWER_LATER;
	s.i = chunk_index(s.chunk, fault->address);
	answer = serve_locked(&s);
	chunk_unlock(s.chunk);
	if (answer == ANSWER_DONE && s.ahead.count)
		ahead_read(handler, s.ahead);
	if (answer == ANSWER_DONE && __builtin_expect(paging->watch != NULL, 0))
		watch_touched(handler, s.chunk);
	return answer;
}

/* -- asked for ahead --------------------------------------------------------------- */

/* Reads that an application asked for leave at least this many frames to faults; with fewer,
 * evictions begin. */
static bool frames_to_spare(const struct paging *paging)
{
	return credit_left(&paging->budget) >= (int64_t)paging->budget.low;
}

static bool will_need_chunk(struct handler *handler, struct chunk *chunk, uint64_t mask)
{
	uint64_t got;

	for (mask &= chunk_readable(chunk); mask; mask &= ~got) {
		if (!frames_to_spare(handler->paging))
			return false;
		if (fill_start(&handler->fills, chunk, mask, mask_first(mask), NULL, &got) !=
		    ANSWER_DONE)
			return false;
	}
	return true;
}

bool fault_will_need(struct handler *handler, uintptr_t *start, uintptr_t end)
{
	struct chunk *chunk = pagetable_next(&handler->paging->pages.table, *start, end);
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
