/* SPDX-License-Identifier: MIT */
/* bell.c - one process rings, and all that listen hear it: see bell.h */
#include "command/bell.h"
#include "base/fd.h"
#include "base/sys.h"
#include <sys/epoll.h>

/* Somebody may have filled the pipe who should not.  This many reads make room again. */
#define DRAINS 4

/* If two processes ring at once, the pipe is empty for whichever writes first, and both drained it
 * after they had something to tell. */
void bell_ring(int bell)
{
	char bytes[4096] = { 0 };

	for (unsigned i = 0; i < DRAINS; i++)
		if (sys_read(bell, bytes, sizeof(bytes)) != (long)sizeof(bytes))
			break;
	sys_write(bell, bytes, 1);
}

int bell_listen(int bell)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ear = fd_raise((int)sys_call1(SYS_epoll_create1, EPOLL_CLOEXEC));

	if (ear >= 0)
		sys_call4(SYS_epoll_ctl, ear, EPOLL_CTL_ADD, bell, &event);
	return ear;
}

bool bell_heard(int ear)
{
	struct epoll_event event;

	/* epoll_wait, in the form that every architecture has */
	return sys_call6(SYS_epoll_pwait, ear, (long)&event, 1, 0, 0, 0) == 1;
}
