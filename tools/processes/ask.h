/* SPDX-License-Identifier: MIT */
/* ask.h - asks the pagers of a process what their page tables hold
 *
 * The other side of inquiry.h.  One process at a time asks the pagers of a command; others wait.
 *
 * Locking: that of the window (inquiry.h).
 */
#ifndef SPILL_ASK_H
#define SPILL_ASK_H

#include "observe/inquiry.h"
#include "processes/steer.h"

/* Rows of a page table, by ascending address. */
struct ask {
	struct inquiry_row *row;
	struct inquiry_pages *pages; /* the same rows' slots and hashes, if asked for */
	size_t count;
};

/* Gets all rows of the process that [start, end) touches; slots: their pages too.  0;
 * -ENODATA: no pager is at work in it; -ETIMEDOUT: it does not answer; -EBUSY: somebody else asks
 * all the time; -ENOENT: it cannot hear us. */
int ask_rows(struct ask *ask, const struct steer *steer, uint64_t start, uint64_t end, bool slots);
void ask_free(struct ask *ask);

#endif
