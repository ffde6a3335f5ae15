/* SPDX-License-Identifier: MIT */
/* ask.c - asks the pagers of a process what their page tables hold: see ask.h */
#include "ask.h"
#include "page.h"
#include "sys.h"
#include "turn.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An answer takes some microseconds once a handler runs; a process that was stopped gives none. */
#define ANSWER_NS 2000000000
/* Another who asks has done so in much less. */
#define TURN_NS 5000000000
/* For so long a locked row is waited for; then it is left out. */
#define LOCKED_NS 100000000
#define NAP_NS 200000

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

static void *append(void *list, size_t count, const void *more, size_t n, size_t size)
{
	char *grown = grow(list, count + n, size);

	memcpy(grown + count * size, more, n * size);
	return grown;
}

static void keep(struct ask *ask, const struct inquiry *inquiry)
{
	unsigned n = inquiry->count;

	if (inquiry->kind == INQUIRY_PAGES) {
		n = n < INQUIRY_PAGES_MAX ? n : INQUIRY_PAGES_MAX;
		ask->pages = append(ask->pages, ask->count, inquiry->pages, n, sizeof(*ask->pages));
	} else {
		n = n < INQUIRY_ROWS_MAX ? n : INQUIRY_ROWS_MAX;
		ask->row = append(ask->row, ask->count, inquiry->row, n, sizeof(*ask->row));
	}
	ask->count += n;
}

static int ask_once(struct inquiry *inquiry, const struct steer *steer, uint64_t start)
{
	int err;

	inquiry->start = start;
	atomic_store(&inquiry->state, INQUIRY_ASKED);
	err = steer_ring(steer);
	return err ? err : wait_for_answer(inquiry);
}

/* Behind what was answered; a row that stays locked is passed over. */
static uint64_t go_on(const struct inquiry *inquiry, uint64_t *locked_since)
{
	if (inquiry->count || !inquiry->next) {
		*locked_since = 0;
		return inquiry->next;
	}
	if (!*locked_since)
		*locked_since = sys_now();
	nap();
	if (sys_now() - *locked_since < LOCKED_NS)
		return inquiry->next;
	*locked_since = 0;
	return inquiry->next + chunk_size();
}

/* Of the pager in that place of the table, which is ours to ask. */
static int ask_pager(struct ask *ask, const struct steer *steer, struct inquiry *inquiry,
		     uint32_t place, uint64_t start, uint64_t end)
{
	uint64_t locked_since = 0;

	inquiry->mark = steer->view.mark;
	inquiry->place = place;
	do {
		int err = ask_once(inquiry, steer, start);

		if (err)
			return err;
		keep(ask, inquiry);
		start = go_on(inquiry, &locked_since);
	} while (start && start < end);
	return 0;
}

static int ask_table(struct ask *ask, const struct steer *steer, struct stats_table *table,
		     uint64_t start, uint64_t end, bool slots)
{
	struct inquiry *inquiry = &table->steering.inquiry;
	bool any = false;
	int err = turn_take(&inquiry->asker, TURN_NS);

	if (err)
		return err;
	inquiry->kind = slots ? INQUIRY_PAGES : INQUIRY_ROWS;
	for (uint32_t i = 0; i < stats_table_taken(table) && !err; i++) {
		if (atomic_load(&table->slot[i].mark) != steer->view.mark)
			continue;
		any = true;
		err = ask_pager(ask, steer, inquiry, i, start, end);
	}
	leave_window(inquiry);
	return err ? err : any ? 0 : -ENODATA;
}

static int by_address(const void *a, const void *b)
{
	const struct inquiry_row *one = a, *other = b;

	return one->address < other->address ? -1 : one->address > other->address;
}

/* Several pagers, one after the other, and beyond the end; the rows of pages once more. */
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
	int err = -ENODATA;

	*ask = (struct ask){ 0 };
	if (!steer->view.paged)
		return -ENODATA;
	for (size_t i = 0; i < steer->view.tables; i++) {
		int one = ask_table(ask, steer, steer->view.table[i], start, end, slots);

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
