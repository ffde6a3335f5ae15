/* SPDX-License-Identifier: MIT */
/* filters.c - seccomp filters that the program installs: prctl(2), seccomp(2)
 *
 * A filter knows nothing of us.  Threads under it may not be allowed what our functions do in them
 * (userfaultfd's ioctls, /proc, a new descriptor).  If it covers all threads, ours may not read and
 * write.  A refusal would show as an error some time later, or as the end of the process, and no
 * line could say why.  So a process that is about to install a filter is not paged any more: all
 * its memory comes back, or stays (pager_retire), and from then on our functions make no system
 * call that libc's would not have made.
 *
 * To have all ready beforehand would not do: mmap registers, tables grow, a fork's child needs a
 * userfaultfd of its own, and a filter for all threads (TSYNC) takes the handlers along.
 *
 * (A filter that was there when the program began is different: permitted.c tries the calls that it
 * might kill for, and the pager does without those that it refuses.)
 */
#define _GNU_SOURCE 1
#include "preload/preload.h"
#include "base/sys.h"
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

/* Without a filter, prctl only asks whether there are filters. */
static bool installs(long mode, const void *filter)
{
	return mode == SECCOMP_MODE_STRICT || (mode == SECCOMP_MODE_FILTER && filter);
}

PRELOAD_API int prctl(int option, ...)
{
	va_list list;
	long a, b, c, d;

	va_start(list, option);
	a = va_arg(list, long);
	b = va_arg(list, long);
	c = va_arg(list, long);
	d = va_arg(list, long);
	va_end(list);
	if (option == PR_SET_SECCOMP && installs(a, (const void *)b))
		preload_retire("installs a seccomp filter");
	return (int)to_errno(sys_call5(SYS_prctl, option, a, b, c, d));
}

long filters_seccomp(long operation, long flags, void *arguments)
{
	if (operation == SECCOMP_SET_MODE_STRICT ||
	    (operation == SECCOMP_SET_MODE_FILTER && arguments))
		preload_retire("installs a seccomp filter");
	return to_errno(sys_call3(SYS_seccomp, operation, flags, arguments));
}
