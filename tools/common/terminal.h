/* SPDX-License-Identifier: MIT */
/* terminal.h - what stdout can show: how wide it is, with which characters and colours
 */
#ifndef SPILL_TERMINAL_H
#define SPILL_TERMINAL_H

#include <stdbool.h>

struct terminal {
	unsigned columns, lines; /* 80 and 24 if stdout is no terminal */
	bool blocks;		 /* the locale is a UTF-8 one, and so has block characters */
	bool colours;		 /* a terminal, and NO_COLOR is unset or empty */
};

/* Also sets the locale for characters. */
struct terminal terminal_look(void);

#endif
