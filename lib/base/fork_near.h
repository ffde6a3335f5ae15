/* SPDX-License-Identifier: MIT */
/* fork_near.h - a fork waits, or has begun: nothing may be evicted
 *
 * Who forks says so first, and waits until what was evicted is on swap space (pager/fork.h).
 * Evictions that have begun come to their end; no other begins as long as a fork is near.
 *
 * Locking: none; a count of all threads, and one of each thread's own.
 */
#ifndef SPILL_FORK_NEAR_H
#define SPILL_FORK_NEAR_H

#include <stdbool.h>

/* Any thread. */
bool fork_is_near(void);

/* This thread is about to fork; it has, or will not. */
void fork_announce(void);
void fork_withdraw(void);

/* In the child, in place of fork_withdraw: the other threads that were about to fork are not
 * here. */
void fork_withdraw_child(void);

#endif
