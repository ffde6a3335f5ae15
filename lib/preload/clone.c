/* SPDX-License-Identifier: MIT */
/* clone.c - clone(2) and _Fork(3): forks for which libc calls no atfork handlers
 *
 * The child gets a pager all the same, as after fork, and so does the child of a syscall(2):
 * syscall.c.  If a program forks by its own instructions, its child has no pager.  Our memory is
 * not mapped there (pager_guard_forks), so the child gets SIGSEGV instead of wrong bytes.
 *
 * _Fork may be called in a signal handler.  Application threads hold the pager's locks with all
 * signals blocked, so the handler interrupts none of them, with one exception: a thread inside
 * fork, between prepare and the system call.  There _Fork goes on as libc's would.
 */
#define _GNU_SOURCE 1
#include "pager/fork.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "base/sys.h"
#include <sched.h>
#include <stdarg.h>
#include <sys/types.h>

/* The thread that is forking right now, or 0. */
static _Atomic int forking;

bool clone_begin_fork(void)
{
	if (preload_retired)
		return false;
	if (forking == sys_gettid())
		return false;
	fork_prepare();
	forking = sys_gettid();
	return true;
}

void clone_end_fork(bool begun, bool in_child)
{
	if (!begun)
		return;
	forking = 0;
	if (in_child)
		preload_fork_child();
	else
		fork_parent();
}

pid_t _Fork(void);

PRELOAD_API pid_t _Fork(void)
{
	pid_t (*next)(void) = NEXT(_Fork);
	bool begun = clone_begin_fork();
	pid_t pid = next();
	int err = errno;

	clone_end_fork(begun, pid == 0);
	errno = err;
	return pid;
}

/* -- clone ------------------------------------------------------------------------------- */

struct start {
	int (*function)(void *);
	void *argument;
	bool begun;
};

/* The child has a copy of its parent's stack, and so of context. */
static int start_child(void *context)
{
	struct start start = *(struct start *)context;

	clone_end_fork(start.begun, true);
	return start.function(start.argument);
}

PRELOAD_API int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	__typeof__(&clone) next = NEXT(clone);
	struct start start = { function, argument, false };
	pid_t *parent_tid, *child_tid;
	va_list list;
	void *tls;
	int ret, err;

	va_start(list, argument);
	parent_tid = va_arg(list, pid_t *);
	tls = va_arg(list, void *);
	child_tid = va_arg(list, pid_t *);
	va_end(list);
	if ((flags & CLONE_CHILD_CLEARTID) && in_place_keep(child_tid, sizeof(*child_tid))) {
		errno = ENOMEM;
		return -1;
	}
	if (flags & CLONE_VM)
		return next(function, stack, flags, argument, parent_tid, tls, child_tid);
	start.begun = clone_begin_fork();
	ret = next(start_child, stack, flags, &start, parent_tid, tls, child_tid);
	err = errno;
	clone_end_fork(start.begun, false);
	errno = err;
	return ret;
}
