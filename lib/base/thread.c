/* SPDX-License-Identifier: MIT */
/* thread.c - the pager's own threads: see thread.h */
#include "base/thread.h"

_Atomic unsigned thread_count;

int thread_start(struct thread *thread, const char *name, void (*main)(void *),
		 void (*wake)(void *), void *arg)
{
	thread->main = main;
	thread->wake = wake;
	thread->arg = arg;
	return thread_ops->start(thread, name);
}

void thread_join(struct thread *thread)
{
	thread_ops->join(thread);
}

void thread_forget(struct thread *thread)
{
	thread_ops->forget(thread);
}
