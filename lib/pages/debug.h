/* SPDX-License-Identifier: MIT */
/* debug.h - a line for each step of the pager, for finding bugs
 *
 * SPILL_DEBUG=faults,pages,io (or all) selects the kinds.  A line goes where messages go, at once,
 * so the last lines before a crash are there too:
 *
 *	spill: debug 12000123 4711 fault 7f0000403000
 *	spill: debug 12000130 4711 end fill 8: 7f0000400000 resident f cached 0 ...
 *
 * (microseconds since the machine was booted, thread).  A recording (trace.h) is something else: it
 * is for programs, and costs little.  Switched off, a debug line costs a branch.
 *
 * Locking: none; each line is one write.
 */
#ifndef SPILL_DEBUG_H
#define SPILL_DEBUG_H

#include "base/error.h"
#include <stdatomic.h>
#include <stdint.h>

struct chunk;

enum debug {
	DEBUG_FAULTS = 1, /* each fault that a handler takes up */
	DEBUG_PAGES = 2,  /* each change of a page's state */
	DEBUG_IO = 4,	  /* each read and write, at its start and its end */
};

/* enum debug, or'ed; set for each pager that is opened. */
extern _Atomic unsigned debug_kinds;

/* Writes the row's state into text: "7f0000400000 resident f cached 0 swapped f0 filling 0 poisoned
 * 0 ...". */
#define DEBUG_TEXT 256
const char *debug_describe(const struct chunk *chunk, char text[DEBUG_TEXT]);

void debug_change(const char *what, const struct chunk *chunk, uint64_t mask);

static inline bool debug_wants(enum debug kind)
{
	return __builtin_expect(atomic_load_explicit(&debug_kinds, memory_order_relaxed) & kind, 0);
}

#define debug(kind, ...)                          \
	do {                                      \
		if (debug_wants(kind))            \
			error_debug(__VA_ARGS__); \
	} while (0)

#endif
