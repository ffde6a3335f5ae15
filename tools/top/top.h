/* SPDX-License-Identifier: MIT */
/* top.h - spill top: what its files share
 *
 * The room top/ shows commands and processes on the whole screen.  It may include processes/ and common/.
 *
 *	top.c		options, and the loop: look, draw, wait for a key
 *	top_keys.c	what the keys do
 *	top_list.c	the processes, in order; the selected one
 *	top_screen.c	how it all is drawn
 *	top_json.c	the same for programs
 *	live.c		what there is to be shown
 *	minute.c	what was counted in the last minute
 *	screen.c	what it is shown on
 *	meter.c		bars and sparklines, as characters
 */
#ifndef SPILL_TOP_H
#define SPILL_TOP_H

#include "top/live.h"
#include "top/top_list.h"
#include <jansson.h>

int top_main(int argc, char **argv);

struct top {
	struct live live;
	struct top_list list;
	size_t first;	 /* row of the list that is the first on the screen; */
	unsigned page;	 /* how many there are (both are top_screen.c's) */
	double interval; /* s */
	bool frozen;	 /* it is not looked, for the time being */
	bool help;	 /* the keys are explained, in the stead of all else */
	bool asks;	 /* for an interval, of which there is so far: */
	char answer[12];
	char message[160]; /* said until a key is pressed; or "" */
};

/* Draws all of it. */
void top_screen(struct top *top);

/* Does what the key stands for; false: that was all. */
bool top_key(struct top *top, int key);

/* What there is to be seen, as an object. */
json_t *top_json(const struct live *live);

#endif
