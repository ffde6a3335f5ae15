/* SPDX-License-Identifier: MIT */
/* trace.h - a recording of what the pager sees: faults, evictions, reclaims
 *
 * Off, which is the default: a NULL pointer in each handler, and a branch that
 * looks at it.  With SPILL_TRACE=FILE each handler appends events to a buffer of
 * its own and writes that out when it is full, or has nothing to do and has not
 * written for a while.  So the events of one handler are in order; with one handler
 * (--handlers=1) all are.  What is in the buffers when the process ends is lost,
 * unless the pager is closed.
 *
 *	file	[header][event][event] ...
 *
 * The first pager to arm makes the file, and alone records: O_EXCL decides between
 * processes.  A fork's child records nothing.  A write that fails ends the recording
 * of that handler.
 *
 * Locking: a buffer belongs to its handler's thread.  A write is one call with
 * O_APPEND, so that those of several handlers do not mix.
 */
#ifndef SPILL_TRACE_H
#define SPILL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC UINT64_C(0x3165636172747073) /* "sptrace1": the version is in it */
#define TRACE_EVENTS 1024			 /* 32 KiB for each handler */

enum trace_kind {
	TRACE_ZERO,    /* a fault on a page that was absent, */
	TRACE_SOFT,    /* cached, */
	TRACE_MAJOR,   /* or swapped */
	TRACE_EVICT,   /* these pages of a chunk left for a tray */
	TRACE_RECLAIM, /* the frames of these were given up */
};

struct trace_header {
	uint64_t magic;
	uint32_t page_size;  /* bytes */
	uint32_t event_size; /* sizeof(struct trace_event) */
};

struct trace_event {
	uint64_t time; /* ns, CLOCK_MONOTONIC */
	uint64_t page; /* address / page size; of a chunk: its first page */
	uint64_t mask; /* of the chunk's pages; 0 for a fault */
	uint32_t kind; /* enum trace_kind */
	uint32_t handler;
};

struct trace {
	int fd;
	uint32_t handler;
	unsigned count;
	uint64_t written; /* ns: when it was written out last */
	struct trace_event event[TRACE_EVENTS];
};

/* Where to, from now on; "" or NULL: nowhere. */
void trace_to(const char *path);

/* Makes the file; its descriptor, or -1 if there is nothing to record or it cannot
 * be made (which is told, unless it is there already). */
int trace_open(void);

/* A handler's buffer; NULL if fd is negative or there is no memory. */
struct trace *trace_new(int fd, unsigned handler);
/* Writes what is left, unless discard.  NULL is ignored. */
void trace_free(struct trace *trace, bool discard);

void trace_append(struct trace *trace, enum trace_kind kind, uint64_t page, uint64_t mask);
/* The handler is about to sleep. */
void trace_rest(struct trace *trace);

static inline void trace_note(struct trace *trace, enum trace_kind kind, uint64_t page,
			      uint64_t mask)
{
	if (__builtin_expect(trace != NULL, 0))
		trace_append(trace, kind, page, mask);
}

#endif
