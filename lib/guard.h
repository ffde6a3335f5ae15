/* SPDX-License-Identifier: MIT */
/* guard.h - entering the pager from an application thread
 *
 * An application thread that holds a pager's lock must not touch pageable
 * memory.  Its stack may be just that (a coroutine's, from malloc), and a
 * signal handler that runs on top of it may touch anything.  So guard_call
 * blocks signals, and if the stack is managed, goes over to a stack of the
 * pager's own for the time of the call.
 *
 * Locking: none of its own; stacks are taken from a small pool by an atomic
 * mask, and a thread that finds none waits for one.
 */
#ifndef SPILL_GUARD_H
#define SPILL_GUARD_H

#include "pager.h"

/* The largest argument block. */
#define GUARD_ARGUMENT_MAX 128

typedef long (*guard_function)(struct pager *pager, void *argument);

/* Calls function with a copy of the argument block that lies in memory which is
 * never paged, and copies it back afterwards. */
long guard_call(struct pager *pager, guard_function function, void *argument, size_t size);

#endif
