/* SPDX-License-Identifier: MIT */
/* debug.c - a line for each thing that the pager does: see debug.h */
#include "debug.h"
#include "chunk.h"
#include "error.h"
#include <errno.h>
#include <string.h>

_Atomic unsigned debug_kinds;

static const struct {
	const char *name;
	unsigned kinds;
} names[] = {
	{ "faults", DEBUG_FAULTS },
	{ "pages", DEBUG_PAGES },
	{ "io", DEBUG_IO },
	{ "all", DEBUG_FAULTS | DEBUG_PAGES | DEBUG_IO },
};

static unsigned kinds_by_name(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0)
			return names[i].kinds;
	return 0;
}

int debug_set(const char *text)
{
	unsigned kinds = 0;

	while (text && *text) {
		size_t length = strcspn(text, ",");
		unsigned kind = kinds_by_name(text, length);

		if (!kind)
			return -EINVAL;
		kinds |= kind;
		text += length;
		text += *text == ',';
	}
	debug_kinds = kinds;
	return 0;
}

const char *debug_describe(const struct chunk *chunk, char text[DEBUG_TEXT])
{
	error_format(text, DEBUG_TEXT,
		     "%lx resident %lx cached %lx swapped %lx filling %lx poisoned %lx pinned %lx "
		     "lock %u",
		     (unsigned long)chunk->address, (unsigned long)chunk->resident,
		     (unsigned long)chunk->cached, (unsigned long)chunk->swapped,
		     (unsigned long)chunk->filling, (unsigned long)chunk->poisoned,
		     (unsigned long)chunk->pinned, chunk->lock.word);
	return text;
}

void debug_change(const char *what, const struct chunk *chunk, uint64_t mask)
{
	char text[DEBUG_TEXT];

	error_debug("%s %lx: %s", what, (unsigned long)mask, debug_describe(chunk, text));
}
