/* SPDX-License-Identifier: MIT */
/* proc_self.c - what a handler reads of its own process, kept open: see proc_self.h */
#include "base/proc_self.h"
#include "base/fd.h"
#include "base/sys.h"
#include <stdatomic.h>

static const char *const paths[PROC_SELF_FILES] = {
	[PROC_SELF_STAT] = "/proc/self/stat",
	[PROC_SELF_STATM] = "/proc/self/statm",
	[PROC_SELF_FD] = "/proc/self/fd",
};

static _Atomic int descriptors[PROC_SELF_FILES] = { [0 ... PROC_SELF_FILES - 1] = -1 };
static _Atomic unsigned users;
static _Atomic int owner; /* the process that they are of */

static void close_all(void)
{
	for (unsigned i = 0; i < PROC_SELF_FILES; i++)
		fd_close(atomic_exchange(&descriptors[i], -1));
}

int proc_self_open(enum proc_self which)
{
	return fd_raise(sys_open(paths[which], O_RDONLY | O_CLOEXEC, 0));
}

void proc_self_use(void)
{
	if (owner != sys_getpid()) {
		close_all();
		users = 0;
		owner = sys_getpid();
	}
	atomic_fetch_add(&users, 1);
	for (unsigned i = 0; i < PROC_SELF_FILES; i++) {
		int none = -1, fd;

		if (descriptors[i] >= 0)
			continue;
		fd = proc_self_open(i);
		if (fd >= 0 && !atomic_compare_exchange_strong(&descriptors[i], &none, fd))
			fd_close(fd);
	}
}

void proc_self_leave(bool in_child)
{
	bool last = in_child ? owner != sys_getpid() : atomic_fetch_sub(&users, 1) == 1;

	if (last)
		close_all();
}

int proc_self(enum proc_self which)
{
	return owner == sys_getpid() ? descriptors[which] : -1;
}
