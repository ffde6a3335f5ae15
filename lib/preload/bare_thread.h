/* SPDX-License-Identifier: MIT */
/* bare_thread.h - threads that libc does not know
 *
 * A handler may be started within mmap, called by the program's own malloc under its locks.  So
 * nothing may be allocated for it, but pthread_create does allocate (the DTV, from whatever calloc
 * the program has).  A bare thread is therefore a clone(2) with a block of plain memory:
 *
 *	guard page | stack ... | thread-local storage | thread pointer, TCB
 *
 * The storage is what the loader would give a new thread: the initial images of all modules that
 * were loaded at the start.  There is no DTV, so modules loaded later have no storage here; and
 * there is no struct pthread, so such a thread calls nothing of libc that needs more than errno and
 * the locale.
 *
 * libc neither counts these threads (the process ends with the program's last thread), nor makes
 * them follow when the program changes its user.  For that the application thread gives an order: a
 * system call that each of them carries out before it goes on (credentials.c).
 *
 * Nor do tracers attach to them when they are made (CLONE_UNTRACED): strace -f and gdb read the
 * memory of a program that they have stopped, and one of these threads may have to bring it back
 * first.
 *
 * Locking: bare_order has a lock of its own; whoever waits for it holds no other.
 */
#ifndef SPILL_PRELOAD_BARE_THREAD_H
#define SPILL_PRELOAD_BARE_THREAD_H

#include "base/thread.h"

/* Notes the images and looks clone up, once: from our constructor, or earlier if another library's
 * constructor wants a pager first. */
void bare_thread_init(void);

/* libc's clone.  Looked up at the start: it is called where dlsym cannot be (next.h). */
extern int (*next_clone)(int (*function)(void *), void *stack, int flags, void *argument, ...);

/* In a fork's child, where the thread that gave an order does not exist. */
void bare_thread_fork_child(void);

/* Makes each of our threads do this system call, and returns when all have.  If it fails in one of
 * them, the process ends: that thread would keep what the program has given up. */
void bare_order(long number, long a, long b, long c);

#endif
