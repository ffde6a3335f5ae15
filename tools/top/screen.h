/* SPDX-License-Identifier: MIT */
/* screen.h - takes the whole terminal, and gives it back as it was
 *
 * Signals end or stop the program, or say that the screen's size has changed.  They are blocked
 * except while the program waits for a key, and are dealt with there.  So nothing is drawn halfway.
 *
 * Invariant: between screen_begin and screen_end the terminal is ours, except while we are stopped.
 * Locking: none; one thread.
 */
#ifndef SPILL_SCREEN_H
#define SPILL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/* Takes the terminal.  NULL, or why it cannot be used. */
const char *screen_begin(void);
/* Gives it back.  If a signal has ended us, it takes effect now. */
void screen_end(void);

unsigned screen_width(void);
unsigned screen_height(void);
/* Does it use UTF-8? */
bool screen_utf8(void);

/* -- keys -------------------------------------------------------------------------------------- */

/* Characters stand for themselves. */
enum screen_key {
	SCREEN_TIME = 0x200000, /* no key was pressed in time */
	SCREEN_REDRAW,		/* the screen's size has changed, or it must be drawn again */
	SCREEN_END,		/* the end: a signal came, or the terminal is gone */
	SCREEN_LINE_UP,
	SCREEN_LINE_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_FIRST,
	SCREEN_LAST,
	SCREEN_ERASE,
	SCREEN_OTHER,
};

/* Waits for a key until this time (rate.h), in ns. */
int screen_wait(uint64_t until);

/* -- drawing ----------------------------------------------------------------------------------- */

/* What a text looks like; in colour where there is any. */
enum screen_look {
	LOOK_PLAIN,
	LOOK_BOLD,
	LOOK_DIM,
	LOOK_TITLE,    /* of a table; reverse */
	LOOK_SELECTED, /* reverse */
	LOOK_RESIDENT,
	LOOK_CACHED,
	LOOK_COMPRESSED,
	LOOK_OTHER,
	LOOK_SWAPPED,
	LOOK_SOFT,
	LOOK_MAJOR,
	LOOK_READ,
	LOOK_WRITTEN,
	LOOK_WARNING,
	LOOKS
};

/* Begins an empty screen; shows what was drawn. */
void screen_clear(void);
void screen_show(void);

/* Puts a text there, as far as the screen goes and in at most room columns; returns the column
 * after it.  Characters that cannot be printed become '?'. */
unsigned screen_put(unsigned line, unsigned column, unsigned room, enum screen_look look,
		    const char *text);

#endif
