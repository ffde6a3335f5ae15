/* SPDX-License-Identifier: MIT */
/* guard.h - entering the pager from an application thread
 *
 * An application thread that holds a pager's lock must not touch pageable
 * memory.  Its stack may be just that (a coroutine's, from malloc), and a
 * signal handler that runs on top of it may touch anything, or call the pager
 * itself.  So guard_call blocks signals, and goes over to a stack of the pager's
 * own for the time of the call, whatever the application's is: to ask which it is
 * would take a lock.
 *
 * Invariant: application threads take the pager's locks in here and nowhere else;
 * a debug build asserts it (lock.h).  A fork keeps some from its prepare handler
 * to the handlers after it, none of which a handler thread wants, and signals
 * blocked as long (fork.c).
 *
 * Locking: none of its own; stacks are taken from a small pool by an atomic mask.  A
 * thread that finds none sleeps until one is given back.  Who has a stack never waits
 * for another (a call within a call stays where it is), so those who wait get one.
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

/* Calls function with a copy of the argument block that lies in memory which is
 * never paged, and copies it back afterwards.  pager is only passed on. */
long guard_call(struct pager *pager, guard_function function, void *argument, size_t size);

/* Is this thread inside of a guard_call? */
bool guard_is_inside(void);

/* Blocks all signals but libc's own; gives what restores them. */
uint64_t guard_block_signals(void);
void guard_restore_signals(uint64_t before);

/* In a fork's child: those who had stacks are not here. */
void guard_fork_child(void);

#endif
