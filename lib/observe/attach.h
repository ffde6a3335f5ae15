/* SPDX-License-Identifier: MIT */
/* attach.h - what the pagers of another process publish: found among what it has open
 *
 * Under /proc/PID/fd lie memfds, with names: its counters (stats.h), the budget of its command
 * (pool.h); and the bell that it hears (bell.h), a pipe with a number.  The kernel shows them to
 * who may trace the process, its own user and root, and to nobody else.  A process may have planted
 * anything there for root to find: a file that is only called so, behind which its own server stands,
 * is not opened; what a memfd holds is for who maps it to doubt.
 *
 * For tools, not for the pager: it allocates.
 * Locking: none; each struct attach is its caller's own.
 */
#ifndef SPILL_ATTACH_H
#define SPILL_ATTACH_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

struct attach {
	DIR *directory;
	uint64_t memory; /* the device that all memfds are of */
	int fd;		 /* the number of what was found, there; */
	uint64_t device; /* which file that is */
	uint64_t inode;
};

/* Begins to look at what process pid has open.  0, -ESRCH: there is no such process, -EACCES:
 * it is somebody else's. */
int attach_open(struct attach *attach, uint32_t pid);
void attach_close(struct attach *attach);

/* The next memfd of that name; false: there are no more. */
bool attach_next(struct attach *attach, const char *name);
/* The pipe of that number, if it is open for both ways, as those are that we make, and as hardly any
 * other is: the number stands where any process of the command can write it. */
bool attach_find_pipe(struct attach *attach, uint64_t number);

/* Does it page?  A process that has executed another program has no pager any more, but counts
 * where it did. */
bool attach_has_pager(struct attach *attach);

/* Opens what was found; its descriptor, close-on-exec, or -errno: it is gone meanwhile. */
int attach_get(const struct attach *attach, int flags);

#endif
