/* SPDX-License-Identifier: MIT */
/* attach.c - what the pagers of another process publish: see attach.h */
#define _GNU_SOURCE 1
#include "observe/attach.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int find_memory(uint64_t *ret_device)
{
	int fd = memfd_create("spill-look", MFD_CLOEXEC);
	struct stat st;
	int err = fd < 0 || fstat(fd, &st) ? -errno : 0;

	if (!err)
		*ret_device = st.st_dev;
	if (fd >= 0)
		close(fd);
	return err;
}

int attach_open(struct attach *attach, uint32_t pid)
{
	char path[40];
	int err = find_memory(&attach->memory);

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	attach->directory = opendir(path);
	if (attach->directory)
		return 0;
	return errno == ENOENT ? -ESRCH : -errno;
}

void attach_close(struct attach *attach)
{
	closedir(attach->directory);
}

static bool is_called(const struct attach *attach, const char *number, const char *wanted)
{
	char link[64];
	ssize_t n = readlinkat(dirfd(attach->directory), number, link, sizeof(link) - 1);

	if (n < 0)
		return false;
	link[n] = '\0';
	return strcmp(link, wanted) == 0;
}

/* Does not ask whoever serves the file. */
static bool look(struct attach *attach, const char *number)
{
	struct statx st;

	if (statx(dirfd(attach->directory), number, AT_STATX_DONT_SYNC, STATX_INO, &st))
		return false;
	attach->fd = atoi(number);
	attach->device = makedev(st.stx_dev_major, st.stx_dev_minor);
	attach->inode = st.stx_ino;
	return true;
}

/* Finds the next descriptor with this link in /proc. */
static bool next_link(struct attach *attach, const char *link)
{
	struct dirent *entry;

	while ((entry = readdir(attach->directory)))
		if (is_called(attach, entry->d_name, link) && look(attach, entry->d_name))
			return true;
	return false;
}

bool attach_next(struct attach *attach, const char *name)
{
	char link[64];

	snprintf(link, sizeof(link), "/memfd:%s (deleted)", name);
	while (next_link(attach, link))
		if (attach->device == attach->memory)
			return true;
	return false;
}

/* The link's mode bits show how its target was opened. */
static bool is_both_ways(const struct attach *attach)
{
	const mode_t both = S_IRUSR | S_IWUSR;
	char name[16];
	struct stat st;

	snprintf(name, sizeof(name), "%d", attach->fd);
	return fstatat(dirfd(attach->directory), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & both) == both;
}

bool attach_find_pipe(struct attach *attach, uint64_t number)
{
	char link[40];

	snprintf(link, sizeof(link), "pipe:[%" PRIu64 "]", number);
	rewinddir(attach->directory);
	while (next_link(attach, link))
		if (is_both_ways(attach))
			return true;
	return false;
}

bool attach_has_pager(struct attach *attach)
{
	rewinddir(attach->directory);
	return next_link(attach, "anon_inode:[userfaultfd]");
}

/* By now another file may have that number, and opening it could block for ever.  So held pins the
 * file first (O_PATH does not open it), and this compares it. */
static bool is_what_was_found(const struct attach *attach, int held)
{
	struct statx st;

	return statx(held, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 &&
	       makedev(st.stx_dev_major, st.stx_dev_minor) == attach->device &&
	       st.stx_ino == attach->inode;
}

int attach_get(const struct attach *attach, int flags)
{
	char path[40];
	int held, fd = -ENOENT;

	snprintf(path, sizeof(path), "%d", attach->fd);
	held = openat(dirfd(attach->directory), path, O_PATH | O_CLOEXEC);
	if (held < 0)
		return -errno;
	if (is_what_was_found(attach, held)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
		fd = open(path, flags | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	close(held);
	return fd;
}
