/* SPDX-License-Identifier: MIT */
/* top.h - spill top: what its files share
 *
 * top/ shows commands and processes on the whole screen.  It may include processes/ and common/.
 *
 *	top.c		options, and the loop: look, draw, wait for a key
 *	top_keys.c	what the keys do
 *	top_list.c	the processes, in order; the selected one
 *	top_screen.c	how everything is drawn
 *	top_json.c	the same for programs
 *	live.c		what there is to show
 *	minute.c	what was counted in the last minute
 *	screen.c	the terminal
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
	size_t first;	 /* row of the list that is first on the screen, */
	unsigned page;	 /* and how many are on it (both are top_screen.c's) */
	double interval; /* seconds */
	bool frozen;	 /* does not look for the time being */
	bool help;	 /* shows the keys, and nothing else */
	bool asks;	 /* is asking for an interval, of which it has so far: */
	char answer[12];
	char message[160]; /* shown until a key is pressed; or "" */
};

/* Draws the whole screen. */
void top_screen(struct top *top);

/* Does what the key stands for.  false: the user wants to quit. */
bool top_key(struct top *top, int key);

/* Everything there is to see, as an object. */
json_t *top_json(const struct live *live);

#endif
