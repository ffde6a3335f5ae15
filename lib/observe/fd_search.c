/* SPDX-License-Identifier: MIT */
/* fd_search.c - what the pagers of another process publish: see fd_search.h */
#define _GNU_SOURCE 1
#include "observe/fd_search.h"
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

int fd_search_open(struct fd_search *search, uint32_t pid)
{
	char path[40];
	int err = find_memory(&search->memory);

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	search->directory = opendir(path);
	if (search->directory)
		return 0;
	return errno == ENOENT ? -ESRCH : -errno;
}

void fd_search_close(struct fd_search *search)
{
	closedir(search->directory);
}

static bool is_called(const struct fd_search *search, const char *number, const char *wanted)
{
	char link[64];
	ssize_t n = readlinkat(dirfd(search->directory), number, link, sizeof(link) - 1);

	if (n < 0)
		return false;
	link[n] = '\0';
	return strcmp(link, wanted) == 0;
}

/* Does not ask whoever serves the file. */
static bool look(struct fd_search *search, const char *number)
{
	struct statx st;

	if (statx(dirfd(search->directory), number, AT_STATX_DONT_SYNC, STATX_INO, &st))
		return false;
	search->fd = atoi(number);
	search->device = makedev(st.stx_dev_major, st.stx_dev_minor);
	search->inode = st.stx_ino;
	return true;
}

/* Finds the next descriptor with this link in /proc. */
static bool next_link(struct fd_search *search, const char *link)
{
	struct dirent *entry;

	while ((entry = readdir(search->directory)))
		if (is_called(search, entry->d_name, link) && look(search, entry->d_name))
			return true;
	return false;
}

bool fd_search_next(struct fd_search *search, const char *name)
{
	char link[64];

	snprintf(link, sizeof(link), "/memfd:%s (deleted)", name);
	while (next_link(search, link))
		if (search->device == search->memory)
			return true;
	return false;
}

/* The link's mode bits show how its target was opened. */
static bool is_both_ways(const struct fd_search *search)
{
	const mode_t both = S_IRUSR | S_IWUSR;
	char name[16];
	struct stat st;

	snprintf(name, sizeof(name), "%d", search->fd);
	return fstatat(dirfd(search->directory), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & both) == both;
}

bool fd_search_find_pipe(struct fd_search *search, uint64_t number)
{
	char link[40];

	snprintf(link, sizeof(link), "pipe:[%" PRIu64 "]", number);
	rewinddir(search->directory);
	while (next_link(search, link))
		if (is_both_ways(search))
			return true;
	return false;
}

bool fd_search_has_pager(struct fd_search *search)
{
	rewinddir(search->directory);
	return next_link(search, "anon_inode:[userfaultfd]");
}

/* By now another file may have that number, and opening it could block for ever.  So held pins the
 * file first (O_PATH does not open it), and this compares it. */
static bool is_what_was_found(const struct fd_search *search, int held)
{
	struct statx st;

	return statx(held, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 &&
	       makedev(st.stx_dev_major, st.stx_dev_minor) == search->device &&
	       st.stx_ino == search->inode;
}

int fd_search_get(const struct fd_search *search, int flags)
{
	char path[40];
	int held, fd = -ENOENT;

	snprintf(path, sizeof(path), "%d", search->fd);
	held = openat(dirfd(search->directory), path, O_PATH | O_CLOEXEC);
	if (held < 0)
		return -errno;
	if (is_what_was_found(search, held)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
		fd = open(path, flags | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	close(held);
	return fd;
}
