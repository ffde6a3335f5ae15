/* SPDX-License-Identifier: MIT */
/* thread.h - the pager's own threads
 *
 * In the library they are libc's threads, and so take part in what the program does to all its
 * threads (setuid).  Under `spill run` they must not be: libc takes a new thread's tables from
 * calloc.  That may be the program's own calloc, and we may be inside an mmap made by the program's
 * own malloc, under its locks.  So the preload library has its own thread_ops
 * (preload/bare_thread.h).
 *
 * These threads block all signals.  libc's threads leave out the two signals that libc keeps for
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
	void (*wake)(void *); /* makes it call thread_attend soon; from any thread */
	void *arg;	      /* for main and wake */
	pthread_t pthread;
	/* bare threads only: */
	void *block; /* stack and TLS */
	size_t size;
	_Atomic uint32_t tid;	   /* 0 once it has ended */
	_Atomic uint32_t attended; /* the last order that it carried out */
};

struct thread_ops {
	int (*start)(struct thread *thread, const char *name);
	void (*join)(struct thread *thread);
	void (*forget)(struct thread *thread);
	void (*attend)(void);
	/* Only our threads are left: ends the process, whose first thread had this status
	 * (last.h). */
	void (*end_last)(int status);
};

/* From thread_libc.c or the preload library. */
extern const struct thread_ops *const thread_ops;

/* At least how many there are: each thread counts itself when it has begun, and leaves the count
 * when it is about to end (last.h).  0 in a fork's child. */
extern _Atomic unsigned thread_count;

/* Starts a thread called name (at most 15 characters) that runs main(arg).  arg must outlive the
 * thread; thread itself must last until thread_join.  0 or -errno. */
int thread_start(struct thread *thread, const char *name, void (*main)(void *),
		 void (*wake)(void *), void *arg);
/* Waits until the thread has ended. */
void thread_join(struct thread *thread);
/* In a fork's child, where the thread does not exist. */
void thread_forget(struct thread *thread);

/* Each of our threads calls this whenever it has been woken. */
static inline void thread_attend(void)
{
	if (thread_ops->attend)
		thread_ops->attend();
}

#endif
