/* SPDX-License-Identifier: MIT */
/* fd.h - our own descriptors, next to the program's
 *
 * Ours take the highest numbers of the table, below the current RLIMIT_NOFILE.  Programs do not
 * meet them there, neither those that count on small numbers nor those that assume some number in
 * the middle is free.  Each number is noted, so that the wrappers of close(2) and its kin
 * (preload/descriptors.c) leave it alone.
 *
 * Invariant: a number is noted before its descriptor is used, and until just before it is closed.
 * Locking: none; the table consists of atomic words.
 */
#ifndef SPILL_FD_H
#define SPILL_FD_H

#include <stdbool.h>
#include <stdint.h>

/* The lowest number that we use for our own. */
int fd_high(void);

/* Duplicates fd at a high number (lower if those are all taken), close-on-exec and noted; or
 * -errno. */
int fd_duplicate(int fd);

/* Opens the same file once more, with O_NONBLOCK, so that nobody else can change its flags; falls
 * back to a duplicate. */
int fd_reopen(int fd);
/* The same without the fallback: -errno if it cannot be opened, as where there is no /proc. */
int fd_open_anew(int fd);

/* Moves fd to a high number and notes it: closes fd and returns the new number, or fd itself if
 * there is no room.  A negative fd (an error) is passed through. */
int fd_raise(int fd);

/* Memory of this size that processes may share: zeroed, close-on-exec, at a high number; or -errno.
 * Its size is sealed: whoever has it open can write anything into it, but cannot make others touch
 * what is no longer there. */
int fd_memory(const char *name, uint64_t size);

/* Is fd such memory, of at least this size, now and for good? */
bool fd_is_memory(int fd, uint64_t size);

/* A pipe open in both directions, non-blocking, close-on-exec, at a high number; or -errno. */
int fd_pipe(void);

/* The inode number, by which others find the file under /proc/PID/fd. */
uint64_t fd_inode(int fd);

/* Notes a descriptor that stays where it is; forgets it again. */
void fd_note(int fd);
void fd_forget(int fd);

/* Closes fd and forgets it if it was noted.  Ignores a negative fd. */
void fd_close(int fd);

/* The first of ours in [first, last], or -1. */
int fd_next(unsigned first, unsigned last);

static inline bool fd_is_ours(int fd)
{
	return fd >= 0 && fd_next((unsigned)fd, (unsigned)fd) == fd;
}

#endif
