/* SPDX-License-Identifier: MIT */
/* meter.h - quantities as one-line pictures: a bar, and sparklines
 *
 * A bar shows, to one scale, where a command has its memory:
 *
 *	[resident][cached][compressed][other][free] budget [swapped]
 *
 * So one sees at once where the budget ends, and how much more than that there is.  A bar longer
 * than METER_BAR_MOST budgets is cut off.  Each part has its own character, so no colour is needed
 * to tell them apart.
 *
 * Nothing here draws: pictures consist of characters, of UTF-8 or of ASCII.
 * Locking: none.
 */
#ifndef SPILL_METER_H
#define SPILL_METER_H

#include <stdbool.h>
#include <stdint.h>

enum meter_part {
	METER_RESIDENT,
	METER_CACHED,
	METER_COMPRESSED,
	METER_OTHER, /* what the pager does not page, and its buffers */
	METER_FREE,
	METER_BUDGET, /* the budget's end */
	METER_SWAPPED,
	METER_PARTS
};

struct meter_cell {
	const char *glyph;
	enum meter_part part;
};

/* In bytes.  What is in memory is cut off at the budget. */
struct meter_use {
	uint64_t budget, resident, cached, compressed, other, swapped;
};

/* The character for a part. */
const char *meter_glyph(enum meter_part part, bool utf8);

/* Fills a bar of width cells. */
#define METER_BAR_MOST 4
void meter_bar(struct meter_cell *cells, unsigned width, const struct meter_use *use, bool utf8);

/* A column of a sparkline, for a value from 0 to most.  NAN: the column is empty. */
const char *meter_spark(double value, double most, bool utf8);

#endif
