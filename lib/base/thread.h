/* SPDX-License-Identifier: MIT */
/* thread.h - the pager's own threads
 *
 * Of the library they are libc's, and so do what the program does to all its threads (setuid).
 * Under `spill run` they must not be: libc takes a new thread's tables from calloc, which may be
 * the program's own, called by us from within a mmap by the program's own malloc, under its locks.
 * So the preload library has a thread_ops of its own (preload/bare_thread.h).
 *
 * All signals are blocked in these threads, but in libc's the two that it keeps for
 * itself (setuid in a threaded program hangs without them).
 */
#ifndef SPILL_THREAD_H
#define SPILL_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread {
	void (*main)(void *);
	void (*wake)(void *); /* makes it come to thread_attend, from any thread */
	void *arg;	      /* of both */
	pthread_t pthread;
	/* bare ones: */
	void *block; /* stack and TLS */
	size_t size;
	_Atomic uint32_t tid;	   /* 0 once it has ended */
	_Atomic uint32_t attended; /* the last order that it has carried out */
};

struct thread_ops {
	int (*start)(struct thread *thread, const char *name);
	void (*join)(struct thread *thread);
	void (*forget)(struct thread *thread);
	void (*attend)(void);
	/* Only ours are left: ends the process, whose first thread had this status (last.h). */
	void (*end_last)(int status);
};

/* In thread_libc.c, or that of the preload library. */
extern const struct thread_ops *const thread_ops;

/* How many there are, at least: each says itself that it has begun, and that it is about to
 * end (last.h).  In the child of a fork there is none. */
extern _Atomic unsigned thread_count;

/* Starts a thread named name (at most 15 characters) that runs main(arg); both outlive it, and so
 * does thread, to thread_join.  0 or -errno. */
int thread_start(struct thread *thread, const char *name, void (*main)(void *),
		 void (*wake)(void *), void *arg);
/* Waits until it has ended. */
void thread_join(struct thread *thread);
/* In the child of a fork: it is not there. */
void thread_forget(struct thread *thread);

/* Each of our threads calls it whenever it has been woken. */
static inline void thread_attend(void)
{
	if (thread_ops->attend)
		thread_ops->attend();
}

#endif
