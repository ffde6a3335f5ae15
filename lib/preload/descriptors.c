/* SPDX-License-Identifier: MIT */
/* descriptors.c - close(2) and its kin: our descriptors survive them
 *
 * Daemons and shells close all descriptors that they do not know, and a subprocess closes all but
 * three before it executes.  Ours (fd.h) are not the program's.  Closing one fails with EBADF, as
 * for a number that is not open; closing a range goes around them.  Putting another file in the
 * place of one fails with EBUSY, which dup2(2) uses for a number that is just being taken.
 *
 * Safe after vfork: nothing is allocated, and no lock is taken.
 */
#define _GNU_SOURCE 1
#include "command/command.h"
#include "base/fd.h"
#include "preload/preload.h"
#include "base/sys.h"
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

/* libc's own, which is a cancellation point. */
extern int __close(int fd);

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1u << 1) /* Linux 5.9 */
#endif

static bool is_ours(int fd)
{
	command_init();
	return fd_is_ours(fd);
}

PRELOAD_API int close(int fd)
{
	return is_ours(fd) ? to_errno(-EBADF) : __close(fd);
}

static int close_part(unsigned first, unsigned last, unsigned flags)
{
	return (int)sys_call3(SYS_close_range, first, last, flags);
}

static int close_around_ours(unsigned first, unsigned last, unsigned flags)
{
	int ours, err = 0;

	command_init();
	while (!err && (ours = fd_next(first, last)) >= 0) {
		if ((unsigned)ours > first) {
			err = close_part(first, (unsigned)ours - 1, flags);
			flags &= ~CLOSE_RANGE_UNSHARE;
		}
		first = (unsigned)ours + 1;
	}
	if (!err && first <= last)
		err = close_part(first, last, flags);
	return err;
}

PRELOAD_API int close_range(unsigned first, unsigned last, int flags)
{
	if (first > last)
		return to_errno(-EINVAL);
	return to_errno(close_around_ours(first, last, (unsigned)flags));
}

/* Before Linux 5.9: goes as far as the current limit.  If the limit was lowered, descriptors above
 * it stay open. */
static void close_singly(unsigned first)
{
	struct rlimit limit = { 0, 0 };

	sys_call4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	for (unsigned fd = first; fd < limit.rlim_cur; fd++)
		if (!fd_is_ours((int)fd))
			sys_close((int)fd);
}

PRELOAD_API void closefrom(int first)
{
	unsigned from = first < 0 ? 0 : (unsigned)first;

	if (close_around_ours(from, UINT_MAX, 0) == -ENOSYS)
		close_singly(from);
}

static int duplicate(int old, int new, int flags)
{
	return (int)sys_call3(SYS_dup3, old, new, flags);
}

PRELOAD_API int dup3(int old, int new, int flags)
{
	return to_errno(is_ours(new) ? -EBUSY : duplicate(old, new, flags));
}

/* dup3 refuses equal numbers. */
PRELOAD_API int dup2(int old, int new)
{
	if (old == new)
		return (int)to_errno(sys_call3(SYS_fcntl, old, F_GETFD, 0)) < 0 ? -1 : new;
	return dup3(old, new, 0);
}
