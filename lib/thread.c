/* SPDX-License-Identifier: MIT */
/* thread.c - the pager's own threads: see thread.h */
#include "thread.h"
#include <signal.h>
#include <stddef.h>
#include <string.h>

/* Handlers call little and recurse never; glibc's static TLS and the
 * program's (libraries with large thread-local arrays) come out of it too. */
#define THREAD_STACK ((size_t)512 << 10)

struct thread_hooks thread_hooks;
_Atomic unsigned thread_count;

int thread_start(pthread_t *ret_thread, const char *name, void *(*main)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int err;

	if (thread_hooks.begin)
		thread_hooks.begin();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	sigfillset(&all); /* without glibc's own, it sees to that */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, main, arg);
	if (!err) {
		pthread_setname_np(thread, name);
		*ret_thread = thread;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (thread_hooks.end)
		thread_hooks.end();
	return -err;
}
