/* SPDX-License-Identifier: MIT */
/* fork_near.c - a fork waits, or has begun: see fork_near.h */
#include "base/fork_near.h"
#include <stdatomic.h>

/* Forks that hold evictions back, in all of the process; and such of this thread: a signal's
 * handler may fork while another fork waits below it. */
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
