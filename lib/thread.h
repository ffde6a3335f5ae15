/* SPDX-License-Identifier: MIT */
/* thread.h - the pager's own threads
 *
 * glibc takes a new thread's tables (its DTV) from calloc, which under
 * `spill run` is memory that we page.  The preload library sets thread_hooks,
 * so that what is allocated between begin and end is plain memory.
 *
 * All signals are blocked in these threads but the two that glibc keeps for
 * itself (setuid in a threaded program hangs without them).
 */
#ifndef SPILL_THREAD_H
#define SPILL_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

struct thread_hooks {
	void (*begin)(void);
	void (*end)(void);
};

extern struct thread_hooks thread_hooks;

/* How many there are, at least: each says itself that it has begun, and that it is about to
 * end (last.h).  In the child of a fork there is none. */
extern _Atomic unsigned thread_count;

static inline void thread_begin(void)
{
	atomic_fetch_add(&thread_count, 1);
}

static inline void thread_end(void)
{
	atomic_fetch_sub(&thread_count, 1);
}

/* Starts a thread named name (at most 15 characters) that runs main(arg).
 * 0 or -errno. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*main)(void *), void *arg);

#endif
