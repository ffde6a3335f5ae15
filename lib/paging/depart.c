/* SPDX-License-Identifier: MIT */
/* depart.c - how the pages of a chunk leave for their tray: see depart.h */
#include "paging/depart.h"
#include "paging/exceed.h"
#include "paging/ways.h"
#include "kernel/pagemap.h"
#include "kernel/pins.h"
#include "kernel/zap.h"

/* How often a MOVE may be refused with EAGAIN before it is given up for now. */
#define MOVE_ATTEMPTS 8

/* -- by MOVE -------------------------------------------------------------------------- */

static size_t run_bytes(uint64_t run)
{
	return (size_t)mask_count(run) << page_shift();
}

/* MOVE refuses pages that a fork has shared until they are written to, even if the child is gone
 * (Linux 6.18, mm/userfaultfd.c: PageAnonExclusive).  A write in the kernel makes them ours.  If
 * MOVE then still says EBUSY, there is DMA.  No missing page may be in the range: the kernel would
 * wait for us to serve the fault. */
static bool make_exclusive(struct paging *paging, struct chunk *chunk, uint64_t run)
{
	uint64_t present = run & chunk->resident;
	bool any = false;

	present &= pagemap_present(paging->pagemap_fd, chunk_page(chunk, 0), CHUNK_PAGES);
	while (present) {
		uint64_t part = mask_first_run(present);

		any |= sys_madvise(chunk_page(chunk, mask_first(part)), run_bytes(part),
				   MADV_POPULATE_WRITE) == 0;
		present &= ~part;
	}
	return any;
}

/* What is left in a tray when it is given back is discarded.  That may be refused (locked memory),
 * and then it is in the way now.  If the chunk itself has the page, the tray's is nobody's. */
static bool sweep_tray(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t run)
{
	uint64_t left = run &
			pagemap_present(paging->pagemap_fd, chunk_page(chunk, 0), CHUNK_PAGES);
	bool any = false;
	unsigned i;

	left &= pagemap_present(paging->pagemap_fd, tray_page(tray, 0), CHUNK_PAGES);
	mask_for_each(i, left)
		any |= sys_madvise(tray_page(tray, i), page_size(), MADV_DONTNEED) == 0;
	return any;
}

struct mover {
	struct paging *paging;
	struct chunk *chunk;
	struct tray *tray;
	uint64_t moved;	   /* these are in the tray now */
	uint64_t copyable; /* refused because of their mapping (EINVAL) */
	unsigned attempts;
	bool unshared, swept;
};

/* Moves the beginning of a run; returns the pages that need no further attempt.  *ret_split: some
 * page of the run is refused, and the caller must find out which. */
static uint64_t move_step(struct mover *m, uint64_t run, bool *ret_split)
{
	unsigned first = mask_first(run);
	long result = uffd_move(&m->paging->uffd, m->paging->pagemap_fd, tray_page(m->tray, first),
				chunk_page(m->chunk, first), run_bytes(run));

	if (result > 0) {
		uint64_t done = mask_range(first, (unsigned)((size_t)result >> page_shift()));

		m->moved |= done;
		tray_changed(m->tray, done);
		return done;
	}
	if (result == -EAGAIN && m->attempts++ < MOVE_ATTEMPTS)
		return 0;
	if (result == -EBUSY && !m->unshared) {
		m->unshared = true;
		if (make_exclusive(m->paging, m->chunk, run))
			return 0;
	}
	if (result == -EEXIST && !m->swept) {
		m->swept = true;
		if (sweep_tray(m->paging, m->chunk, m->tray, run))
			return 0;
	}
	if (mask_count(run) > 1) {
		*ret_split = true;
		return 0;
	}
	if (result == -EINVAL)
		m->copyable |= run;
	return run;
}

static void move_run(struct mover *m, uint64_t run)
{
	while (run) {
		bool split = false;
		uint64_t done = move_step(m, run, &split);

		if (split) {
			/* Halve the run until the refused page is alone. */
			unsigned half = mask_count(run) / 2;
			uint64_t lower = mask_range(mask_first(run), half);

			move_run(m, lower);
			run &= ~lower;
		} else {
			run &= ~done;
		}
	}
}

/* One call from the first page to the last, across the holes, unless the chunk has other pages
 * there.  It may be refused or end early where a hole is a mapping that is not ours.  What lies
 * there must not be touched, so the rest goes run by run. */
static void move_span(struct mover *m, uint64_t victims)
{
	uint64_t span = mask_span(victims);
	unsigned first = mask_first(span);
	uint64_t done;
	long result;

	if (span == victims || (m->chunk->resident & span & ~victims))
		return;
	result = uffd_move(&m->paging->uffd, m->paging->pagemap_fd, tray_page(m->tray, first),
			   chunk_page(m->chunk, first), run_bytes(span));
	if (result <= 0)
		return;
	done = victims & mask_range(first, (unsigned)((size_t)result >> page_shift()));
	m->moved |= done;
	tray_changed(m->tray, done);
}

static uint64_t depart_by_move(struct paging *paging, struct chunk *chunk, struct tray *tray,
			       uint64_t victims, uint64_t *ret_copyable)
{
	struct mover m = { .paging = paging, .chunk = chunk, .tray = tray };

	if (victims)
		move_span(&m, victims);
	for (uint64_t todo = victims & ~m.moved, run; todo; todo &= ~run) {
		run = mask_first_run(todo);
		m.unshared = m.swept = false;
		move_run(&m, run);
	}
	*ret_copyable = m.copyable;
	return m.moved;
}

/* -- by copy ----------------------------------------------------------------------------- */

/* Reads a run through /proc/self/mem.  Where a page is missing this fails (EIO), while a plain read
 * would wait for us to serve the fault. */
static bool read_run(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t run)
{
	unsigned first = mask_first(run);
	char *to = tray_page(tray, first);
	size_t size = run_bytes(run);

	return sys_pread(paging->memory_fd, to, size, (uintptr_t)chunk_page(chunk, first)) ==
	       (long)size;
}

/* A page that the program discarded behind our back reads as zeros; its place in the tray stays
 * empty. */
static void read_pages(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t run)
{
	unsigned i;

	if (read_run(paging, chunk, tray, run))
		return;
	mask_for_each(i, run)
		if (!read_run(paging, chunk, tray, mask_bit(i)))
			sys_madvise(tray_page(tray, i), page_size(), MADV_DONTNEED);
}

/* A range was refused because of locked pages in it (mlock).  What lay before the first of them is
 * gone all the same: the kernel goes mapping by mapping.  So this tries each page alone, and one
 * that stays in place leaves the tray. */
static uint64_t discard_singly(struct chunk *chunk, struct tray *tray, uint64_t refused)
{
	uint64_t gone = 0;
	unsigned i;

	mask_for_each(i, refused) {
		if (sys_madvise(chunk_page(chunk, i), page_size(), MADV_DONTNEED) == 0)
			gone |= mask_bit(i);
		else
			sys_madvise(tray_page(tray, i), page_size(), MADV_DONTNEED);
	}
	return gone;
}

/* Discards pages that are in the tray as well; returns those that are gone. */
static uint64_t discard_pages(struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	struct iovec ranges[MASK_RUNS_MAX];
	unsigned n = mask_ranges(mask, chunk_page(chunk, 0), ranges), at = 0;
	uint64_t gone = 0;

	while (mask) {
		unsigned done = zap(ranges + at, n - at);
		uint64_t part = mask_lowest_runs(mask, done), refused;

		gone |= part;
		mask &= ~part;
		at += done;
		if (!mask)
			break;
		refused = mask_first_run(mask);
		gone |= discard_singly(chunk, tray, refused);
		mask &= ~refused;
		at++;
	}
	return gone;
}

static bool protect(struct paging *paging, struct chunk *chunk, uint64_t run, bool on)
{
	return uffd_protect(&paging->uffd, chunk_page(chunk, mask_first(run)), run_bytes(run),
			    on) == 0;
}

/* Protects everything from the first page to the last with one call.  Where a hole is a mapping
 * that is not ours, does it run by run.  Returns what is protected. */
static uint64_t protect_pages(struct paging *paging, struct chunk *chunk, uint64_t mask)
{
	uint64_t done = 0;

	if (protect(paging, chunk, mask_span(mask), true))
		return mask;
	for (uint64_t run; mask; mask &= ~run) {
		run = mask_first_run(mask);
		if (protect(paging, chunk, run, true))
			done |= run;
	}
	return done;
}

/* Unprotects what stays, and what was protected along with it.  (If this fails, a write raises a
 * fault that finds the page here.) */
static void unprotect_span(struct paging *paging, struct chunk *chunk, uint64_t mask)
{
	uint64_t span = mask_span(mask);

	if (chunk->resident & span)
		protect(paging, chunk, span, false);
}

/* The frames that the tray gets come from the handler's reserve, and those that are discarded
 * become the reserve.  cautious: only if no page can be under DMA. */
static uint64_t depart_by_copy(struct paging *paging, struct chunk *chunk, struct tray *tray,
			       uint64_t victims, bool cautious)
{
	uint64_t gone = 0;

	if (!victims || paging->memory_fd < 0)
		return 0;
	victims = protect_pages(paging, chunk, victims);
	if (!victims)
		return 0;
	if (!cautious || !pins_possible(paging->uffd.move)) {
		for (uint64_t left = victims, run; left; left &= ~run) {
			run = mask_first_run(left);
			read_pages(paging, chunk, tray, run);
		}
		gone = discard_pages(chunk, tray, victims);
	}
	if (gone != victims || (chunk->resident & mask_span(victims) & ~victims))
		unprotect_span(paging, chunk, victims);
	return gone;
}

/* -- which way --------------------------------------------------------------------------- */

/* The program may have mapped something else here by a system call that we do not see.  MOVE would
 * take that away for ever, since faults there do not come to us.  What we know of such pages is of
 * no use. */
static uint64_t without_strangers(struct paging *paging, struct chunk *chunk, uint64_t victims)
{
	uint64_t gone = 0;
	unsigned i;

	if (!victims || !paging->registered ||
	    uffd_has(&paging->uffd, chunk_page(chunk, mask_first(victims))))
		return victims;
	mask_for_each(i, victims)
		if (!uffd_has(&paging->uffd, chunk_page(chunk, i)))
			gone |= mask_bit(i);
	chunk_discard(&paging->pages, chunk, gone);
	paging_note_behind(paging);
	return victims & ~gone;
}

uint64_t depart(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t victims)
{
	uint64_t out = 0, copyable = 0;

	victims = without_strangers(paging, chunk, victims);
	if (!paging->uffd.move) {
		out = depart_by_copy(paging, chunk, tray, victims, true);
		if (out)
			exceed_go_on(paging);
		else if (pins_expected())
			exceed_hold_back(paging, "this process does direct I/O, and the kernel has "
						 "no UFFDIO_MOVE");
		return out;
	}
	if (ways_depart_by_copy(&paging->prices, victims & ~chunk->unmovable, pins_price()) &&
	    !pins_expected())
		out = depart_by_copy(paging, chunk, tray, victims & ~chunk->unmovable, true);
	out |= depart_by_move(paging, chunk, tray, victims & ~out & ~chunk->unmovable, &copyable);
	chunk->unmovable |= copyable;
	return out | depart_by_copy(paging, chunk, tray, victims & ~out & chunk->unmovable, false);
}
