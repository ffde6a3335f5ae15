/* SPDX-License-Identifier: MIT */
/* bell.h - one process rings, and all that listen hear it
 *
 * A pipe, open for both ways, in which there is one byte at most.  Nobody reads it but who rings:
 * it takes out what is there and puts a byte in, which is news for each listener's epoll
 * descriptor (edge-triggered).  It is a pipe, since that can be opened by way of
 * /proc/PID/fd: so those ring it, too, who may look at the process and did not inherit it.
 *
 * Locking: none.
 */
#ifndef SPILL_BELL_H
#define SPILL_BELL_H

#include <stdbool.h>
#include <stdint.h>

/* bell: what fd_pipe made, or the same pipe opened once more: who has inherited a descriptor can
 * take O_NONBLOCK from it, and from all that share its file description. */
void bell_ring(int bell);

/* A descriptor of our own that hears it, to be polled; or -errno. */
int bell_listen(int bell);
/* Did it ring since the last call? */
bool bell_heard(int ear);

#endif
