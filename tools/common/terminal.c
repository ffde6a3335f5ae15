/* SPDX-License-Identifier: MIT */
/* terminal.c - what stdout can show: see terminal.h */
#include "common/terminal.h"
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

/* https://no-color.org */
static bool has_colours(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDOUT_FILENO) && !is_set("NO_COLOR") && kind && strcmp(kind, "dumb") != 0;
}

struct terminal terminal_look(void)
{
	struct terminal terminal = { .columns = 80, .lines = 24 };
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
		terminal.columns = size.ws_col;
		terminal.lines = size.ws_row;
	}
	setlocale(LC_CTYPE, "");
	terminal.blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	terminal.colours = has_colours();
	return terminal;
}
