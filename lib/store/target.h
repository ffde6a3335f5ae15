/* SPDX-License-Identifier: MIT */
/* target.h - swap targets: how they are written, checked and opened
 *
 * A list of PATH|DIR|DEVICE[,pri=N][,limit=SIZE], separated by ';' (spill(7)).  A path contains no
 * ',' and no ';'.
 *
 * A directory stands for a file without a name in it (O_TMPFILE, mode 0600); nothing of it is left,
 * however the process ends.  A file is ours if it is empty or begins with our header
 * (target_head.h).  Anything else is somebody's data and is refused, as is a device that is
 * mounted, or that has anything where signatures are found.  A path that does not exist is not
 * created: if it was mistyped, nobody can tell whether it was meant as a directory or a file.  Also
 * refused is what another user could have put there: another user's file or symbolic link, or a
 * place where everybody may write and rename.
 *
 * A named file or device is locked as long as a command uses it, and belongs to the whole command:
 * the launcher opens it, and the command's processes share it (command.h).
 */
#ifndef SPILL_TARGET_H
#define SPILL_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum target_kind { TARGET_DIRECTORY, TARGET_FILE, TARGET_DEVICE };

struct target {
	char path[4096];
	int priority;	/* higher is used first; 0 by default */
	uint64_t limit; /* bytes; 0: what is free, less 5 % */
};

struct target_file {
	enum target_kind kind;
	int fd;		 /* O_RDWR, O_CLOEXEC, at a high number (fd.h) */
	int owners_fd;	 /* a memfd of struct slot_owners, with a word for each whole segment of
			    limit */
	bool direct;	 /* opened O_DIRECT */
	bool tmpfs;	 /* lies in memory, and the launcher has not warned of it: the caller
			    must */
	uint64_t offset; /* where slots begin: after our header */
	uint64_t limit;	 /* bytes of slots that it may hold */
	uint64_t wanted; /* bytes of slots that its header asks for (target_head.h); 0: the
			    header does not say */
	bool kept;	 /* a file that keeps its blocks for good */
	int priority;
};

/* The least room that a target must have. */
#define TARGET_ROOM_MIN ((uint64_t)16 << 20)

/* Parses the next target of a list and moves *list past it.  0, 1 at the end of the list, or
 * -EINVAL. */
int target_next(const char **list, struct target *ret_target);

/* Copies the list to ret_list with absolute paths, since the program may change its directory
 * before the targets are opened.  0, -EINVAL (a target is malformed), -E2BIG (ret_list is too
 * small), or why the working directory is not known. */
int target_list_absolute(const char *list, char *ret_list, size_t size);

/* The default list: $TMPDIR if it suits (a writable directory on a disk, with room), else
 * /var/tmp. */
const char *target_default(void);

/* Opens a target for paging: takes the launcher's descriptor if there is one, and opens it afresh
 * otherwise.  direct: tries O_DIRECT first, and does without where the file system has none.  0 or
 * -errno; then *ret_why gives the reason for people (static, or in a static buffer), such as "/foo:
 * no such file or directory".
 *   -ENOENT -ENOTDIR -EACCES (also: not to be trusted) -EROFS
 *   -ENOSPC (less than TARGET_ROOM_MIN free)
 *   -EEXIST (somebody's data) -EBUSY (in use, mounted) -EINVAL
 *   -EBADF (the program has closed the launcher's descriptor) */
int target_open(const struct target *target, bool direct, struct target_file *ret_file,
		const char **ret_why);

/* Swap targets, as the opener wants them. */
struct target_list {
	const char *text; /* TARGET[;TARGET]..., with absolute paths */
	uint64_t limit;	  /* bytes in all; 0: no limit */
	bool direct;
};

/* Opens all targets of the list, at most max, highest priority first, and takes as much of them as
 * the list's limit allows.  0, or as target_open (then nothing is left open); -EINVAL also if there
 * are more than max. */
int target_open_all(const struct target_list *list, struct target_file files[], unsigned max,
		    unsigned *ret_n, const char **ret_why);

void target_close(const struct target_file *file);

#endif
