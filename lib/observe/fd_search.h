/* SPDX-License-Identifier: MIT */
/* fd_search.h - what the pagers of another process publish, found among its open files
 *
 * /proc/PID/fd holds memfds, which have names: the process's counters (stats.h) and the budget of
 * its command (pool.h).  It also holds the bell that the process hears (bell.h), a pipe with a
 * number.  The kernel shows these only to those who may trace the process: its own user and root.
 * A process may have planted anything there for root to find.  So a file that merely has the right
 * name, and is served by a process of somebody's own, is not opened; and whoever maps a memfd must
 * doubt its contents.
 *
 * For tools, not for the pager: it allocates.
 * Locking: none; each struct fd_search belongs to its caller.
 */
#ifndef SPILL_FD_SEARCH_H
#define SPILL_FD_SEARCH_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

struct fd_search {
	DIR *directory;
	uint64_t memory; /* the device of all memfds */
	int fd;		 /* what was found: its number in the directory */
	uint64_t device; /* which file that is */
	uint64_t inode;
};

/* Begins to look at what process pid has open.  0; -ESRCH: there is no such process; -EACCES: it
 * belongs to somebody else. */
int fd_search_open(struct fd_search *search, uint32_t pid);
void fd_search_close(struct fd_search *search);

/* Finds the next memfd with this name; false: there are no more. */
bool fd_search_next(struct fd_search *search, const char *name);
/* Finds the pipe with this number, if it is open in both directions: ours are, and hardly any other
 * is.  Any process of the command can write the number. */
bool fd_search_find_pipe(struct fd_search *search, uint64_t number);

/* Does it page now?  A process that has executed another program has no pager any more, but its
 * counters are still there. */
bool fd_search_has_pager(struct fd_search *search);

/* Opens what was found.  Returns its descriptor, close-on-exec, or -errno if it is gone. */
int fd_search_get(const struct fd_search *search, int flags);

#endif
