/* SPDX-License-Identifier: MIT */
/* map_draw.c - spill map: a heat map of the address space, for a terminal
 *
 *	7f12a4000000   256M: 12% resident, 3% cached, 84% swapped, 1% absent
 *	7f12a4000000  ████▓▓▓▒▒░░░░░░░░░░░░░░░░
 *	7f12a5000000  ░░░░░·····
 *
 * A cell stands for a number of pages.  Its shape says what they are; colours only add to it.
 */
#include "base/page.h"
#include "base/size.h"
#include "common/terminal.h"
#include "map/map.h"
#include <inttypes.h>

/* If there are more stretches than this, only the largest are shown. */
#define STRETCHES_SHOWN 12
/* A row of cells is no longer than the whole address space. */
#define CELLS_MOST (UINT64_C(1) << 47)
/* For output that is not a terminal with a known number of lines. */
#define LINES_LEAST 8

enum shape { HOT, RESIDENT, CACHED, COMPRESSED, SWAPPED, ABSENT, FILLING, POISONED, SHAPES };

/* The hotter the darker; in colours: red, yellow, cyan, blue. */
static const struct {
	const char *name, *block, *letter, *colour;
} shapes[SHAPES] = {
	[HOT] = { "hot", "█", "#", "\033[91m" },
	[RESIDENT] = { "resident", "▓", "+", "\033[33m" },
	[CACHED] = { "cached", "▒", "-", "\033[36m" },
	[COMPRESSED] = { "compressed", "▪", "o", "\033[32m" },
	[SWAPPED] = { "swapped", "░", ".", "\033[34m" },
	[ABSENT] = { "absent", "·", " ", "\033[2m" },
	[FILLING] = { "being read", "»", ">", "\033[35m" },
	[POISONED] = { "lost", "!", "!", "\033[97;41m" },
};

static enum shape shape_of(const struct picture_count *count)
{
	static const enum shape of_state[PICTURE_STATES] = {
		[SPILL_ABSENT] = ABSENT,	 [SPILL_RESIDENT] = RESIDENT,
		[SPILL_CACHED] = CACHED,	 [SPILL_SWAPPED] = SWAPPED,
		[SPILL_FILLING] = FILLING,	 [SPILL_POISONED] = POISONED,
		[SPILL_COMPRESSED] = COMPRESSED,
	};
	bool hot;
	enum spill_page_state state = picture_summary(count, &hot);

	return hot ? HOT : of_state[state];
}

/* -- cells --------------------------------------------------------------------------------- */

static void put(const struct terminal *terminal, enum shape shape, enum shape *last)
{
	if (terminal->colours && shape != *last)
		printf("%s%s", *last == SHAPES ? "" : "\033[0m", shapes[shape].colour);
	fputs(terminal->blocks ? shapes[shape].block : shapes[shape].letter, stdout);
	*last = shape;
}

static void put_end(const struct terminal *terminal, enum shape last)
{
	if (terminal->colours && last != SHAPES)
		fputs("\033[0m", stdout);
}

static void draw_row(const struct map *map, const struct terminal *terminal, uint64_t start,
		     uint64_t end, uint64_t cell)
{
	enum shape last = SHAPES;

	printf("%12" PRIx64 "  ", start);
	for (uint64_t at = start; at < end; at += cell) {
		struct picture_count count =
			picture_count(&map->picture, at, at + cell < end ? at + cell : end);

		put(terminal, shape_of(&count), &last);
	}
	put_end(terminal, last);
	putchar('\n');
}

/* What is there must not show as 0 %. */
static void print_percent(const char *before, double part, const char *name)
{
	if (part < 0.005)
		printf("%s<1%% %s", before, name);
	else
		printf("%s%.0f%% %s", before, 100 * part, name);
}

/* Prints each state's part of the pages, in percent. */
static void print_parts(const struct picture_count *count, uint64_t pages)
{
	const char *before = " ";

	for (unsigned state = 0; state < PICTURE_STATES; state++) {
		unsigned shown = (state + 1) % PICTURE_STATES; /* absent is last */

		if (!count->of[shown])
			continue;
		print_percent(before, (double)count->of[shown] / (double)pages,
			      picture_state_names[shown]);
		before = ", ";
	}
}

static void draw_stretch(const struct map *map, const struct terminal *terminal,
			 const struct picture_stretch *stretch, uint64_t cell, unsigned a_row)
{
	struct picture_count count = picture_count(&map->picture, stretch->start, stretch->end);
	char size[SIZE_TEXT];

	printf("\n%12" PRIx64 "  %s:", stretch->start,
	       size_format(size, stretch->end - stretch->start));
	print_parts(&count, (stretch->end - stretch->start) >> page_shift());
	putchar('\n');
	for (uint64_t at = stretch->start, next; at < stretch->end; at = next) {
		next = (at / (cell * a_row) + 1) * (cell * a_row);
		draw_row(map, terminal, at, next < stretch->end ? next : stretch->end, cell);
	}
}

uint64_t map_rows(const struct picture_stretch *stretch, uint64_t a_row)
{
	return (stretch->end - 1) / a_row - stretch->start / a_row + 1;
}

uint64_t map_fit(const struct picture *picture, unsigned rows, unsigned a_row)
{
	uint64_t cell, sum;

	for (cell = page_size(); cell * a_row < CELLS_MOST; cell *= 2) {
		sum = 0;
		for (size_t i = 0; i < picture->stretches; i++)
			sum += map_rows(&picture->stretch[i], cell * a_row);
		if (sum <= rows)
			break;
	}
	return cell;
}

/* -- around them --------------------------------------------------------------------------- */

static void print_head(const struct map *map, const struct picture_count *count)
{
	char budget[SIZE_TEXT] = "not known", size[5][SIZE_TEXT];

	if (map->budget)
		size_format(budget, map->budget);
	printf("%s, process %" PRIu32
	       ": %s resident (%s hot), %s cached, %s compressed, %s swapped; budget %s\n",
	       map->name, map->pid, size_format(size[0], count->of[SPILL_RESIDENT] << page_shift()),
	       size_format(size[1], count->hot << page_shift()),
	       size_format(size[2], count->of[SPILL_CACHED] << page_shift()),
	       size_format(size[3], count->of[SPILL_COMPRESSED] << page_shift()),
	       size_format(size[4], count->of[SPILL_SWAPPED] << page_shift()), budget);
}

static void print_legend(const struct terminal *terminal, uint64_t cell)
{
	char size[SIZE_TEXT];

	printf("\nA cell is %s: ", size_format(size, cell));
	for (enum shape shape = 0; shape < SHAPES; shape++) {
		enum shape last = SHAPES;

		putchar(' ');
		put(terminal, shape, &last);
		put_end(terminal, last);
		printf(" %s", shapes[shape].name);
	}
	putchar('\n');
}

/* The largest power of two that fits next to the address. */
static unsigned cells_a_row(const struct terminal *terminal)
{
	unsigned n = 4;

	while (14 + 2 * n <= terminal->columns && n < 1024)
		n *= 2;
	return n;
}

/* The least size of a stretch to be shown. */
static uint64_t least_shown(const struct picture *picture)
{
	uint64_t least = 0;

	for (;;) {
		size_t n = 0;

		for (size_t i = 0; i < picture->stretches; i++)
			n += picture->stretch[i].end - picture->stretch[i].start >= least;
		if (n <= STRETCHES_SHOWN)
			return least;
		least = least ? 2 * least : page_size();
	}
}

/* Keeps the largest; returns the bytes of the others together. */
static uint64_t leave_out_small(struct picture *picture, size_t *ret_left_out)
{
	uint64_t least = least_shown(picture), bytes = 0;
	size_t kept = 0;

	for (size_t i = 0; i < picture->stretches; i++) {
		struct picture_stretch stretch = picture->stretch[i];

		if (stretch.end - stretch.start >= least)
			picture->stretch[kept++] = stretch;
		else
			bytes += stretch.end - stretch.start;
	}
	*ret_left_out = picture->stretches - kept;
	picture->stretches = kept;
	return bytes;
}

static struct picture_count count_all(const struct picture *picture)
{
	struct picture_count sum = { 0 };

	for (size_t i = 0; i < picture->stretches; i++) {
		struct picture_count one =
			picture_count(picture, picture->stretch[i].start, picture->stretch[i].end);

		for (unsigned state = 0; state < PICTURE_STATES; state++)
			sum.of[state] += one.of[state];
		sum.hot += one.hot;
	}
	return sum;
}

/* Lines left on the screen after the head, the legend, and two lines for each stretch. */
static unsigned rows_left(const struct terminal *terminal, size_t stretches)
{
	unsigned around = 6 + 2 * (unsigned)stretches;

	return terminal->lines > around + LINES_LEAST ? terminal->lines - around : LINES_LEAST;
}

void map_draw(struct map *map)
{
	struct terminal terminal = terminal_look();
	struct picture_count all = count_all(&map->picture);
	struct picture *picture = &map->picture;
	unsigned a_row = cells_a_row(&terminal);
	uint64_t cell = map->cell, bytes;
	char size[SIZE_TEXT];
	size_t left_out;

	bytes = leave_out_small(picture, &left_out);
	if (!cell)
		cell = map_fit(picture, rows_left(&terminal, picture->stretches), a_row);
	print_head(map, &all);
	for (size_t i = 0; i < picture->stretches; i++)
		draw_stretch(map, &terminal, &picture->stretch[i], cell, a_row);
	if (left_out)
		printf("\n%zu smaller stretches, %s in all: --zoom shows them.\n", left_out,
		       size_format(size, bytes));
	print_legend(&terminal, cell);
}
