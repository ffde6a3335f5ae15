/* SPDX-License-Identifier: MIT */
/* fork_near.h - a fork is waiting or has begun: nothing may be evicted
 *
 * A thread that is about to fork announces it, then waits until all evicted pages are on swap space
 * (pager/fork.h).  Evictions under way complete; no other begins while a fork is near.
 *
 * Locking: none; one count for all threads, and one in each thread.
 */
#ifndef SPILL_FORK_NEAR_H
#define SPILL_FORK_NEAR_H

#include <stdbool.h>

/* Is any thread about to fork? */
bool fork_is_near(void);

/* This thread is about to fork; it has forked, or will not. */
void fork_announce(void);
void fork_withdraw(void);

/* In the child, instead of fork_withdraw: the other threads that were about to fork do not exist
 * here. */
void fork_withdraw_child(void);

#endif
