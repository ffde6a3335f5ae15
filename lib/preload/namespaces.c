/* SPDX-License-Identifier: MIT */
/* namespaces.c - unshare(2) and setns(2), which some refuse to a process with threads
 *
 * The kernel gives EINVAL to a process with threads that wants a user name space of its own, or
 * to enter one, or another mount name space.  Handlers are threads.  So a line says
 * what to do about it, since the program would not know.
 */
#define _GNU_SOURCE 1
#include "error.h"
#include "lender.h"
#include "pager.h"
#include "preload.h"
#include "sys.h"
#include <sched.h>

/* Why there is a thread of ours, and what to do about it; NULL: there is none. */
static const char *our_thread(void)
{
	const struct pager *pager = preload_pager_made();

	if (pager && pager_is_armed(pager))
		return "memory is paged by threads; call it earlier, or give a larger budget";
	return lender_runs() ? "one of spill's waits while there are other processes of the "
			       "command; call it before the first fork"
			     : NULL;
}

static int result(long ret, const char *name)
{
	const char *why = ret == -EINVAL ? our_thread() : NULL;

	if (why)
		error_report(EVENT_FALLBACK,
			     "%s fails: the kernel allows it to processes without threads alone, "
			     "and %s",
			     name, why);
	return to_errno(ret);
}

PRELOAD_API int unshare(int flags)
{
	return result(sys_call1(SYS_unshare, flags), "unshare");
}

PRELOAD_API int setns(int fd, int type)
{
	return result(sys_call2(SYS_setns, fd, type), "setns");
}
