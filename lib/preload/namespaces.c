/* SPDX-License-Identifier: MIT */
/* namespaces.c - unshare(2) and setns(2), which some refuse to a process with threads
 *
 * The kernel gives EINVAL to a process with threads that wants a user name space of its own, or
 * to enter one, or another mount name space.  Handlers are threads.  So a line says
 * what to do about it, since the program would not know.
 */
#define _GNU_SOURCE 1
#include "error.h"
#include "pager.h"
#include "preload.h"
#include "sys.h"
#include <sched.h>

static int result(long ret, const char *name)
{
	const struct pager *pager = preload_pager_made();

	if (ret >= 0)
		return (int)ret;
	if (ret == -EINVAL && pager && pager_is_armed(pager))
		error_report(
			EVENT_FALLBACK,
			"%s fails: the kernel allows it to processes without threads alone, and "
			"memory is paged by threads; call it earlier, or give a larger budget",
			name);
	errno = (int)-ret;
	return -1;
}

PRELOAD_API int unshare(int flags)
{
	return result(sys_call1(SYS_unshare, flags), "unshare");
}

PRELOAD_API int setns(int fd, int type)
{
	return result(sys_call2(SYS_setns, fd, type), "setns");
}
