/* SPDX-License-Identifier: MIT */
/* map.h - the ways in which `spill map' shows a picture
 *
 * The room map/ shows where each page of a process is: it takes a picture (picture) and shows it as a heat
 * map on a terminal (map_draw), as a page for a browser (map_html), or as JSON and lists (map.c).
 * It may include processes/ and common/.
 */
#ifndef SPILL_MAP_H
#define SPILL_MAP_H

#include "map/picture.h"
#include <stdio.h>

int map_main(int argc, char **argv);

struct map {
	const char *name; /* of the process */
	uint32_t pid;
	uint64_t budget, held; /* bytes; budget 0: it is not known */
	uint64_t start, end;   /* what of it is shown */
	uint64_t cell;	       /* bytes; 0: what fits */
	struct picture picture;
};

/* A heat map, for a terminal; small stretches are left out of the picture. */
void map_draw(struct map *map);

/* As a page for a browser, which needs nothing else.  With the slots of more chunks than this it would
 * be too large. */
#define MAP_CHUNKS_WITH_SLOTS 16384
void map_write_html(FILE *file, const struct map *map);

/* How many rows of so many bytes it takes: they begin where addresses are round. */
uint64_t map_rows(const struct picture_stretch *stretch, uint64_t a_row);

/* How large cells are if all stretches shall take no more than so many rows of so many. */
uint64_t map_fit(const struct picture *picture, unsigned rows, unsigned a_row);

#endif
