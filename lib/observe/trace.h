/* SPDX-License-Identifier: MIT */
/* trace.h - a recording of what the pager sees: faults, evictions, reclaims, discards
 *
 * Off by default: then each handler has a NULL pointer, and a branch that looks at it.  With
 * SPILL_TRACE=FILE each handler appends events to its own buffer, and writes the buffer out when it
 * is full, or when it is idle and has not written for a while.  So the events of one handler are in
 * order; to order those of all, sort them by time.  What application threads discard goes to a
 * separate buffer.  When the process exits or the pager is closed, the buffers are written; when
 * the process is killed, they are lost.
 *
 *	file	[header][event][event] ...
 *
 * With SPILL_TRACE_SAMPLE=N as well, only a sample of the chunks is recorded, and each touch of
 * these is a fault (watch.h).  The pager then arms with the first memory that it has, so that it
 * sees all of it.
 *
 * A recording that begins while the program runs (order.h) goes to a pipe instead, in writes small
 * enough that a pipe takes them whole.  Nobody waits for the reader: events that find no room are
 * lost, and counted.
 *
 * The first pager to arm makes the file, and it alone records: O_EXCL decides between processes.
 * If the file's name contains "%p", each process makes one, with its PID in that place.  A fork's
 * child records nothing.  A write that fails ends the recording.
 *
 * Locking: a buffer belongs to its handler's thread; (G) guards that of application threads.  Each
 * write is one call with O_APPEND, so writes of several threads do not mix.
 */
#ifndef SPILL_TRACE_H
#define SPILL_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC UINT64_C(0x3265636172747073) /* "sptrace2": includes the version */
#define TRACE_EVENTS 1024			 /* 32 KiB for each handler */
#define TRACE_EVENTS_PIPE 128			 /* PIPE_BUF: they arrive whole or not at all */

enum trace_kind {
	TRACE_ZERO,  /* a fault on a page that was absent, */
	TRACE_SOFT,  /* cached, */
	TRACE_MAJOR, /* or swapped; mask: the pages of its chunk that came, or are read, with it */
	TRACE_EVICT, /* these pages of a chunk left for a tray */
	TRACE_RECLAIM, /* the frames of these pages were given up */
	TRACE_DISCARD, /* the program discarded or unmapped these pages */
	TRACE_GAUGE,   /* page: which (enum trace_gauge); mask: its value */
	TRACE_KINDS,
};

/* The pager's state, a few times a second.  Counters run from when the pager armed. */
enum trace_gauge {
	GAUGE_KEPT,	   /* pages with contents, wherever they are */
	GAUGE_HELD,	   /* frames */
	GAUGE_UNMANAGED,   /* private pages besides held, less the trays' table (sized by budget) */
	GAUGE_ZEROED,	   /* pages filled with zeros so far */
	GAUGE_FAULTS_ZERO, /* faults so far */
	GAUGE_FAULTS_SOFT, /* including those that the recording causes */
	GAUGE_FAULTS_MAJOR,
	GAUGE_READ,	 /* pages read so far */
	GAUGE_EVICTED,	 /* pages evicted so far */
	GAUGE_THRESHOLD, /* the sample's, out of 2^32; 0: there is no sample */
	GAUGE_FOUND,	 /* pages with contents when a recording began in the running program */
	GAUGE_LOST,	 /* events lost so far for lack of room */
	GAUGES,
};

struct trace_header {
	uint64_t magic;
	uint32_t page_size;  /* bytes */
	uint32_t event_size; /* sizeof(struct trace_event) */
	uint64_t budget;     /* bytes */
	uint64_t started;    /* ns, CLOCK_MONOTONIC */
	uint32_t pid;
	uint32_t handlers;
	char comm[16]; /* the name of the process */
};

struct trace_event {
	uint64_t time; /* ns, CLOCK_MONOTONIC */
	uint64_t page; /* address / page size; for a chunk, that of its first page */
	uint64_t mask; /* the chunk's pages concerned */
	uint32_t kind; /* enum trace_kind */
	uint32_t handler;
};

struct trace {
	_Atomic int fd; /* -1: a write failed */
	uint32_t handler;
	unsigned most;	     /* it is written out when it has this many events */
	unsigned count;	     /* how many it has */
	uint64_t lost_since; /* ns: since when the pipe has had no room; 0: it has room */
	uint64_t written;    /* ns: when it was last written out */
	struct trace_event event[TRACE_EVENTS];
};

/* Sets the file to record to; "" or NULL: none. */
void trace_to(const char *path);

/* Makes the file for a pager with this budget and number of handlers.  Returns its descriptor, or
 * -1 if there is nothing to record, or if the file cannot be made (which is reported, unless the
 * file exists).  It is not tried again. */
int trace_open(uint64_t budget, unsigned handlers);

/* The same for an empty pipe that never blocks.  found is how many pages are there already.  0 or
 * -errno. */
int trace_begin(int pipe, uint64_t budget, unsigned handlers, uint64_t found);

/* A handler's buffer, written out whenever it has `most` events.  NULL if fd is negative or there
 * is no memory. */
struct trace *trace_new(int fd, unsigned handler, unsigned most);
/* Writes what is left, unless discard is set.  NULL is ignored. */
void trace_free(struct trace *trace, bool discard);

void trace_append(struct trace *trace, enum trace_kind kind, uint64_t page, uint64_t mask);
/* The handler is about to sleep: writes the buffer out if now is set, or the last time is long
 * ago. */
void trace_rest(struct trace *trace, bool now);

/* How many events this process has lost. */
uint64_t trace_lost(void);

#endif
