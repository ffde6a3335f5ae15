/* SPDX-License-Identifier: MIT */
/* inquiry.h - what the page table holds, asked from outside
 *
 * A window in the memfd of the counters (stats.h), for one question at a time.  An asker takes it,
 * puts the question, and rings the bell (steering.h).  A handler of the pager in question fills in
 * as many rows as fit, in the order of their addresses, and where to go on.  So a page table of any
 * size is read in pieces.  Each piece costs the handler some ten microseconds; without a question,
 * there is no cost.
 *
 *	asker	takes ----> ASKED ................... ANSWERED --> asks on, or leaves
 *	handler		      `----> ANSWERING ----------'
 *
 * (The table is memory of the process's own.  In shared memory it could be read at any time, but
 * then a fork would have to copy it.)
 *
 * A handler does not wait for a row whose lock is held: the answer ends before that row, and the
 * asker comes back.
 *
 * Neither side trusts the other: each word is read once, and rows are copied before they are looked
 * at, since whoever has the memfd can write there at any time.
 *
 * Invariant: from ASKED until ANSWERED the question does not change.
 * Locking: state; the asker sets it to ASKED, the handler moves it on.  asker is the mark
 * (process.h) of whoever has the window.  If an asker was killed, the next one takes the window
 * over.
 */
#ifndef SPILL_INQUIRY_H
#define SPILL_INQUIRY_H

#include <stdatomic.h>
#include <stdint.h>

enum inquiry_state { INQUIRY_NONE, INQUIRY_ASKED, INQUIRY_ANSWERING, INQUIRY_ANSWERED };

enum inquiry_kind {
	INQUIRY_ROWS, /* the masks */
	INQUIRY_PAGES /* and the slot and hash of each page */
};

/* Those masks of a chunk (chunk.h) that are told. */
#define INQUIRY_MASKS(MASK) \
	MASK(resident)      \
	MASK(cached)        \
	MASK(compressed)    \
	MASK(swapped)       \
	MASK(filling)       \
	MASK(poisoned)      \
	MASK(pinned)        \
	MASK(hot)

struct inquiry_row {
	uint64_t address;
#define MASK(name) uint64_t name;
	INQUIRY_MASKS(MASK)
#undef MASK
};

struct inquiry_pages {
	struct inquiry_row row;
	uint64_t slot[64], hash[64]; /* 0 for a page that is not swapped */
};

#define INQUIRY_SIZE 36864
#define INQUIRY_ROWS_MAX (INQUIRY_SIZE / sizeof(struct inquiry_row))
#define INQUIRY_PAGES_MAX (INQUIRY_SIZE / sizeof(struct inquiry_pages))

struct inquiry {
	_Atomic uint64_t asker; /* 0: nobody */
	_Atomic uint32_t state;
	/* the question */
	_Atomic uint32_t kind;
	_Atomic uint64_t mark;	/* of the process asked, */
	_Atomic uint32_t place; /* and its pager's slot in the table */
	_Atomic uint32_t count; /* the answer: how many rows */
	_Atomic uint64_t start; /* the question: from which address on */
	_Atomic uint64_t next;	/* the answer: where to go on, or 0 at the end */
	union {
		struct inquiry_row row[INQUIRY_ROWS_MAX];
		struct inquiry_pages pages[INQUIRY_PAGES_MAX];
	};
};

struct pagetable;

/* Answers if the question is for the pager at this place in the table of counters.  Called by a
 * handler of that pager. */
void inquiry_answer(struct inquiry *inquiry, uint32_t place, const struct pagetable *table);

#endif
