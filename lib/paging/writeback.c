/* SPDX-License-Identifier: MIT */
/* writeback.c - writing evicted pages to swap space: see writeback.h */
#include "paging/writeback.h"
#include "pages/debug.h"
#include "base/error.h"
#include "paging/fill.h"
#include "base/usdt.h"

/* One of several swap spaces may have at most this part of the budget on its way to it. */
#define CROWD_DIVISOR 4

int writeback_init(struct writes *writes, struct paging *paging, struct lane *lane)
{
	writes->paging = paging;
	writes->lane = lane;
	writes->write = meta_map(WRITES_MAX * sizeof(struct write));
	if (!writes->write)
		return -ENOMEM;
	for (unsigned i = 0; i < WRITES_MAX; i++) {
		writes->write[i].next = writes->free;
		writes->free = &writes->write[i];
	}
	return 0;
}

void writeback_free(struct writes *writes)
{
	meta_unmap(writes->write, WRITES_MAX * sizeof(struct write));
	writes->write = writes->free = writes->open = NULL;
}

void writeback_leave_run(struct writes *writes)
{
	if (writes->run_left)
		store_free(&writes->paging->store, writes->run, writes->run_left);
	writes->run_left = 0;
}

/* -- putting together ------------------------------------------------------------- */

/* Gives up the places taken ahead if they lie in a space that stalls. */
static void leave_run(struct writes *writes)
{
	struct store *store = &writes->paging->store;

	if (!writes->run_left || !store_stalls(store, writes->run, writes->lane->now))
		return;
	writeback_submit(writes);
	if (store_free(store, writes->run, writes->run_left))
		writes->run_left = 0;
}

/* Takes places for what is written next.  0; -ENOSPC; -EAGAIN: spaces that could take more are
 * busy. */
static int take_run(struct writes *writes)
{
	int64_t crowd = writes->paging->budget.limit / CROWD_DIVISOR;
	int n;

	leave_run(writes);
	if (writes->run_left)
		return 0;
	n = lane_find(writes->lane, WRITE_PAGES_MAX, crowd, &writes->run);
	if (n < 0)
		return n;
	writes->run_left = (unsigned)n;
	return 0;
}

/* The same for pages that must find a place; notes whether swap space is full. */
static bool refill_run(struct writes *writes)
{
	struct paging *paging = writes->paging;
	int err = take_run(writes);

	if (err == -ENOSPC)
		paging_tell_full(paging);
	if (err != -EAGAIN && paging->swap_full != (err == -ENOSPC))
		paging->swap_full = err == -ENOSPC;
	return err == 0;
}

bool writeback_asks_again(struct writes *writes)
{
	return refill_run(writes);
}

/* Needs one write open and one more free, since a chunk's pages may span two runs.  If swap space
 * is full, what is clean can still leave. */
bool writeback_has_room(struct writes *writes)
{
	return writes->free && writes->free->next &&
	       (writes->paging->swap_full || take_run(writes) != -EAGAIN);
}

static bool goes_on(const struct writes *writes, const struct write *write)
{
	return place_follows(writes->run, write->place, write->pages) &&
	       write->parts < WRITE_PARTS_MAX && write->pages < WRITE_PAGES_MAX;
}

/* The write to which the run's next place belongs. */
static struct write *open_write(struct writes *writes)
{
	struct write *write = writes->open;

	if (write && goes_on(writes, write))
		return write;
	writeback_submit(writes);
	write = writes->free;
	if (!write)
		return NULL;
	writes->free = write->next;
	writes->open = write;
	atomic_fetch_add(&writes->paging->writes, 1);
	write->writes = writes;
	write->parts = write->parts_done = write->iovs = write->pages = 0;
	write->place = writes->run;
	return write;
}

/* Adds as many of the pages as fit in this write and the run of places. */
static uint64_t add_part(struct writes *writes, struct write *write, struct tray *tray,
			 uint64_t mask)
{
	unsigned room = WRITE_PAGES_MAX - write->pages;
	unsigned n = writes->run_left < room ? writes->run_left : room;
	uint64_t part = mask_lowest(mask, n);

	n = mask_count(part);
	write->part[write->parts++] =
		(struct write_part){ .tray = tray, .mask = part, .place = writes->run };
	write->iovs += mask_ranges(part, tray->address, write->iov + write->iovs);
	write->pages += n;
	writes->run = place_step(writes->run, n);
	writes->run_left -= n;
	tray->writing |= part;
	tray->written |= part;
	tray->busy++;
	return part;
}

uint64_t writeback_add(struct writes *writes, struct tray *tray, uint64_t mask)
{
	uint64_t added = 0;

	while (mask & ~added) {
		struct write *write;

		if (!refill_run(writes))
			break;
		write = open_write(writes);
		if (!write)
			break;
		added |= add_part(writes, write, tray, mask & ~added);
	}
	return added;
}

static bool write_failed(const struct write *write)
{
	return write->result < (long)((size_t)write->pages << page_shift());
}

static void note_failure(const struct write *write)
{
	stat_add(&write->writes->paging->stats->write_errors, 1);
	error_report(EVENT_WRITE_FAILED, "a write to swap space failed: %s; trying elsewhere",
		     error_name(write->result < 0 ? (int)-write->result : EIO));
}

static void write_done(struct io_request *request, long result)
{
	struct write *write = request->owner;
	struct writes *writes = write->writes;
	uint64_t now = sys_now();

	debug(DEBUG_IO, "write to slot %lx: %d", (unsigned long)place_number(write->place),
	      (int)result);
	write->result = result;
	if (write_failed(write))
		note_failure(write);
	stat_add(&writes->paging->stats->write_time, now - write->started);
	write->started = 0;
	lane_put_done(writes->lane, write->place, write->pages, now);
	write->next = writes->finished;
	writes->finished = write;
}

void writeback_submit(struct writes *writes)
{
	struct paging *paging = writes->paging;
	struct write *write = writes->open;

	if (!write)
		return;
	writes->open = NULL;
	write->started = writes->lane->now;
	write->request = (struct io_request){
		.done = write_done,
		.iov = write->iov,
		.iov_count = (int)write->iovs,
		.owner = write,
	};
	stat_add(&paging->stats->writes, 1);
	USDT(write_back, place_number(write->place), write->pages);
	stat_add(&paging->stats->bytes_written, (uint64_t)write->pages << page_shift());
	debug(DEBUG_IO, "writes slot %lx, %u pages", (unsigned long)place_number(write->place),
	      write->pages);
	lane_put(writes->lane, write->place, write->pages, &write->request);
}

/* -- finishing ---------------------------------------------------------------------- */

/* Places whose pages are still as they were written now belong to those pages; the others are
 * freed. */
static void enter_part(struct paging *paging, struct chunk *chunk, const struct write_part *part)
{
	struct place place = part->place;
	unsigned i;

	mask_for_each(i, part->mask) {
		if (part->tray->writing & mask_bit(i))
			chunk_keep_copy(chunk, i, place);
		else
			store_free(&paging->store, place, 1);
		place = place_step(place, 1);
	}
}

static void finish_part(struct write *write, const struct write_part *part)
{
	struct writes *writes = write->writes;
	struct paging *paging = writes->paging;
	struct tray *tray = part->tray;
	struct chunk *chunk = tray->chunk;
	uint64_t mine = part->mask & tray->writing;

	if (write_failed(write))
		store_retire(&paging->store, part->place, mask_count(part->mask));
	else
		enter_part(paging, chunk, part);
	tray->writing &= ~part->mask;
	tray->busy--;
	if (write_failed(write))
		fill_put_back(paging, chunk, tray, mine & tray->valid);
	chunk_check(chunk);
}

/* true: all its parts are done. */
static bool write_finish(struct write *write)
{
	struct writes *writes = write->writes;

	while (write->parts_done < write->parts) {
		struct write_part *part = &write->part[write->parts_done];
		struct chunk *chunk = part->tray->chunk;

		if (!chunk_try_lock(chunk))
			return false;
		finish_part(write, part);
		chunk_unlock(chunk);
		write->parts_done++;
	}
	if (!write_failed(write))
		atomic_fetch_add(&writes->paging->written, 1);
	atomic_fetch_sub(&writes->paging->writes, 1);
	write->next = writes->free;
	writes->free = write;
	return true;
}

bool writeback_finish_all(struct writes *writes)
{
	struct write *list = writes->finished;
	struct write *next;

	writes->finished = NULL;
	for (struct write *write = list; write; write = next) {
		next = write->next;
		if (!write_finish(write)) {
			write->next = writes->finished;
			writes->finished = write;
		}
	}
	return writes->finished == NULL;
}
