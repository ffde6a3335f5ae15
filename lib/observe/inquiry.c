/* SPDX-License-Identifier: MIT */
/* inquiry.c - what the page table holds, asked from outside: see inquiry.h */
#include "observe/inquiry.h"
#include "base/sys.h"
#include "pages/pagetable.h"
#include "base/process.h"

static void copy_row(const struct chunk *chunk, struct inquiry_row *row)
{
	row->address = chunk->address;
#define MASK(name) row->name = chunk->name;
	INQUIRY_MASKS(MASK)
#undef MASK
}

static void copy_pages(const struct chunk *chunk, struct inquiry_pages *pages)
{
	copy_row(chunk, &pages->row);
	for (unsigned i = 0; i < CHUNK_PAGES; i++) {
		bool swapped = chunk->swapped & mask_bit(i);

		pages->slot[i] = swapped ? place_number(chunk->page[i].place) : 0;
		pages->hash[i] = swapped ? chunk->page[i].hash : 0;
	}
}

/* Fills in the rows from start on, as many as fit, up to the first that is locked. */
static void fill_in(struct inquiry *inquiry, const struct pagetable *table)
{
	bool whole = inquiry->kind == INQUIRY_PAGES;
	unsigned room = whole ? INQUIRY_PAGES_MAX : INQUIRY_ROWS_MAX;
	unsigned count = 0;
	struct chunk *chunk;

	inquiry->next = 0;
	pagetable_for_each(chunk, table, inquiry->start, PAGETABLE_END) {
		if (count == room || !chunk_try_lock(chunk)) {
			inquiry->next = chunk->address;
			break;
		}
		if (whole)
			copy_pages(chunk, &inquiry->pages[count++]);
		else
			copy_row(chunk, &inquiry->row[count++]);
		chunk_unlock(chunk);
	}
	inquiry->count = count;
}

void inquiry_answer(struct inquiry *inquiry, uint32_t place, const struct pagetable *table)
{
	uint32_t asked = INQUIRY_ASKED, answering = INQUIRY_ANSWERING;

	if (inquiry->state != INQUIRY_ASKED || inquiry->mark != process_mark_self() ||
	    inquiry->place != place ||
	    !atomic_compare_exchange_strong(&inquiry->state, &asked, INQUIRY_ANSWERING))
		return;
	fill_in(inquiry, table);
	/* The asker may have lost patience, and another one may be asking by now. */
	atomic_compare_exchange_strong(&inquiry->state, &answering, INQUIRY_ANSWERED);
	sys_futex_wake_shared(&inquiry->state, INT32_MAX);
}
