/* SPDX-License-Identifier: MIT */
/* guard.h - entering the pager from an application thread
 *
 * An application thread that holds a pager's lock must not touch pageable memory.  Its own stack
 * may be just that (a coroutine's, from malloc), and a signal handler on top of it may touch
 * anything, or call the pager itself.  So guard_call blocks signals and switches to one of the
 * pager's stacks for the length of the call.  It always switches: finding out whether the
 * application's stack is pageable would take a lock.
 *
 * Invariant: application threads take the pager's locks in here and nowhere else; a debug build
 * asserts it (lock.h).  A fork holds some of them from its prepare handler to the handlers after
 * the fork, with signals blocked all the time (fork.c); handler threads want none of these.
 *
 * Locking: none of its own; an atomic mask hands out stacks from a small pool.  A thread that finds
 * none sleeps until one is given back.  A thread that has a stack never waits for another (a nested
 * call stays on its stack), so every waiter gets one.
 */
#ifndef SPILL_GUARD_H
#define SPILL_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pager;

/* The largest argument block. */
#define GUARD_ARGUMENT_MAX 128

typedef long (*guard_function)(struct pager *pager, void *argument);

/* Calls function with a copy of the argument block, in memory that is never paged, and copies the
 * block back afterwards.  pager is only passed on. */
long guard_call(struct pager *pager, guard_function function, void *argument, size_t size);

/* Is this thread inside a guard_call? */
bool guard_is_inside(void);

/* Blocks all signals except libc's own; returns what guard_restore_signals needs. */
uint64_t guard_block_signals(void);
void guard_restore_signals(uint64_t before);

/* In a fork's child: the threads that had stacks do not exist here. */
void guard_fork_child(void);

#endif
