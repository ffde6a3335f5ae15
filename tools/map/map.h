/* SPDX-License-Identifier: MIT */
/* map.h - the ways in which `spill map' shows a picture
 *
 * map/ shows where each page of a process is.  It takes a picture (picture), and shows it as a heat
 * map on a terminal (map_draw), as a page for a browser (map_html), or as JSON and lists (map.c).
 * It may include processes/ and common/.
 */
#ifndef SPILL_MAP_H
#define SPILL_MAP_H

#include "map/picture.h"
#include <stdio.h>

int map_main(int argc, char **argv);

struct map {
	const char *name; /* the process's name */
	uint32_t pid;
	uint64_t budget, held; /* bytes; budget 0: not known */
	uint64_t start, end;   /* the part that is shown */
	uint64_t cell;	       /* bytes; 0: as large as fits */
	struct picture picture;
};

/* Draws a heat map on a terminal.  Removes small stretches from the picture. */
void map_draw(struct map *map);

/* Makes a page for a browser, which needs nothing else.  With slots for more chunks than this it
 * would be too large. */
#define MAP_CHUNKS_WITH_SLOTS 16384
void map_write_html(FILE *file, const struct map *map);

/* Rows that the stretch takes, at a_row bytes each: rows begin at round addresses. */
uint64_t map_rows(const struct picture_stretch *stretch, uint64_t a_row);

/* The size of a cell with which all stretches take at most this many rows of a_row cells. */
uint64_t map_fit(const struct picture *picture, unsigned rows, unsigned a_row);

#endif
