/* SPDX-License-Identifier: MIT */
/* terminal.h - what can be drawn on stdout: how wide it is, with which characters and colours
 */
#ifndef SPILL_TERMINAL_H
#define SPILL_TERMINAL_H

#include <stdbool.h>

struct terminal {
	unsigned columns, lines; /* 80 and 24 where it is none */
	bool blocks;		 /* the locale has block characters: it is one of UTF-8 */
	bool colours;		 /* a terminal, and NO_COLOR is not set (or is empty) */
};

/* Sets the locale for characters. */
struct terminal terminal_look(void);

#endif
