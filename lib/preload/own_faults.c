/* SPDX-License-Identifier: MIT */
/* own_faults.c - programs that have a userfaultfd of their own
 *
 * The kernel lets one userfaultfd alone have a range of memory, and ours has what we manage, or will
 * have it.  So what a program registers with its own is plain memory from then on: what of it is
 * paged out comes back, and it is not counted against the budget any more.
 */
#define _GNU_SOURCE 1
#include "preload/preload.h"
#include "pager/region.h"
#include "base/sys.h"
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <sys/ioctl.h>

static void let_go(const struct uffdio_register *wanted)
{
	struct pager *pager = preload_pager();

	if (pager)
		region_renounce(pager, (void *)(uintptr_t)wanted->range.start, wanted->range.len);
}

PRELOAD_API int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (request == UFFDIO_REGISTER && argument)
		let_go(argument);
	return to_errno(sys_call3(SYS_ioctl, fd, (long)request, argument));
}
