/* SPDX-License-Identifier: MIT */
/* fd.h - the descriptors that are ours, beside the program's
 *
 * Ours have the last numbers of the table, below RLIMIT_NOFILE as it is at the moment, where a
 * program does not meet them: neither one that counts on small numbers, nor one that takes it that
 * some number in the middle is not open.  They are noted, so that the wrappers of close(2)
 * and its like (preload/descriptors.c) leave them alone.
 *
 * Invariant: a number is noted from before its descriptor is in use until
 * before it is closed.
 * Locking: none, a table of atomic words.
 */
#ifndef SPILL_FD_H
#define SPILL_FD_H

#include <stdbool.h>
#include <stdint.h>

/* The number from which on ours are. */
int fd_high(void);

/* A duplicate of fd, close-on-exec, up there (lower if all of these are taken), noted; or -errno. */
int fd_duplicate(int fd);

/* The same file opened once more, with O_NONBLOCK, as nobody else can change it; else a duplicate. */
int fd_reopen(int fd);
/* The same; -errno if it cannot be, as where there is no /proc. */
int fd_open_anew(int fd);

/* Moves fd up there, and notes it: closes it and gives its new number; fd itself
 * if there is no room.  A negative fd (an error) is given back as it is. */
int fd_raise(int fd);

/* Memory of that size that processes may share, all zeros, close-on-exec, up there; or
 * -errno.  Its size is sealed: whoever has it open can write anything there, but not make others
 * touch what is not there any more. */
int fd_memory(const char *name, uint64_t size);

/* Is it such memory, of that size at least, now and later? */
bool fd_is_memory(int fd, uint64_t size);

/* A pipe, open for both ways and never waiting, close-on-exec, up there; or -errno. */
int fd_pipe(void);

/* Which file it is: the inode's number, by which others find it under /proc/PID/fd. */
uint64_t fd_inode(int fd);

/* Notes a descriptor that stays where it is; no longer. */
void fd_note(int fd);
void fd_forget(int fd);

/* Closes what may be noted.  A negative fd is ignored. */
void fd_close(int fd);

/* The first of ours in [first, last], or -1. */
int fd_next(unsigned first, unsigned last);

static inline bool fd_is_ours(int fd)
{
	return fd >= 0 && fd_next((unsigned)fd, (unsigned)fd) == fd;
}

#endif
