/* SPDX-License-Identifier: MIT */
/* screen.h - the terminal, taken for a full screen and given back as it was
 *
 * What ends or stops the program, and what changes the size of the screen, are signals: they are
 * blocked but while it waits for a key, and are dealt with there.  So nothing is drawn halfway.
 *
 * Invariant: between screen_begin and screen_end the terminal is ours, but while we are stopped.
 * Locking: none; one thread.
 */
#ifndef SPILL_SCREEN_H
#define SPILL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/* Takes it; NULL, or why it cannot be used. */
const char *screen_begin(void);
/* Gives it back; a signal that has ended us ends us now. */
void screen_end(void);

unsigned screen_width(void);
unsigned screen_height(void);
/* Are its characters those of UTF-8? */
bool screen_utf8(void);

/* -- keys -------------------------------------------------------------------------------------- */

/* Characters are themselves. */
enum screen_key {
	SCREEN_TIME = 0x200000, /* none was pressed in time */
	SCREEN_REDRAW,		/* the screen has another size, or has to be drawn again */
	SCREEN_END,		/* a signal, or the terminal is gone: that was all */
	SCREEN_LINE_UP,
	SCREEN_LINE_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_FIRST,
	SCREEN_LAST,
	SCREEN_ERASE,
	SCREEN_OTHER,
};

/* Waits for a key until then (rate.h), in ns. */
int screen_wait(uint64_t until);

/* -- drawing ----------------------------------------------------------------------------------- */

/* What a text looks like: colours where there are any. */
enum screen_look {
	LOOK_PLAIN,
	LOOK_BOLD,
	LOOK_DIM,
	LOOK_TITLE,    /* of a table; reverse */
	LOOK_SELECTED, /* reverse */
	LOOK_RESIDENT,
	LOOK_CACHED,
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

/* Puts a text there, as much of it as there is room for, in so many columns at most; gives the column
 * behind it.  Characters that cannot be printed are '?'. */
unsigned screen_put(unsigned line, unsigned column, unsigned room, enum screen_look look,
		    const char *text);

#endif
