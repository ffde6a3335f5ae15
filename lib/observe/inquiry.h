/* SPDX-License-Identifier: MIT */
/* inquiry.h - what the page table holds, asked from outside
 *
 * A window in the memfd of the counters (stats.h), for one question at a time.  Who asks
 * takes it, puts the question, and rings the bell (steering.h); a handler of the pager that is
 * asked fills in as many rows as there is room for, in the order of their addresses, and where to
 * go on.  So a page table of any size is read in pieces, each of which costs the handler some ten
 * microseconds, and nothing is asked of it otherwise.
 *
 *	asker	takes ----> ASKED ................... ANSWERED --> asks on, or leaves
 *	handler		      `----> ANSWERING ----------'
 *
 * A row whose lock is held is not waited for: the answer ends before it, and whoever asks comes
 * back.
 *
 * Neither side believes the other: each word is read once, and rows are copied before they are looked
 * at, since whoever has the memfd can write there at any time.
 *
 * Invariant: from ASKED on the question does not change until ANSWERED.
 * Locking: state, which who asks moves to ASKED, and the handler onwards; asker is the mark
 * (process.h) of who has the window.  An asker that was killed loses it to the next.
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

/* The masks of chunk.h. */
struct inquiry_row {
	uint64_t address;
	uint64_t resident, cached, swapped, filling, poisoned, pinned, hot;
};

struct inquiry_pages {
	struct inquiry_row row;
	uint64_t slot[64], hash[64]; /* of a page that is not swapped: 0 */
};

#define INQUIRY_SIZE 36864
#define INQUIRY_ROWS_MAX (INQUIRY_SIZE / sizeof(struct inquiry_row))
#define INQUIRY_PAGES_MAX (INQUIRY_SIZE / sizeof(struct inquiry_pages))

struct inquiry {
	_Atomic uint64_t asker; /* 0: nobody */
	_Atomic uint32_t state;
	/* the question */
	_Atomic uint32_t kind;
	_Atomic uint64_t mark;	/* of the process that is asked, */
	_Atomic uint32_t place; /* and its pager's slot in the table */
	_Atomic uint32_t count; /* the answer: so many rows */
	_Atomic uint64_t start; /* an address: from where on; */
	_Atomic uint64_t next;	/* from where to ask on, 0: that is all */
	union {
		struct inquiry_row row[INQUIRY_ROWS_MAX];
		struct inquiry_pages pages[INQUIRY_PAGES_MAX];
	};
};

struct pagetable;

/* Answers if the pager is asked whose place in the table of counters that is; in a handler of it. */
void inquiry_answer(struct inquiry *inquiry, uint32_t place, const struct pagetable *table);

#endif
