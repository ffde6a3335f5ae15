/* SPDX-License-Identifier: MIT */
/* attach.c - what the pagers of another process publish: see attach.h */
#define _GNU_SOURCE 1
#include "attach.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int attach_open(struct attach *attach, uint32_t pid)
{
	char path[40];

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

bool attach_next(struct attach *attach, const char *link)
{
	struct dirent *entry;
	struct stat st;

	while ((entry = readdir(attach->directory))) {
		if (!is_called(attach, entry->d_name, link) ||
		    fstatat(dirfd(attach->directory), entry->d_name, &st, 0))
			continue;
		attach->fd = atoi(entry->d_name);
		attach->device = st.st_dev;
		attach->inode = st.st_ino;
		return true;
	}
	return false;
}

bool attach_find_pipe(struct attach *attach, uint64_t number)
{
	char link[40];

	snprintf(link, sizeof(link), "pipe:[%" PRIu64 "]", number);
	rewinddir(attach->directory);
	return attach_next(attach, link);
}

bool attach_has_pager(struct attach *attach)
{
	rewinddir(attach->directory);
	return attach_next(attach, "anon_inode:[userfaultfd]");
}

int attach_get(const struct attach *attach, int flags)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%d", attach->fd);
	fd = openat(dirfd(attach->directory), name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
