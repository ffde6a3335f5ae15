/* SPDX-License-Identifier: MIT */
/* meter.h - quantities as pictures of one line: a bar, and sparklines
 *
 * A bar is what a command has of its memory in which place, to one scale:
 *
 *	[resident][cached][other][free] budget [swapped]
 *
 * so where the budget ends, and how much more than that there is, is seen at once.  It is cut where
 * it would be longer than METER_BAR_MOST budgets.  Each part has a character of its own: no colour is
 * needed to tell them apart.
 *
 * Nothing here draws: pictures are made of characters, those of UTF-8 or of ASCII.
 * Locking: none.
 */
#ifndef SPILL_METER_H
#define SPILL_METER_H

#include <stdbool.h>
#include <stdint.h>

enum meter_part {
	METER_RESIDENT,
	METER_CACHED,
	METER_OTHER, /* what the pager does not page, and its buffers */
	METER_FREE,
	METER_BUDGET, /* where it ends */
	METER_SWAPPED,
	METER_PARTS
};

struct meter_cell {
	const char *glyph;
	enum meter_part part;
};

/* In bytes.  What is in memory is cut at the budget. */
struct meter_use {
	uint64_t budget, resident, cached, other, swapped;
};

/* The character of a part. */
const char *meter_glyph(enum meter_part part, bool utf8);

/* Fills so many cells. */
#define METER_BAR_MOST 4
void meter_bar(struct meter_cell *cells, unsigned width, const struct meter_use *use, bool utf8);

/* A column of a sparkline: of values from 0 to most.  NAN: it is empty. */
const char *meter_spark(double value, double most, bool utf8);

#endif
