/* SPDX-License-Identifier: MIT */
/* last.h - when only our threads are left
 *
 * A process whose first thread has called pthread_exit ends with the last of the other threads.
 * libc counts threads to find out, and it counts the library's threads of ours; the kernel counts
 * all of ours.  So one of ours looks now and then.  If our threads are libc's, it does what libc
 * would have done in that last thread: exit(0).  Otherwise it ends the process with the status of
 * the first thread (a child of clone(2) whose function has returned): since Linux 6.0 the process
 * would have the status of the last one.
 *
 * Locking: none.  Starting a thread for the exit is allowed, although the pager's threads may not
 * wait for libc's locks: nobody is left who could hold one.
 */
#ifndef SPILL_LAST_H
#define SPILL_LAST_H

#include <stdint.h>

/* Looks, if it is time to; returns the ns until it is time again.  Only our threads call this. */
uint64_t last_check(void);

#endif
