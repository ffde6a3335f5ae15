/* SPDX-License-Identifier: MIT */
/* meter.c - quantities as pictures of one line: see meter.h */
#include "top/meter.h"
#include <math.h>

#define LEVELS 8

static const char *const parts[2][METER_PARTS] = {
	{ "#", "=", "o", ":", " ", "|", "-" },
	{ "█", "▓", "▪", "▒", " ", "│", "░" },
};
/* The last cell shows that the bar goes on. */
static const char *const more[2] = { ">", "»" };
static const char *const eighths[LEVELS] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
static const char *const sparks[2][LEVELS] = {
	{ "_", ".", ":", "-", "=", "+", "*", "#" },
	{ "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" },
};

const char *meter_glyph(enum meter_part part, bool utf8)
{
	return parts[utf8][part];
}

/* -- bars ---------------------------------------------------------------------------------- */

static void set(struct meter_cell *cell, enum meter_part part, bool utf8)
{
	*cell = (struct meter_cell){ parts[utf8][part], part };
}

/* The part of the bar this many bytes along. */
static enum meter_part part_at(const struct meter_use *use, double bytes)
{
	const uint64_t sizes[] = {
		[METER_RESIDENT] = use->resident,
		[METER_CACHED] = use->cached,
		[METER_COMPRESSED] = use->compressed,
		[METER_OTHER] = use->other,
	};
	enum meter_part part;
	double end = 0;

	for (part = METER_RESIDENT; part < METER_FREE; part++) {
		end += (double)sizes[part];
		if (bytes < end)
			break;
	}
	return part;
}

/* If what is resident ends within a cell and nothing follows, shows eighths of the cell. */
static void end_in_eighths(struct meter_cell *cells, unsigned width, const struct meter_use *use)
{
	double columns = (double)use->resident / (double)use->budget * width;
	unsigned cell;

	if (use->cached || use->compressed || use->other || columns >= width)
		return;
	cell = (unsigned)columns;
	cells[cell].glyph = eighths[(unsigned)((columns - cell) * LEVELS)];
	cells[cell].part = METER_RESIDENT;
}

static void bar_memory(struct meter_cell *cells, unsigned width, const struct meter_use *use,
		       bool utf8)
{
	for (unsigned i = 0; i < width; i++)
		set(&cells[i], part_at(use, (i + 0.5) / width * (double)use->budget), utf8);
	if (utf8 && width)
		end_in_eighths(cells, width, use);
}

/* Cells for the budget, if what is swapped gets its part of the others, and the mark gets one. */
static unsigned budget_cells(unsigned width, const struct meter_use *use)
{
	double part = (double)use->budget / ((double)use->budget + (double)use->swapped);
	unsigned cells = (unsigned)lround((width - 1) * fmax(part, 1.0 / METER_BAR_MOST));

	return cells > width - 2 ? width - 2 : cells;
}

void meter_bar(struct meter_cell *cells, unsigned width, const struct meter_use *use, bool utf8)
{
	unsigned memory = width;

	if (!use->budget || (use->swapped && width < 3)) {
		for (unsigned i = 0; i < width; i++)
			set(&cells[i], METER_FREE, utf8);
		return;
	}
	if (use->swapped) {
		memory = budget_cells(width, use);
		set(&cells[memory], METER_BUDGET, utf8);
		for (unsigned i = memory + 1; i < width; i++)
			set(&cells[i], METER_SWAPPED, utf8);
		if ((double)use->swapped > (METER_BAR_MOST - 1.0) * (double)use->budget)
			cells[width - 1].glyph = more[utf8];
	}
	bar_memory(cells, memory, use, utf8);
}

/* -- sparklines ---------------------------------------------------------------------------- */

/* Anything at all shows as more than the lowest level. */
const char *meter_spark(double value, double most, bool utf8)
{
	unsigned level = 0;

	if (isnan(value))
		return " ";
	if (value > 0 && most > 0)
		level = (unsigned)fmin(fmax(ceil(value / most * (LEVELS - 1)), 1), LEVELS - 1);
	return sparks[utf8][level];
}
