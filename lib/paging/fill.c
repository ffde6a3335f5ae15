/* SPDX-License-Identifier: MIT */
/* fill.c - reading pages back from swap space: see fill.h */
#include "paging/fill.h"
#include "paging/ways.h"
#include "pages/debug.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/usdt.h"

/* A read that fails, or brings wrong contents, is tried once more. */
#define FILL_ATTEMPTS 2

/* -- mapping pages ------------------------------------------------------------ */

static bool worth_another_try(long err)
{
	return err == -EAGAIN || err == -ENOMEM;
}

/* One step of install: what became of the first pages of a run. */
struct step {
	uint64_t installed;
	uint64_t done; /* installed, or not worth another try */
};

static struct step judge_step(uint64_t run, long result, bool *ret_again)
{
	unsigned first = mask_first(run);
	struct step step = { 0, mask_bit(first) };

	if (result > 0) {
		step.installed = mask_range(first, (unsigned)((size_t)result >> page_shift()));
		step.done = step.installed;
	} else if (result == -EEXIST) {
		/* The page came behind our back (MADV_POPULATE and the like). */
		step.installed = mask_bit(first);
	} else if (worth_another_try(result)) {
		*ret_again = true;
		step.done = run;
	}
	/* ENOENT, EFAULT, EINVAL: the mapping is gone or has changed; ESRCH: the process is
	 * ending. */
	return step;
}

/* Moves the beginning of a run.  If that fails (no MOVE, a read-only mapping, not now), copies it
 * and gives the tray's frames back: either way the tray no longer has them.  For a moment the copy
 * needs a frame more, which is what each handler's reserve is for. */
static long move_or_copy(struct paging *paging, struct chunk *chunk, uint64_t run,
			 struct tray *tray)
{
	unsigned first = mask_first(run);
	void *to = chunk_page(chunk, first);
	void *from = tray_page(tray, first);
	size_t size = (size_t)mask_count(run) << page_shift();
	long result = -EINVAL;

	if (paging->uffd.move)
		result = uffd_move(&paging->uffd, paging->pagemap_fd, to, from, size);
	if (result == -EINVAL || result == -EBUSY || result == -EAGAIN) {
		result = uffd_copy(&paging->uffd, to, from, size);
		if (result > 0)
			sys_madvise(from, (size_t)result, MADV_DONTNEED);
	}
	if (result > 0) {
		uint64_t gone = mask_range(first, (unsigned)((size_t)result >> page_shift()));

		tray_changed(tray, gone);
		tray->frames &= ~gone;
	}
	return result;
}

static long copy_run(struct paging *paging, struct chunk *chunk, uint64_t run, const char *base)
{
	unsigned first = mask_first(run);

	return uffd_copy(&paging->uffd, chunk_page(chunk, first),
			 base + ((size_t)first << page_shift()),
			 (size_t)mask_count(run) << page_shift());
}

/* Installs pages from the tray, with its frames, or by copying from base if there is no tray. */
static uint64_t install(struct paging *paging, struct chunk *chunk, uint64_t mask,
			struct tray *tray, const char *base, bool *ret_again)
{
	uint64_t installed = 0;
	bool single = false;

	while (mask) {
		uint64_t run = single ? mask_bit(mask_first(mask)) : mask_first_run(mask);
		long result = tray ? move_or_copy(paging, chunk, run, tray)
				   : copy_run(paging, chunk, run, base);
		struct step step;

		if (result < 0 && mask_count(run) > 1 && !worth_another_try(result)) {
			single = true; /* to find out which page it is */
			continue;
		}
		step = judge_step(run, result, ret_again);
		if (result == -EEXIST)
			uffd_wake(&paging->uffd, chunk_page(chunk, mask_first(run)), page_size());
		installed |= step.installed;
		mask &= ~step.done;
	}
	return installed;
}

uint64_t fill_copy(struct paging *paging, struct chunk *chunk, uint64_t mask, const char *base,
		   bool *ret_again)
{
	return install(paging, chunk, mask, NULL, base, ret_again);
}

uint64_t fill_restore_move(struct paging *paging, struct chunk *chunk, uint64_t mask,
			   struct tray *tray, bool *ret_again)
{
	uint64_t before = tray->frames;
	uint64_t installed;

	chunk_begin_fill(chunk, mask);
	installed = install(paging, chunk, mask, tray, NULL, ret_again);
	tray->frames = before; /* chunk_end_restore takes the frames out */
	chunk_end_restore(&paging->pages, chunk, tray, mask, installed, true);
	return installed;
}

uint64_t fill_restore_copy(struct paging *paging, struct chunk *chunk, uint64_t mask,
			   struct tray *tray, bool *ret_again)
{
	uint64_t installed;

	chunk_begin_fill(chunk, mask);
	installed = fill_copy(paging, chunk, mask, tray->address, ret_again);
	chunk_end_restore(&paging->pages, chunk, tray, mask, installed, false);
	credit_give(&paging->budget, mask_count(mask & ~installed));
	return installed;
}

void fill_put_back(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t mask)
{
	bool again = false;

	if (!mask)
		return;
	fill_restore_move(paging, chunk, mask, tray, &again);
	policy_insert(&paging->policy, chunk);
}

void fill_drop_tray(struct paging *paging, struct chunk *chunk, struct tray *tray)
{
	if (tray->valid || tray->busy || !policy_remove(&paging->policy, tray))
		return;
	chunk_detach(chunk, tray);
	tray_free(&paging->pages.arena, &tray, 1);
}

/* -- starting ------------------------------------------------------------------ */

void fill_init(struct fills *fills, struct paging *paging, struct lane *lane, char *bounce,
	       unsigned bounce_pages)
{
	fills->paging = paging;
	fills->lane = lane;
	fills->bounce = bounce;
	fills->sink = bounce + ((size_t)bounce_pages << page_shift());
	tsan_nobody_reads(fills->sink, (size_t)FILL_GAP_MAX << page_shift());
	fills->bounce_pages = bounce_pages;
	fills->bounce_taken = bounce_pages < 64 ? ~mask_range(0, bounce_pages) : 0;
	for (unsigned i = 0; i < FILLS_MAX; i++) {
		fills->fill[i].next = fills->free;
		fills->free = &fills->fill[i];
	}
}

/* Takes a run of free bounce pages, up to n of them, at least one. */
static char *bounce_alloc(struct fills *fills, unsigned n, unsigned *ret_n)
{
	uint64_t free = ~fills->bounce_taken;
	uint64_t best = 0;

	while (free) {
		uint64_t run = mask_first_run(free);

		free &= ~run;
		if (mask_count(run) > mask_count(best))
			best = run;
		if (mask_count(best) >= n)
			break;
	}
	if (!best)
		return NULL;
	*ret_n = mask_count(best) < n ? mask_count(best) : n;
	fills->bounce_taken |= mask_range(mask_first(best), *ret_n);
	return fills->bounce + ((size_t)mask_first(best) << page_shift());
}

static void bounce_free(struct fills *fills, char *bounce, unsigned n)
{
	unsigned first = (unsigned)((size_t)(bounce - fills->bounce) >> page_shift());

	fills->bounce_taken &= ~mask_range(first, n);
}

/* Are the two pages as far apart in the store as in the chunk, with so few between them that
 * reading these too is worthwhile? */
static bool follows(const struct chunk *chunk, unsigned below, unsigned above)
{
	return above - below <= FILL_GAP_MAX + 1 &&
	       place_follows(chunk->page[above].place, chunk->page[below].place, above - below);
}

/* The part of mask, around page must, that one read brings. */
static uint64_t one_read(const struct chunk *chunk, uint64_t mask, unsigned must)
{
	uint64_t ret = mask_bit(must), more, rest;

	for (rest = mask & ~mask_range(0, must) & ~ret; rest; rest &= ~more, ret |= more) {
		more = mask_bit(mask_first(rest));
		if (!follows(chunk, mask_last(ret), mask_first(rest)) ||
		    mask_runs(ret | more) > FILL_RUNS_MAX)
			break;
	}
	for (rest = mask & mask_range(0, must); rest; rest &= ~more, ret |= more) {
		more = mask_bit(mask_last(rest));
		if (!follows(chunk, mask_last(rest), mask_first(ret)) ||
		    mask_runs(ret | more) > FILL_RUNS_MAX)
			break;
	}
	return ret;
}

/* The pages of mask within n adjacent pages that include must: from must upwards, if there are that
 * many. */
static uint64_t shorten(uint64_t mask, unsigned must, unsigned n)
{
	unsigned last = mask_last(mask);
	unsigned first = must + n - 1 <= last ? must : last - n + 1;

	return mask & mask_range(first, n);
}

static unsigned span_of(uint64_t mask)
{
	return mask_count(mask_span(mask));
}

/* Keeps as many of the taken bounce pages as the mask spans; frees the others. */
static void trim_bounce(struct fills *fills, char *bounce, unsigned taken, uint64_t mask)
{
	unsigned used = span_of(mask);

	if (used < taken)
		bounce_free(fills, bounce + ((size_t)used << page_shift()), taken - used);
}

static bool take_tray(struct fills *fills, struct fill *fill, uint64_t mask)
{
	struct budget *budget = &fills->paging->budget;

	if (!fills->paging->uffd.move || !ways_fill_by_move(&fills->paging->prices, mask) ||
	    !credit_take(budget, mask_count(mask)))
		return false;
	fill->tray = tray_alloc(&fills->paging->pages.arena);
	if (!fill->tray)
		credit_give(budget, mask_count(mask));
	return fill->tray != NULL;
}

/* A page that has waited too long is read all the same (loop.c, give_up): its slot becomes free
 * then, so another page can leave. */
static bool take_last(struct fills *fills)
{
	struct budget *budget = &fills->paging->budget;

	if (credit_take(budget, 1)) {
		budget->beyond = 0;
		return true;
	}
	if (budget->used >= budget->beyond)
		return false;
	credit_force(budget, 1);
	return true;
}

/* Takes what the pages are read into, and shortens the mask to what is available. */
static enum answer take_buffers(struct fills *fills, struct fill *fill, uint64_t *mask,
				unsigned must)
{
	struct budget *budget = &fills->paging->budget;
	unsigned n = span_of(*mask);

	fill->tray = NULL;
	fill->bounce = NULL;
	if (take_tray(fills, fill, *mask))
		return ANSWER_DONE;
	fill->bounce = bounce_alloc(fills, n, &n);
	if (!fill->bounce)
		return ANSWER_LATER;
	*mask = shorten(*mask, must, n);
	if (!credit_take(budget, mask_count(*mask))) {
		*mask = mask_bit(must);
		if (!take_last(fills)) {
			bounce_free(fills, fill->bounce, n);
			return ANSWER_STARVED;
		}
	}
	trim_bounce(fills, fill->bounce, n, *mask);
	return ANSWER_DONE;
}

static void fill_done(struct io_request *request, long result)
{
	struct fill *fill = request->owner;
	struct fills *fills = fill->fills;

	debug(DEBUG_IO, "read of slot %lx: %d", (unsigned long)place_number(fill->place),
	      (int)result);
	fill->result = result;
	fill->next = fills->finished;
	fills->finished = fill;
}

/* Wanted pages go to their places in the tray, those between them to the sink. */
static unsigned tray_ranges(struct fill *fill)
{
	uint64_t left = fill->flight.all;
	unsigned n = 0;

	while (left) {
		uint64_t run = mask_first_run(left);

		n += mask_ranges(run, fill->tray->address, fill->iov + n);
		left &= ~run;
		if (left)
			fill->iov[n++] =
				(struct iovec){ fill->fills->sink,
						(size_t)(mask_first(left) - mask_last(run) - 1)
							<< page_shift() };
	}
	return n;
}

static void submit_read(struct fill *fill)
{
	struct paging *paging = fill->fills->paging;
	size_t size = (size_t)span_of(fill->flight.all) << page_shift();
	unsigned n = fill->tray ? tray_ranges(fill) : 1;

	if (!fill->tray)
		fill->iov[0] = (struct iovec){ fill->bounce, size };
	fill->request = (struct io_request){
		.done = fill_done,
		.iov = fill->iov,
		.iov_count = (int)n,
		.owner = fill,
	};
	stat_add(&paging->stats->reads, 1);
	stat_add(&paging->stats->bytes_read, size);
	USDT(read, place_number(fill->place), size >> page_shift(), fill->ahead);
	debug(DEBUG_IO, "reads slot %lx, %lu bytes, for pages %lx of %lx",
	      (unsigned long)place_number(fill->place), size, (unsigned long)fill->flight.all,
	      (unsigned long)fill->chunk->address);
	lane_get(fill->fills->lane, fill->place, &fill->request);
}

/* The next free fill already has its buffers. */
static void start_read(struct fills *fills, struct chunk *chunk, uint64_t run,
		       const struct uffd_fault *fault)
{
	struct fill *fill = fills->free;

	fills->free = fill->next;
	fill->fills = fills;
	fill->chunk = chunk;
	fill->flight.mask = fill->flight.all = run;
	fill->place = chunk->page[mask_first(run)].place;
	fill->attempts = 0;
	fill->started = fills->lane->now;
	fill->since = fault ? fault->seen : 0;
	fill->wanted = fault ? fault->address : 0;
	if (fault)
		paging_note_waiting(fills->paging, 1);
	fill->flight.sibling = chunk->reads;
	chunk->reads = &fill->flight;
	stat_add(&fills->paging->stats->pages_read, mask_count(run));
	fills->in_flight++;
	submit_read(fill);
}

enum answer fill_start(struct fills *fills, struct chunk *chunk, uint64_t mask, unsigned must,
		       const struct uffd_fault *fault, uint64_t *ret_got)
{
	struct fill *fill = fills->free;
	uint64_t run = one_read(chunk, mask, must);
	enum answer answer = fill ? take_buffers(fills, fill, &run, must) : ANSWER_LATER;

	if (answer != ANSWER_DONE)
		return answer;
	if (fill->tray)
		fill->tray->frames = run;
	fill->ahead = false;
	chunk_begin_fill(chunk, run);
	start_read(fills, chunk, run, fault);
	*ret_got = run;
	return ANSWER_DONE;
}

bool fill_is_free(const struct fills *fills)
{
	return fills->free != NULL;
}

uint64_t fill_start_ahead(struct fills *fills, struct chunk *chunk, struct tray *tray,
			  uint64_t mask)
{
	struct paging *paging = fills->paging;
	struct fill *fill = fills->free;
	uint64_t run = one_read(chunk, mask, mask_first(mask));
	bool queued = tray->queued;

	if (!fill || !credit_take(&paging->budget, mask_count(run & ~tray->frames)))
		return 0;
	fill->tray = tray;
	fill->ahead = true;
	chunk_begin_ahead(&paging->pages, chunk, tray, run);
	if (!queued)
		policy_wait(&paging->policy, tray);
	fills->ahead++;
	start_read(fills, chunk, run, NULL);
	return run;
}

/* -- finishing ----------------------------------------------------------------- */

static const char *fill_base(const struct fill *fill)
{
	if (fill->tray)
		return fill->tray->address;
	return fill->bounce - ((size_t)mask_first(fill->flight.all) << page_shift());
}

/* The wanted pages that were read in full and have the right contents. */
static uint64_t good_pages(const struct fill *fill)
{
	const struct paging *paging = fill->fills->paging;
	unsigned whole = fill->result > 0 ? (unsigned)((size_t)fill->result >> page_shift()) : 0;
	uint64_t read = fill->flight.all & mask_range(mask_first(fill->flight.all), whole);
	uint64_t good = 0;
	unsigned i;

	mask_for_each(i, fill->flight.mask & read)
		if (hash_page(paging->hash_key, fill_base(fill) + ((size_t)i << page_shift())) ==
		    fill->chunk->page[i].hash)
			good |= mask_bit(i);
	return good;
}

static void unlink_fill(struct fill *fill)
{
	struct inflight **link = &fill->chunk->reads;

	while (*link != &fill->flight)
		link = &(*link)->sibling;
	*link = fill->flight.sibling;
}

/* Gives back the buffers, and the credits of pages that were not installed. */
static void release_buffers(struct fill *fill, uint64_t installed)
{
	struct fills *fills = fill->fills;
	struct arena *arena = &fills->paging->pages.arena;

	if (fill->tray) {
		tray_free(arena, &fill->tray, 1);
	} else {
		bounce_free(fills, fill->bounce, span_of(fill->flight.all));
		credit_give(arena->budget, mask_count(fill->flight.all & ~installed));
	}
}

/* Makes whoever waits for pages that did not come fault again. */
static void wake_dropped(struct paging *paging, struct chunk *chunk, uint64_t dropped)
{
	while (dropped) {
		uint64_t run = mask_first_run(dropped);

		uffd_wake(&paging->uffd, chunk_page(chunk, mask_first(run)),
			  (size_t)mask_count(run) << page_shift());
		dropped &= ~run;
	}
}

static void note_major(struct paging *paging, const struct fill *fill, uint64_t now)
{
	uint64_t ns = now - fill->since;

	latency_note(&paging->stats->latency[LATENCY_MAJOR], ns);
	if (paging->compresses)
		apportion_note_major(&paging->apportion, ns);
	USDT(fault_done, fill->wanted, LATENCY_MAJOR, ns);
}

static void free_fill(struct fill *fill)
{
	struct fills *fills = fill->fills;
	struct stats *stats = fills->paging->stats;
	uint64_t now = sys_now();

	stat_add(&stats->read_time, now - fill->started);
	if (fill->since) {
		note_major(fills->paging, fill, now);
		paging_note_waiting(fills->paging, -1);
	}
	fill->started = 0;
	fill->next = fills->free;
	fills->free = fill;
	fills->in_flight--;
}

/* The last step.  The chunk is locked. */
static void end_fill(struct fill *fill, uint64_t installed)
{
	struct paging *paging = fill->fills->paging;

	chunk_end_fill(&paging->pages, fill->chunk, fill->flight.mask, installed);
	unlink_fill(fill);
	release_buffers(fill, installed);
	wake_dropped(paging, fill->chunk, fill->flight.all & ~installed);
	free_fill(fill);
}

/* The pages stay in the tray; whoever has come for them meanwhile faults again.  Pages that could
 * not be read are still swapped. */
static void end_ahead(struct fill *fill, uint64_t good)
{
	struct paging *paging = fill->fills->paging;
	struct chunk *chunk = fill->chunk;

	chunk_end_ahead(&paging->pages, chunk, fill->tray, fill->flight.mask, good);
	unlink_fill(fill);
	chunk_check(chunk);
	fill_drop_tray(paging, chunk, fill->tray);
	wake_dropped(paging, chunk, fill->flight.all);
	fill->fills->ahead--;
	free_fill(fill);
}

/* Without UFFDIO_POISON: a mapping of a file that ends before it raises SIGBUS too. */
static int map_poison(struct paging *paging, void *addr)
{
	void *at = sys_mmap(addr, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			    paging->poison_fd, 0);

	return sys_is_error(at) ? sys_error(at) : 0;
}

void fill_mark_lost(struct paging *paging, void *addr)
{
	int err = paging->uffd.poison ? uffd_poison(&paging->uffd, addr, page_size())
				      : map_poison(paging, addr);

	/* EEXIST: the page is already marked, or has come.  Any other error: it is gone, or the
	 * address space is being changed; whoever touches it faults again. */
	if (err == -ENOMEM || err == -EINVAL)
		error_fatal("the page at %lx is lost, and the kernel refuses to poison it: %s",
			    (unsigned long)(uintptr_t)addr, error_name(err));
	uffd_wake(&paging->uffd, addr, page_size());
}

void fill_lift_poison(struct paging *paging, struct chunk *chunk, uint64_t mask, int prot)
{
	unsigned i;

	if (paging->uffd.poison)
		return;
	mask_for_each(i, mask & chunk->poisoned) {
		void *addr = chunk_page(chunk, i);

		if (!sys_is_error(sys_mmap(addr, page_size(), prot,
					   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
					   -1, 0)))
			paging_register(paging, addr, page_size());
	}
}

void fill_give_up(struct paging *paging, struct chunk *chunk, uint64_t mask)
{
	unsigned i;

	stat_add(&paging->stats->pages_poisoned, mask_count(mask));
	chunk_poison(&paging->pages, chunk, mask);
	mask_for_each(i, mask)
		fill_mark_lost(paging, chunk_page(chunk, i));
}

void fill_give_up_unknown(struct paging *paging, uintptr_t address)
{
	stat_add(&paging->stats->pages_poisoned, 1);
	fill_mark_lost(paging, (void *)address);
}

void fill_lose(struct paging *paging, struct chunk *chunk, uint64_t mask, const char *why)
{
	unsigned i;

	mask_for_each(i, mask)
		error_report(EVENT_READ_FAILED,
			     "the page at %lx is lost: %s; touching it raises SIGBUS",
			     (unsigned long)(uintptr_t)chunk_page(chunk, i), why);
	fill_give_up(paging, chunk, mask);
}

/* STARVED: some pages were dropped; otherwise the fill is finished, or on its way again. */
static enum answer finish_locked(struct fill *fill)
{
	struct paging *paging = fill->fills->paging;
	struct chunk *chunk = fill->chunk;
	uint64_t good = good_pages(fill);
	uint64_t bad = fill->flight.mask & ~good;
	uint64_t installed;
	bool again = false;

	if (fill->ahead) {
		end_ahead(fill, good);
		return ANSWER_DONE;
	}
	if (bad) {
		stat_add(&paging->stats->read_errors, 1);
		if (++fill->attempts < FILL_ATTEMPTS) {
			submit_read(fill);
			return ANSWER_DONE;
		}
		chunk_end_fill(&paging->pages, chunk, bad, 0);
		fill->flight.mask &= ~bad;
		/* Or it was read, and is not what had been written. */
		fill_lose(paging, chunk, bad,
			  fill->result < 0 ? error_name((int)-fill->result)
					   : "swap space returned other contents");
	}
	installed = fill->tray ? install(paging, chunk, good, fill->tray, NULL, &again)
			       : fill_copy(paging, chunk, good, fill_base(fill), &again);
	end_fill(fill, installed);
	if (!paging_has_room(paging, (int64_t)paging_reserve(paging)))
		/* Their places make room for other pages. */
		chunk_drop_copies(&paging->pages, chunk, installed);
	policy_insert(&paging->policy, chunk);
	/* What is there is kept.  The rest stays swapped, and whoever waits for it faults again. */
	return again && installed != good ? ANSWER_STARVED : ANSWER_DONE;
}

static enum answer fill_finish(struct fill *fill)
{
	struct chunk *chunk = fill->chunk;
	enum answer ret;

	if (!chunk_try_lock(chunk))
		return ANSWER_LATER;
	ret = finish_locked(fill);
	chunk_unlock(chunk);
	return ret;
}

enum answer fill_finish_all(struct fills *fills)
{
	struct fill *list = fills->finished;
	enum answer ret = ANSWER_DONE;
	struct fill *next;

	fills->finished = NULL;
	for (struct fill *fill = list; fill; fill = next) {
		enum answer answer;

		next = fill->next;
		answer = fill_finish(fill);
		if (answer == ANSWER_LATER) {
			fill->next = fills->finished;
			fills->finished = fill;
		}
		ret = answer > ret ? answer : ret;
	}
	return ret;
}
