/* SPDX-License-Identifier: MIT */
/* attach.h - what the pagers of another process publish, found among its open files
 *
 * /proc/PID/fd holds memfds, which have names: the process's counters (stats.h) and the budget of
 * its command (pool.h).  It also holds the bell that the process hears (bell.h), a pipe with a
 * number.  The kernel shows these only to those who may trace the process: its own user and root.
 * A process may have planted anything there for root to find.  So a file that merely has the right
 * name, and is served by a process of somebody's own, is not opened; and whoever maps a memfd must
 * doubt its contents.
 *
 * For tools, not for the pager: it allocates.
 * Locking: none; each struct attach belongs to its caller.
 */
#ifndef SPILL_ATTACH_H
#define SPILL_ATTACH_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

struct attach {
	DIR *directory;
	uint64_t memory; /* the device of all memfds */
	int fd;		 /* what was found: its number in the directory */
	uint64_t device; /* which file that is */
	uint64_t inode;
};

/* Begins to look at what process pid has open.  0; -ESRCH: there is no such process; -EACCES: it
 * belongs to somebody else. */
int attach_open(struct attach *attach, uint32_t pid);
void attach_close(struct attach *attach);

/* Finds the next memfd with this name; false: there are no more. */
bool attach_next(struct attach *attach, const char *name);
/* Finds the pipe with this number, if it is open in both directions: ours are, and hardly any other
 * is.  Any process of the command can write the number. */
bool attach_find_pipe(struct attach *attach, uint64_t number);

/* Does it page now?  A process that has executed another program has no pager any more, but its
 * counters are still there. */
bool attach_has_pager(struct attach *attach);

/* Opens what was found.  Returns its descriptor, close-on-exec, or -errno if it is gone. */
int attach_get(const struct attach *attach, int flags);

#endif
