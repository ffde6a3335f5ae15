/* SPDX-License-Identifier: MIT */
/* trace.h - a recording of what the pager sees: faults, evictions, reclaims, discards
 *
 * Off, which is the default: a NULL pointer in each handler, and a branch that
 * looks at it.  With SPILL_TRACE=FILE each handler appends events to a buffer of
 * its own and writes that out when it is full, or has nothing to do and has not
 * written for a while.  So the events of one handler are in order; those of all are when they
 * are sorted by their times.  What application threads discard has a buffer of its own.  What
 * is in the buffers when the process is killed is lost; when it exits, or the pager is closed,
 * it is written.
 *
 *	file	[header][event][event] ...
 *
 * With SPILL_TRACE_SAMPLE=N as well, the events are those of a sample of the chunks, and of
 * these each touch is a fault (watch.h); the pager arms with the first memory that it has,
 * so that all of it is seen.
 *
 * A recording that begins while the program runs (record.h) goes to a pipe instead, as many
 * events at once as a pipe takes whole, and nobody waits for who reads it: what finds no room
 * is lost, and counted.
 *
 * The first pager to arm makes the file, and alone records: O_EXCL decides between
 * processes.  If its name has "%p" in it, each process makes one, with its PID in that
 * place.  A fork's child records nothing.  A write that fails ends the recording.
 *
 * Locking: a buffer belongs to its handler's thread; that of application threads
 * is guarded by (G).  A write is one call with O_APPEND, so that those of several do not mix.
 */
#ifndef SPILL_TRACE_H
#define SPILL_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC UINT64_C(0x3265636172747073) /* "sptrace2": the version is in it */
#define TRACE_EVENTS 1024			 /* 32 KiB for each handler */
#define TRACE_EVENTS_PIPE 128			 /* PIPE_BUF: they come whole or not at all */

enum trace_kind {
	TRACE_ZERO,  /* a fault on a page that was absent, */
	TRACE_SOFT,  /* cached, */
	TRACE_MAJOR, /* or swapped; mask: the pages of its chunk that came, or are read, with it */
	TRACE_EVICT, /* these pages of a chunk left for a tray */
	TRACE_RECLAIM, /* the frames of these were given up */
	TRACE_DISCARD, /* the program discarded or unmapped these */
	TRACE_GAUGE,   /* page: which (enum trace_gauge); mask: what it is now */
	TRACE_KINDS,
};

/* How it stands, some times a second; counters are since the pager armed. */
enum trace_gauge {
	GAUGE_KEPT,	   /* pages with contents, wherever they are */
	GAUGE_HELD,	   /* frames */
	GAUGE_UNMANAGED,   /* private pages of the process beside these, but for the table of trays,
				which is that of the budget */
	GAUGE_ZEROED,	   /* pages that were filled with zeros, ever */
	GAUGE_FAULTS_ZERO, /* faults, ever */
	GAUGE_FAULTS_SOFT, /* with those that the recording makes */
	GAUGE_FAULTS_MAJOR,
	GAUGE_READ,	 /* pages read, ever */
	GAUGE_EVICTED,	 /* pages evicted, ever */
	GAUGE_THRESHOLD, /* of the sample: of 2^32; 0: there is none */
	GAUGE_FOUND,	 /* pages with contents when a recording began while the program ran */
	GAUGE_LOST,	 /* events for which there was no room, ever */
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
	uint64_t page; /* address / page size; of a chunk: its first page */
	uint64_t mask; /* of the chunk's pages */
	uint32_t kind; /* enum trace_kind */
	uint32_t handler;
};

struct trace {
	_Atomic int fd; /* -1: a write failed */
	uint32_t handler;
	unsigned most;	     /* events are written when there are so many, */
	unsigned count;	     /* and so many there are */
	uint64_t lost_since; /* ns: there is no room in the pipe since then; 0: there is */
	uint64_t written;    /* ns: when it was written out last */
	struct trace_event event[TRACE_EVENTS];
};

/* Where to, from now on; "" or NULL: nowhere. */
void trace_to(const char *path);

/* Makes the file for a pager with such a budget and so many handlers; its descriptor, or -1 if
 * there is nothing to record or it cannot be made (which is told, unless it is there already).
 * It is not tried again. */
int trace_open(uint64_t budget, unsigned handlers);

/* The same for a pipe that never waits, for the pages that are there already, so many; it is
 * empty.  0 or -errno. */
int trace_begin(int pipe, uint64_t budget, unsigned handlers, uint64_t found);

/* A handler's buffer, which is written when it has so many events; NULL if fd is negative or there
 * is no memory. */
struct trace *trace_new(int fd, unsigned handler, unsigned most);
/* Writes what is left, unless discard.  NULL is ignored. */
void trace_free(struct trace *trace, bool discard);

void trace_append(struct trace *trace, enum trace_kind kind, uint64_t page, uint64_t mask);
/* The handler is about to sleep: what there is is written if that is long ago, or now. */
void trace_rest(struct trace *trace, bool now);

/* Events that this process has lost. */
uint64_t trace_lost(void);

#endif
