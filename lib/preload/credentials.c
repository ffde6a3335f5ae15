/* SPDX-License-Identifier: MIT */
/* credentials.c - who the process is: setuid(2) and its kin
 *
 * To the kernel, user and groups belong to each thread; libc changes those of all its threads.
 * Ours are not among them (bare_thread.h), yet they must not keep what the program has given up:
 * somebody who takes over the program could make them use it.  So ours change too, before the call
 * returns.
 */
#define _GNU_SOURCE 1
#include "preload/bare_thread.h"
#include "command/command.h"
#include "base/error.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "base/sys.h"
#include <grp.h>
#include <limits.h>
#include <unistd.h>

/* Takes the result of libc's function.  If it is 0, our threads do the same by a system call, and
 * from now on executed programs are handed what the process may hand on. */
static int followed(int ret, long number, long a, long b, long c)
{
	int err = errno;

	if (ret == 0 && !preload_retired) {
		bare_order(number, a, b, c);
		command_hand_on(true);
	}
	errno = err;
	return ret;
}

PRELOAD_API int setuid(uid_t uid)
{
	return followed(NEXT(setuid)(uid), SYS_setuid, (long)uid, 0, 0);
}

PRELOAD_API int setgid(gid_t gid)
{
	return followed(NEXT(setgid)(gid), SYS_setgid, (long)gid, 0, 0);
}

PRELOAD_API int seteuid(uid_t uid)
{
	return followed(NEXT(seteuid)(uid), SYS_setresuid, -1, (long)uid, -1);
}

PRELOAD_API int setegid(gid_t gid)
{
	return followed(NEXT(setegid)(gid), SYS_setresgid, -1, (long)gid, -1);
}

PRELOAD_API int setreuid(uid_t real, uid_t effective)
{
	return followed(NEXT(setreuid)(real, effective), SYS_setreuid, (long)real, (long)effective,
			0);
}

PRELOAD_API int setregid(gid_t real, gid_t effective)
{
	return followed(NEXT(setregid)(real, effective), SYS_setregid, (long)real, (long)effective,
			0);
}

PRELOAD_API int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	return followed(NEXT(setresuid)(real, effective, saved), SYS_setresuid, (long)real,
			(long)effective, (long)saved);
}

PRELOAD_API int setresgid(gid_t real, gid_t effective, gid_t saved)
{
	return followed(NEXT(setresgid)(real, effective, saved), SYS_setresgid, (long)real,
			(long)effective, (long)saved);
}

/* -- groups -------------------------------------------------------------------------------- */

/* Our threads may not look at the program's list, which may be paged out, so they get a copy. */
static void order_groups(void)
{
	size_t size = NGROUPS_MAX * sizeof(gid_t);
	gid_t *groups = sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long n;

	if (sys_is_error(groups))
		error_fatal("cannot change the groups of the handlers: no memory");
	n = sys_call2(SYS_getgroups, NGROUPS_MAX, groups);
	bare_order(SYS_setgroups, n, (long)groups, 0);
	sys_munmap(groups, size);
}

static int followed_groups(int ret)
{
	int err = errno;

	if (ret == 0 && !preload_retired)
		order_groups();
	errno = err;
	return ret;
}

PRELOAD_API int setgroups(size_t n, const gid_t *groups)
{
	return followed_groups(NEXT(setgroups)(n, groups));
}

PRELOAD_API int initgroups(const char *user, gid_t group)
{
	return followed_groups(NEXT(initgroups)(user, group));
}
