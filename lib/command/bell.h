/* SPDX-License-Identifier: MIT */
/* bell.h - one process rings, and all that listen hear it
 *
 * A bell is a pipe, open in both directions, that holds at most one byte.  Only the process that
 * rings reads it: it drains the pipe and writes one byte, which is news to each listener's epoll
 * descriptor (edge-triggered).  It is a pipe because a pipe can be opened through /proc/PID/fd: a
 * process that may look at another can ring its bell without having inherited it.
 *
 * Locking: none.
 */
#ifndef SPILL_BELL_H
#define SPILL_BELL_H

#include <stdbool.h>
#include <stdint.h>

/* bell is what fd_pipe made, or the same pipe opened once more: anybody who inherited a descriptor
 * can clear O_NONBLOCK on it, for all that share its file description. */
void bell_ring(int bell);

/* A descriptor of our own that hears the bell, to be polled; or -errno. */
int bell_listen(int bell);
/* Has it rung since the last call? */
bool bell_heard(int ear);

#endif
