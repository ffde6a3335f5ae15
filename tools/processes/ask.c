/* SPDX-License-Identifier: MIT */
/* ask.c - asks the pagers of a process what their page tables hold: see ask.h */
#include "processes/ask.h"
#include "base/page.h"
#include "base/sys.h"
#include "processes/turn.h"
#include <errno.h>
#include <stdlib.h>

/* A handler that runs answers within microseconds; a stopped process does not answer. */
#define ANSWER_NS 2000000000
/* Anybody else who asks is done in much less. */
#define TURN_NS 5000000000
/* How long to wait for a locked row before it is left out. */
#define LOCKED_NS 100000000
#define NAP_NS 200000
/* A whole page table takes a few seconds at most, and has fewer rows than this (4 TiB that were
 * touched).  Otherwise whatever answers is not a pager. */
#define WHOLE_NS 20000000000
#define ROWS_MAX ((size_t)1 << 24)

struct question {
	uint64_t start, end;
	bool slots;
	uint64_t deadline; /* ns */
};

static void nap(void)
{
	static const struct timespec pause = { 0, NAP_NS };

	nanosleep(&pause, NULL);
}

/* -- the window ---------------------------------------------------------------------------- */

static void leave_window(struct inquiry *inquiry)
{
	atomic_store(&inquiry->state, INQUIRY_NONE);
	turn_leave(&inquiry->asker);
}

static int wait_for_answer(struct inquiry *inquiry)
{
	uint64_t end = sys_now() + ANSWER_NS;

	for (;;) {
		static const struct timespec some = { 0, 100000000 };
		uint32_t state = inquiry->state;

		if (state == INQUIRY_ANSWERED)
			return 0;
		if (sys_now() > end)
			return -ETIMEDOUT;
		sys_futex_wait_shared(&inquiry->state, state, &some);
	}
}

/* -- rows ---------------------------------------------------------------------------------- */

static void *grow(void *list, size_t count, size_t size)
{
	void *grown = realloc(list, (count + 1) * size);

	if (!grown)
		abort();
	return grown;
}

/* Is this a possible row, of a chunk that touches [*from, end)?  Moves *from past it. */
static bool is_sound(const struct inquiry_row *row, uint64_t *from, uint64_t end)
{
	if (row->address % chunk_size() || row->address >= end ||
	    row->address > UINT64_MAX - chunk_size() || row->address + chunk_size() <= *from)
		return false;
	*from = row->address + chunk_size();
	return true;
}

/* The window may hold anything, and change while it is read.  So each row is copied first and
 * checked then. */
static void keep(struct ask *ask, const struct inquiry *inquiry, bool slots, uint64_t start,
		 uint64_t end)
{
	uint32_t n = inquiry->count, most = slots ? INQUIRY_PAGES_MAX : INQUIRY_ROWS_MAX;

	n = n < most ? n : most;
	if (slots)
		ask->pages = grow(ask->pages, ask->count + n, sizeof(*ask->pages));
	else
		ask->row = grow(ask->row, ask->count + n, sizeof(*ask->row));
	for (uint32_t i = 0; i < n; i++) {
		const struct inquiry_row *row;

		if (slots) {
			ask->pages[ask->count] = inquiry->pages[i];
			row = &ask->pages[ask->count].row;
		} else {
			ask->row[ask->count] = inquiry->row[i];
			row = &ask->row[ask->count];
		}
		ask->count += is_sound(row, &start, end);
	}
}

static int ask_once(struct inquiry *inquiry, const struct steer *steer, uint64_t start)
{
	int err;

	inquiry->start = start;
	atomic_store(&inquiry->state, INQUIRY_ASKED);
	err = steer_ring(steer);
	return err ? err : wait_for_answer(inquiry);
}

/* Where to go on: past what was answered.  If nothing was, tries the same row again for a while,
 * and then passes over it, since it stays locked.  0: that was all, or the answer leads
 * backwards. */
static uint64_t go_on(uint64_t start, uint64_t next, bool any, uint64_t *locked_since)
{
	if (!next || (any ? next <= start : next < start - start % chunk_size()) ||
	    next > UINT64_MAX - chunk_size())
		return 0;
	if (any) {
		*locked_since = 0;
		return next;
	}
	if (!*locked_since)
		*locked_since = sys_now();
	nap();
	if (sys_now() - *locked_since < LOCKED_NS)
		return next;
	*locked_since = 0;
	return next + chunk_size();
}

/* Asks the pager at this place of the table.  It is our turn to ask. */
static int ask_pager(struct ask *ask, const struct steer *steer, struct inquiry *inquiry,
		     uint32_t place, const struct question *question)
{
	uint64_t start = question->start, locked_since = 0;

	inquiry->mark = steer->view.mark;
	inquiry->place = place;
	do {
		size_t before = ask->count;
		int err = ask_once(inquiry, steer, start);

		if (!err && sys_now() > question->deadline)
			err = -ETIMEDOUT;
		if (!err && ask->count > ROWS_MAX)
			err = -EOVERFLOW;
		if (err)
			return err;
		keep(ask, inquiry, question->slots, start, question->end);
		start = go_on(start, inquiry->next, ask->count > before, &locked_since);
	} while (start && start < question->end);
	return 0;
}

static int ask_table(struct ask *ask, const struct steer *steer, struct stats_table *table,
		     const struct question *question)
{
	struct inquiry *inquiry = &table->steering.inquiry;
	bool any = false;
	int err = turn_take(&inquiry->asker, TURN_NS);

	if (err)
		return err;
	inquiry->kind = question->slots ? INQUIRY_PAGES : INQUIRY_ROWS;
	for (uint32_t i = 0; i < stats_table_taken(table) && !err; i++) {
		if (atomic_load(&table->slot[i].mark) != steer->view.mark)
			continue;
		any = true;
		err = ask_pager(ask, steer, inquiry, i, question);
	}
	leave_window(inquiry);
	return err ? err : any ? 0 : -ENODATA;
}

static int by_address(const void *a, const void *b)
{
	const struct inquiry_row *one = a, *other = b;

	return one->address < other->address ? -1 : one->address > other->address;
}

/* Sorts the rows, which may come from several pagers, and drops those beyond the end.  If pages
 * were asked for, makes rows of them. */
static void tidy(struct ask *ask, uint64_t end)
{
	if (ask->pages) {
		qsort(ask->pages, ask->count, sizeof(*ask->pages), by_address);
		ask->row = grow(NULL, ask->count, sizeof(*ask->row));
		for (size_t i = 0; i < ask->count; i++)
			ask->row[i] = ask->pages[i].row;
	} else if (ask->count) {
		qsort(ask->row, ask->count, sizeof(*ask->row), by_address);
	}
	while (ask->count && ask->row[ask->count - 1].address >= end)
		ask->count--;
}

int ask_rows(struct ask *ask, const struct steer *steer, uint64_t start, uint64_t end, bool slots)
{
	struct question question = { start, end, slots, sys_now() + WHOLE_NS };
	int err = -ENODATA;

	*ask = (struct ask){ 0 };
	if (!steer->view.paged)
		return -ENODATA;
	for (size_t i = 0; i < steer->view.tables; i++) {
		int one = ask_table(ask, steer, steer->view.table[i], &question);

		if (one != -ENODATA)
			err = one;
		if (err && err != -ENODATA)
			break;
	}
	tidy(ask, end);
	return err;
}

void ask_free(struct ask *ask)
{
	free(ask->row);
	free(ask->pages);
	*ask = (struct ask){ 0 };
}
