/* SPDX-License-Identifier: MIT */
/* debug.c - a line for each step of the pager: see debug.h */
#include "pages/debug.h"
#include "pages/chunk.h"
#include "base/error.h"

_Atomic unsigned debug_kinds;

const char *debug_describe(const struct chunk *chunk, char text[DEBUG_TEXT])
{
	error_format(
		text, DEBUG_TEXT,
		"%lx resident %lx cached %lx compressed %lx swapped %lx filling %lx poisoned %lx pinned %lx "
		"lock %u",
		(unsigned long)chunk->address, (unsigned long)chunk->resident,
		(unsigned long)chunk->cached, (unsigned long)chunk->compressed,
		(unsigned long)chunk->swapped, (unsigned long)chunk->filling,
		(unsigned long)chunk->poisoned, (unsigned long)chunk->pinned, chunk->lock.word);
	return text;
}

void debug_change(const char *what, const struct chunk *chunk, uint64_t mask)
{
	char text[DEBUG_TEXT];

	error_debug("%s %lx: %s", what, (unsigned long)mask, debug_describe(chunk, text));
}
