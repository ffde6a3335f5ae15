/* SPDX-License-Identifier: MIT */
/* fork_near.c - a fork is waiting or has begun: see fork_near.h */
#include "base/fork_near.h"
#include <stdatomic.h>

/* The forks that hold evictions back, in the whole process and in this thread.  A thread can have
 * several: a signal handler may fork while the fork that it interrupted still waits. */
static _Atomic unsigned near;
static __thread unsigned near_here __attribute__((tls_model("initial-exec")));

bool fork_is_near(void)
{
	return near > 0;
}

void fork_announce(void)
{
	atomic_fetch_add(&near, 1);
	near_here++;
}

void fork_withdraw(void)
{
	near_here--;
	atomic_fetch_sub(&near, 1);
}

void fork_withdraw_child(void)
{
	near = --near_here;
}
