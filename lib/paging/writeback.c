/* SPDX-License-Identifier: MIT */
/* writeback.c - writing evicted pages to swap space: see writeback.h */
#include "paging/writeback.h"
#include "pages/debug.h"
#include "base/error.h"
#include "paging/evict.h"
#include "base/usdt.h"

/* So much of the budget may be on its way to one of several swap spaces. */
#define CROWD_DIVISOR 4

int writeback_init(struct handler *handler)
{
	handler->writes = meta_map(HANDLER_WRITES * sizeof(struct write));
	if (!handler->writes)
		return -ENOMEM;
	for (unsigned i = 0; i < HANDLER_WRITES; i++) {
		handler->writes[i].next = handler->free_writes;
		handler->free_writes = &handler->writes[i];
	}
	return 0;
}

void writeback_free(struct handler *handler)
{
	meta_unmap(handler->writes, HANDLER_WRITES * sizeof(struct write));
	handler->writes = handler->free_writes = handler->open_write = NULL;
}

/* -- putting together ------------------------------------------------------------- */

/* The spaces that should get no more of this handler's writes for now. */
static uint64_t crowded_spaces(const struct handler *handler)
{
	const struct pager *pager = handler->pager;
	unsigned writes[SWAP_MAX] = { 0 };
	uint64_t mask = 0;

	for (unsigned i = 0; i < HANDLER_WRITES; i++)
		if (handler->writes[i].started)
			writes[slot_space(handler->writes[i].slot)]++;
	for (unsigned i = 0; i < pager->swap.count; i++)
		if (writes[i] >= HANDLER_WRITES / 2 ||
		    pager->swap.space[i].writing >= pager->arena.limit / CROWD_DIVISOR)
			mask |= mask_bit(i);
	return mask;
}

/* The slots that it has taken ahead lie where nothing goes on. */
static void leave_run(struct handler *handler)
{
	struct swap *swap = &handler->pager->swap;

	if (!handler->run_left || !swap_stalls(swap, handler->run_slot, handler->round) ||
	    swap_is_single(swap))
		return;
	writeback_submit(handler);
	if (swap_free(swap, handler->run_slot, handler->run_left))
		handler->run_left = 0;
}

/* Slots for what is written next.  0; -ENOSPC; -EAGAIN: what could take more is at work. */
static int take_run(struct handler *handler)
{
	struct swap_asker asker = { .now = handler->round };
	int n;

	leave_run(handler);
	if (handler->run_left)
		return 0;
	asker.crowded = crowded_spaces(handler);
	n = swap_alloc(&handler->pager->swap, asker, WRITE_PAGES_MAX, &handler->run_slot);
	if (n < 0)
		return n;
	handler->run_left = (unsigned)n;
	return 0;
}

/* The same, for pages that have to go there. */
static bool refill_run(struct handler *handler)
{
	struct pager *pager = handler->pager;
	int err = take_run(handler);

	if (err == -ENOSPC)
		pager_tell_full(pager);
	if (err != -EAGAIN && pager->swap_full != (err == -ENOSPC))
		pager->swap_full = err == -ENOSPC;
	return err == 0;
}

/* One write open and one more free: a chunk's pages may span two runs.  Where swap space is
 * full, what is clean can leave. */
bool writeback_has_room(struct handler *handler)
{
	return handler->free_writes && handler->free_writes->next &&
	       (handler->pager->swap_full || take_run(handler) != -EAGAIN);
}

static bool goes_on(const struct handler *handler, const struct write *write)
{
	return write->slot + write->pages == handler->run_slot && write->parts < WRITE_PARTS_MAX &&
	       write->pages < WRITE_PAGES_MAX;
}

/* The write that the next slot of the run belongs to. */
static struct write *open_write(struct handler *handler)
{
	struct write *write = handler->open_write;

	if (write && goes_on(handler, write))
		return write;
	writeback_submit(handler);
	write = handler->free_writes;
	if (!write)
		return NULL;
	handler->free_writes = write->next;
	handler->open_write = write;
	atomic_fetch_add(&handler->pager->writes, 1);
	write->handler = handler;
	write->parts = write->parts_done = write->iovs = write->pages = 0;
	write->slot = handler->run_slot;
	return write;
}

/* The n lowest pages of a mask. */
static uint64_t lowest(uint64_t mask, unsigned n)
{
	uint64_t rest = mask;

	while (n-- && rest)
		rest &= rest - 1;
	return mask & ~rest;
}

/* As many of the pages as this write and the run of slots take. */
static uint64_t add_part(struct handler *handler, struct write *write, struct tray *tray,
			 uint64_t mask)
{
	unsigned room = WRITE_PAGES_MAX - write->pages;
	unsigned n = handler->run_left < room ? handler->run_left : room;
	uint64_t part = lowest(mask, n);

	n = mask_count(part);
	write->part[write->parts++] =
		(struct write_part){ .tray = tray, .mask = part, .slot = handler->run_slot };
	write->iovs += mask_ranges(part, tray->address, write->iov + write->iovs);
	write->pages += n;
	handler->run_slot += n;
	handler->run_left -= n;
	tray->writing |= part;
	tray->busy++;
	return part;
}

uint64_t writeback_add(struct handler *handler, struct tray *tray, uint64_t mask)
{
	uint64_t added = 0;

	while (mask & ~added) {
		struct write *write;

		if (!refill_run(handler))
			break;
		write = open_write(handler);
		if (!write)
			break;
		added |= add_part(handler, write, tray, mask & ~added);
	}
	return added;
}

static bool write_failed(const struct write *write)
{
	return write->result < (long)((size_t)write->pages << page_shift());
}

static void note_failure(const struct write *write)
{
	stat_add(&write->handler->pager->stats->write_errors, 1);
	error_report(EVENT_WRITE_FAILED, "a write to swap space failed: %s; trying elsewhere",
		     error_name(write->result < 0 ? (int)-write->result : EIO));
}

static void write_done(struct io_request *request, long result)
{
	struct write *write = request->owner;
	struct handler *handler = write->handler;
	uint64_t now = sys_now();

	debug(DEBUG_IO, "write to slot %lx: %d", (unsigned long)write->slot, (int)result);
	write->result = result;
	if (write_failed(write))
		note_failure(write);
	stat_add(&handler->pager->stats->write_time, now - write->started);
	write->started = 0;
	swap_write_ends(&handler->pager->swap, write->slot, write->pages, now);
	write->next = handler->finished_writes;
	handler->finished_writes = write;
}

void writeback_submit(struct handler *handler)
{
	struct pager *pager = handler->pager;
	struct write *write = handler->open_write;

	if (!write)
		return;
	handler->open_write = NULL;
	write->started = handler->round;
	write->request = (struct io_request){
		.done = write_done,
		.fd = swap_fd(&pager->swap, write->slot),
		.write = true,
		.offset = swap_offset(&pager->swap, write->slot),
		.salt = swap_salt(&pager->swap, write->slot),
		.iov = write->iov,
		.iov_count = (int)write->iovs,
		.owner = write,
	};
	stat_add(&pager->stats->writes, 1);
	USDT(write_back, write->slot, write->pages);
	stat_add(&pager->stats->bytes_written, (uint64_t)write->pages << page_shift());
	debug(DEBUG_IO, "writes slot %lx, %u pages", (unsigned long)write->slot, write->pages);
	swap_write_begins(&pager->swap, write->slot, write->pages, handler->round);
	io_submit(handler->io, &write->request);
}

/* -- finishing ---------------------------------------------------------------------- */

/* The slots of a part that hold what they should are the pages' own now. */
static void enter_part(struct pager *pager, struct chunk *chunk, const struct write_part *part)
{
	uint64_t slot = part->slot;
	unsigned i;

	mask_for_each(i, part->mask) {
		if (part->tray->writing & mask_bit(i))
			chunk_keep_slot(chunk, i, slot);
		else
			swap_free(&pager->swap, slot, 1);
		slot++;
	}
}

static void finish_part(struct write *write, const struct write_part *part)
{
	struct handler *handler = write->handler;
	struct pager *pager = handler->pager;
	struct tray *tray = part->tray;
	struct chunk *chunk = tray->chunk;
	uint64_t mine = part->mask & tray->writing;

	if (write_failed(write))
		swap_retire(&pager->swap, part->slot, mask_count(part->mask));
	else
		enter_part(pager, chunk, part);
	tray->writing &= ~part->mask;
	tray->busy--;
	if (write_failed(write))
		evict_put_back(pager, chunk, tray, mine & tray->valid);
	chunk_check(chunk);
}

/* true when all its parts are done. */
static bool write_finish(struct write *write)
{
	struct handler *handler = write->handler;

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
		atomic_fetch_add(&handler->pager->written, 1);
	atomic_fetch_sub(&handler->pager->writes, 1);
	write->next = handler->free_writes;
	handler->free_writes = write;
	return true;
}

bool writeback_finish_all(struct handler *handler)
{
	struct write *list = handler->finished_writes;
	struct write *next;

	handler->finished_writes = NULL;
	for (struct write *write = list; write; write = next) {
		next = write->next;
		if (!write_finish(write)) {
			write->next = handler->finished_writes;
			handler->finished_writes = write;
		}
	}
	return handler->finished_writes == NULL;
}
