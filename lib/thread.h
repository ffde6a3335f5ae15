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

struct thread_hooks {
	void (*begin)(void);
	void (*end)(void);
};

extern struct thread_hooks thread_hooks;

/* Starts a thread named name (at most 15 characters) that runs main(arg).
 * 0 or -errno. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*main)(void *), void *arg);

#endif
