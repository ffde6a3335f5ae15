/* SPDX-License-Identifier: MIT */
/* namespaces.c - unshare(2) and setns(2), parts of which the kernel refuses to processes with
 * threads
 *
 * The kernel returns EINVAL if a process with threads wants its own user name space, or wants to
 * enter one, or another mount name space.  The thread that waits for others of the command
 * (lender.h) is stopped for the call.  Handlers cannot be stopped, so a line says what to do about
 * it: the program would not know.
 */
#define _GNU_SOURCE 1
#include "base/error.h"
#include "pager/lender.h"
#include "pager/pager.h"
#include "preload/preload.h"
#include "base/sys.h"
#include <sched.h>

static bool pages(void)
{
	const struct pager *pager = preload_pager_made();

	return pager && pager_is_armed(pager);
}

static int without_threads(const char *name, long number, long a, long b)
{
	long ret = sys_call2(number, a, b);

	if (ret == -EINVAL && lender_stop()) {
		ret = sys_call2(number, a, b);
		lender_start(preload_pager_made());
	}
	if (ret == -EINVAL && pages())
		error_report(EVENT_FALLBACK,
			     "%s fails: the kernel allows it only in a process without threads, "
			     "and the pager has threads; call it earlier, or raise the budget",
			     name);
	return to_errno(ret);
}

PRELOAD_API int unshare(int flags)
{
	return without_threads("unshare", SYS_unshare, flags, 0);
}

PRELOAD_API int setns(int fd, int type)
{
	return without_threads("setns", SYS_setns, fd, type);
}
