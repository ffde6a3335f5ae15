/* SPDX-License-Identifier: MIT */
/* thread_libc.c - the library's threads, made by libc: see thread.h */
#include "base/thread.h"
#include "base/lock.h"
#include <signal.h>
#include <stdlib.h>

/* Handlers call little and never recurse.  The stack also holds the static TLS of glibc and of the
 * program (libraries with large thread-local arrays). */
#define THREAD_STACK ((size_t)512 << 10)

static void *libc_main(void *arg)
{
	struct thread *thread = arg;

	lock_guard_begin(); /* for good: no signals, and a stack that is never paged */
	atomic_fetch_add(&thread_count, 1);
	thread->main(thread->arg);
	atomic_fetch_sub(&thread_count, 1);
	return NULL;
}

static int libc_start(struct thread *thread, const char *name)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	sigfillset(&all); /* glibc leaves its own two out by itself */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread->pthread, &attr, libc_main, thread);
	if (!err)
		pthread_setname_np(thread->pthread, name);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

static void libc_join(struct thread *thread)
{
	pthread_join(thread->pthread, NULL);
}

/* libc forgets it by itself. */
static void libc_forget(struct thread *thread)
{
	(void)thread;
}

static void exit_main(void *arg)
{
	(void)arg;
	exit(0);
}

/* What libc would have done in the last of its own threads. */
static void libc_end_last(int status)
{
	static struct thread thread;

	(void)status;
	thread_start(&thread, "spill/exit", exit_main, NULL, NULL);
}

static const struct thread_ops libc_ops = {
	.start = libc_start,
	.join = libc_join,
	.forget = libc_forget,
	.end_last = libc_end_last,
};

/* Weak: the preload library defines another, and then none of this is linked. */
__attribute__((weak)) const struct thread_ops *const thread_ops = &libc_ops;
