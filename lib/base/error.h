/* SPDX-License-Identifier: MIT */
/* error.h - the only place that prints
 *
 * Prints one line for each kind of event in a process, prefixed with "spill: ", in one write(2), to
 * stderr or to the file named by SPILL_LOG.  Handlers may call it: it uses no heap, no stdio and no
 * locale.
 */
#ifndef SPILL_ERROR_H
#define SPILL_ERROR_H

#include <stdbool.h>
#include <stddef.h>

enum event {
	EVENT_READ_FAILED,  /* a swap read failed, a page is lost */
	EVENT_WRITE_FAILED, /* a swap write failed, tried elsewhere */
	EVENT_SWAP_FULL,
	EVENT_NO_ROOM,	     /* nothing could make room for a page */
	EVENT_TMPFS,	     /* the swap target lies in memory */
	EVENT_ARM_FAILED,    /* paging could not be started */
	EVENT_FALLBACK,	     /* the kernel lacks a feature */
	EVENT_STALL,	     /* a fault has waited too long */
	EVENT_HELD_BACK,     /* nothing can leave, the budget is exceeded */
	EVENT_CHILD_UNPAGED, /* a program runs without spill */
	EVENT_OUTSIDE,	     /* unmanaged memory exceeds the budget */
	EVENT_SHARED,	     /* a process's shared memory exceeds the budget */
	EVENT_BEHIND,	     /* calls that we do not see change the address space */
	EVENT_TRACE,	     /* a recording cannot be made */
};

/* Turns warnings on stderr off, or on again.  Errors, which lose a page or end the process, are
 * always printed, and a log receives everything. */
void error_quiet(bool quiet);

/* From now on, appends lines to this file; NULL or "" means stderr.  The path is copied (the
 * environment may be pageable memory).  The file is opened for each line: lines are few, and the
 * program might close and reuse a descriptor that we kept.  The line goes to stderr if the file
 * cannot be opened, is a symbolic link, has a second name, or belongs to another user than root or
 * us. */
void error_log_to(const char *path);

/* From now on, printing a line is a write(2) and nothing else: a seccomp filter may kill the
 * process for any other call. */
void error_confine(void);

/* Prints one line for this kind of event, the first time only.  The format knows %s (const char *),
 * %u (unsigned), %lu (unsigned long), %lx, %d (int) and %%.  Pass an errno value as
 * error_name(err), with %s. */
void error_report(enum event event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints a line, whatever was printed before, then calls abort(): for when going on would lose data
 * or hang.  The program's own handler for SIGABRT is not called: in one of our threads it could
 * touch memory that nobody serves any more. */
_Noreturn void error_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a line for debugging (debug.h), with the time and the thread. */
void error_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The text of an errno value, such as "No space left on device (ENOSPC)"; static, independent of
 * the locale.  err may be negative. */
const char *error_name(int err);

/* Formats into buf as above, always NUL-terminated; returns the length. */
size_t error_format(char *buf, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* In a fork's child: this process may print again what its parent has printed. */
void error_reset(void);

#endif
