/* SPDX-License-Identifier: MIT */
/* last.h - when only our threads are left
 *
 * A process whose first thread has called pthread_exit ends with the last of the others.  Libc
 * finds that by counting, and counts the threads that the library has; the kernel counts all of ours.  So
 * one of ours looks now and then.  Of libc's it then does what libc would have done in that last
 * thread: exit(0).  Others end the process with the status of its first thread (a child of clone(2)
 * whose function has returned): since Linux 6.0 it would have that of the last one.
 *
 * Locking: none.  To start a thread for it is allowed, although the pager's threads may not
 * wait for libc's locks: nobody is left who could hold one.
 */
#ifndef SPILL_LAST_H
#define SPILL_LAST_H

#include <stdint.h>

/* Looks, if it is time; ns until it is again.  For one thread of ours. */
uint64_t last_check(void);

#endif
