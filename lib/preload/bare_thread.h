/* SPDX-License-Identifier: MIT */
/* bare_thread.h - threads that libc does not know
 *
 * A handler is started from within mmap, which the program's own malloc may have called under its
 * locks; so nothing may be allocated for it, and pthread_create does allocate (the DTV, from
 * whatever calloc the program has).  So such a thread is a clone(2) with a block of plain memory:
 *
 *	guard page | stack ... | thread-local storage | thread pointer, TCB
 *
 * The storage is what the loader would give a new thread: the initial images of all modules that
 * were there at the start.  There is no DTV, so what was loaded later has none, and no struct
 * pthread: such a thread calls nothing of libc but what needs no more than errno and the locale.
 *
 * libc neither counts them (the process ends with the program's last thread), nor makes them
 * follow when the program changes its user.  For that the application thread gives an order, a
 * system call that each of them carries out before it goes on (credentials.c).
 *
 * Nor do tracers get hold of them when they are made (CLONE_UNTRACED): strace -f and gdb read the
 * memory of a program that they have stopped, which may have to be brought back first.
 *
 * Locking: bare_order has a lock of its own; who waits for it holds no other.
 */
#ifndef SPILL_PRELOAD_BARE_THREAD_H
#define SPILL_PRELOAD_BARE_THREAD_H

#include "base/thread.h"

/* Notes the images, once: from our constructor, or before it if another library's is first to
 * want a pager. */
void bare_thread_init(void);
/* The thread that gave an order is not in the child. */
void bare_thread_fork_child(void);

/* Each of our threads does this system call; gives when all have.  One that fails ends the process:
 * it would go on with what the program has given up. */
void bare_order(long number, long a, long b, long c);

#endif
