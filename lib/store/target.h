/* SPDX-License-Identifier: MIT */
/* target.h - swap targets: how they are written, checked and opened
 *
 * PATH|DIR|DEVICE[,pri=N][,limit=SIZE], several separated by ';' (spill(7)).
 * A path holds no ',' and no ';'.
 *
 * A directory means a file without a name in it (O_TMPFILE, mode 0600), which
 * nothing is left of, however the process ends.  A file is ours if it is
 * empty or begins with the header that we write (target_head.h); anything else is somebody's
 * data and is refused, as is a device that is mounted or holds anything where
 * signatures are found.  What does not exist is not made: of a name that was
 * mistyped nobody can tell whether it was meant for a directory or a file.
 * Nor is taken what another user could have put there: his file or symbolic link, or
 * a place where everybody may write and rename.
 *
 * A named file or device is locked as long as a command uses it, and belongs to
 * the whole command: the launcher opens it, and the processes of the command
 * share it (command.h).
 */
#ifndef SPILL_TARGET_H
#define SPILL_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum target_kind { TARGET_DIRECTORY, TARGET_FILE, TARGET_DEVICE };

struct target {
	char path[4096];
	int priority;	/* higher is used first; 0 */
	uint64_t limit; /* bytes, 0: what is free, less 5 % */
};

struct target_file {
	enum target_kind kind;
	int fd;		 /* O_RDWR, O_CLOEXEC, above the usual range */
	int owners_fd;	 /* a memfd of struct slot_owners, for each whole segment of limit */
	bool direct;	 /* opened O_DIRECT */
	bool tmpfs;	 /* lies in memory, and the launcher has not warned of
			      it: the caller does */
	uint64_t offset; /* where slots begin: behind our header */
	uint64_t limit;	 /* bytes of slots that it may hold */
	uint64_t wanted; /* of these, by its header (target_head.h); 0: it does not say */
	bool kept;	 /* a file that has its blocks for good */
	int priority;
};

/* The least room that a target must have. */
#define TARGET_ROOM_MIN ((uint64_t)16 << 20)

/* Parses the next target of a list and moves *list behind it; 0, 1 at the
 * end of the list, or -EINVAL. */
int target_next(const char **list, struct target *ret_target);

/* Writes the list to ret_list with absolute paths: the program may change its
 * directory before they are opened.  0, -EINVAL (a target is malformed), -E2BIG
 * (no room in ret_list), or why the working directory is not known. */
int target_list_absolute(const char *list, char *ret_list, size_t size);

/* The default list: $TMPDIR if it suits (a directory on a disk, writable, with
 * room), else /var/tmp. */
const char *target_default(void);

/* Opens a target for paging: the one that the launcher has open, else afresh.
 * direct: try O_DIRECT first, buffered where the file system has none.
 * 0 or -errno, and then *ret_why says it in words for a person (static or in
 * a static buffer), such as "/foo: no such file or directory".
 *   -ENOENT -ENOTDIR -EACCES (also: not to be trusted) -EROFS
 *   -ENOSPC (less than TARGET_ROOM_MIN free)
 *   -EEXIST (somebody's data) -EBUSY (in use, mounted) -EINVAL
 *   -EBADF (the launcher's descriptor was closed by the program) */
int target_open(const struct target *target, bool direct, struct target_file *ret_file,
		const char **ret_why);

/* Swap targets, as whoever opens them wants them. */
struct target_list {
	const char *text; /* TARGET[;TARGET]..., the paths are absolute */
	uint64_t limit;	  /* bytes in all, 0: none */
	bool direct;
};

/* Opens all targets of the list, at most max, highest priority first, and of
 * these as much as its limit allows.  0, or as target_open (nothing is
 * open then); -EINVAL also if there are more than max. */
int target_open_all(const struct target_list *list, struct target_file files[], unsigned max,
		    unsigned *ret_n, const char **ret_why);

void target_close(const struct target_file *file);

#endif
