/* SPDX-License-Identifier: MIT */
/* processes.c - why a process cannot be looked at: see processes.h */
#include "processes/processes.h"
#include "common/tool.h"
#include <errno.h>
#include <string.h>

int processes_refuse(const char *pid, int err)
{
	if (err == -ESRCH)
		return tool_fail("process %s does not exist", pid);
	if (err == -EACCES)
		return tool_fail(
			"process %s belongs to another user: only that user and root may look at it",
			pid);
	if (err == -ENOENT)
		return tool_fail("process %s does not run under spill", pid);
	if (err == -ENODATA)
		return tool_fail("process %s is not paged: its memory fits, and is plain", pid);
	if (err == -ETIMEDOUT)
		return tool_fail("process %s does not answer: it is stopped, or gets no CPU", pid);
	return tool_fail("%s: %s", pid, strerror(-err));
}
