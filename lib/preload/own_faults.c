/* SPDX-License-Identifier: MIT */
/* own_faults.c - programs with a userfaultfd of their own
 *
 * The kernel lets only one userfaultfd have a range of memory, and ours has, or will have, what we
 * manage.  So what a program registers with its own becomes plain memory: what is paged out comes
 * back, and it no longer counts against the budget.
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
