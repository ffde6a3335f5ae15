/* SPDX-License-Identifier: MIT */
/* duty.h - which handlers watch for faults, and who evicts
 *
 * Each fault wakes all that wait on the userfaultfd, and one of them gets it.  It
 * should be the one on the CPU of the thread that faulted: that one wakes up for
 * nothing, keeps the CPU out of the idle state while it reads, and the thread goes
 * on there at once.  To wake or to be woken across CPUs costs more than all the
 * rest (45 us on a VM with 2 vCPUs where the other is idle).
 *
 * So a handler goes off duty, which is to say, it does not watch for a while:
 *  - if it has come in vain several times in a row: others are quicker;
 *  - if the threads whose faults it gets are on other CPUs than its own.  It asks
 *    for that now and then, and calls the handler whose CPU it is.
 * It comes back by itself, since threads wander: after a nap that grows while
 * nothing shows that it is missed; or when one on duty has several faults in hand.
 *
 * While a handler has faults in hand, one that has nothing to do evicts in its
 * stead, as long as frames last.
 *
 * Invariant: pager->on_duty handlers are on duty, at least one.
 * Locking: none; what others read of a handler is atomic.
 */
#ifndef SPILL_DUTY_H
#define SPILL_DUTY_H

#include "handler.h"

/* The handler has looked for faults, and got so many; thread: the latest one's. */
void duty_note(struct handler *handler, unsigned got, int thread);

/* Before it sleeps: it goes off duty, or stays off, or returns; gives how long it may
 * sleep, at most timeout_ns; 0: it is back, and should look. */
uint64_t duty_rest(struct handler *handler, uint64_t timeout_ns);

/* Another handler, which has nothing in hand, evicts, or is about to. */
bool duty_evicts_another(struct handler *handler);

#endif
