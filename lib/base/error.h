/* SPDX-License-Identifier: MIT */
/* error.h - the only place that prints
 *
 * One line for each kind of event and process, to stderr or to the file that
 * SPILL_LOG names, in one write(2), behind "spill: ".  It may be called from a
 * handler: no heap, no stdio, no locale.
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
	EVENT_FALLBACK,	     /* a feature of the kernel is missing */
	EVENT_STALL,	     /* a fault waits too long */
	EVENT_HELD_BACK,     /* nothing can leave, the budget does not hold */
	EVENT_CHILD_UNPAGED, /* a program runs without spill */
	EVENT_OUTSIDE,	     /* what is not managed takes more than the budget */
	EVENT_SHARED,	     /* a process's shared memory is more than the budget */
	EVENT_BEHIND,	     /* the address space is changed by calls that we do not see */
	EVENT_TRACE,	     /* a recording cannot be made */
	EVENT_COUNT,
};

/* No warnings on stderr from now on.  Errors, which lose a page or end the
 * process, are still told; and a log that was asked for gets everything. */
void error_quiet(bool quiet);

/* Lines go to the end of this file from now on; NULL or "": to stderr.  The
 * path is copied (the environment may be pageable memory).  The file is opened
 * for each line: there are few, and a descriptor that is kept is one that the
 * program may close and reuse.  If it cannot be opened, or is a symbolic link,
 * has another name as well, or belongs to another user than root, the line goes
 * to stderr. */
void error_log_to(const char *path);

/* From now on a line is a write(2) and nothing else: a seccomp filter may kill for what the others
 * are. */
void error_confine(void);

/* Prints one line of this kind, the first time only.  The format knows %s
 * (const char *), %u (unsigned), %lu (unsigned long), %lx, %d (int) and %%.
 * For an errno value, pass error_name(err) to %s. */
void error_report(enum event event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints a line, whatever was printed before, then abort(): when to go on would
 * lose data or hang.  A handler that the program has for SIGABRT is not called: in
 * our threads it could touch memory that nobody serves any more. */
_Noreturn void error_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a line for those who debug (debug.h), with the time and the thread. */
void error_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The text of an errno value, such as "No space left on device (ENOSPC)";
 * static, no locale.  err may be negative. */
const char *error_name(int err);

/* Formats as above into buf, always ended by a NUL; gives the length. */
size_t error_format(char *buf, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* In a fork's child: the lines that the parent has printed may be printed
 * again by this process. */
void error_reset(void);

#endif
