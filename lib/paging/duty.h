/* SPDX-License-Identifier: MIT */
/* duty.h - which handlers watch for faults, and who evicts
 *
 * Each fault wakes all that wait on the userfaultfd, and one of them gets it.  With
 * a single thread that faults it is mostly the same one, and to wake the others is
 * in vain: they run on other CPUs, which have to be interrupted.  So a handler that
 * has come in vain several times in a row goes off duty, which is to say, it does not
 * watch: for a nap that grows while it is not missed.  It comes back by itself, since
 * threads wander, or when one on duty has more than one fault in hand.
 *
 * One handler evicts and the others serve faults: a chunk takes as long as a read.  While
 * a handler has faults in hand, one that has nothing to do evicts in its stead, as
 * long as frames last.
 *
 * While the pager is paused (steering.h) none is on duty.
 *
 * Invariant: pager->on_duty handlers are on duty, at least one if it is not paused.
 * Locking: none; what others read of a handler is atomic.
 */
#ifndef SPILL_DUTY_H
#define SPILL_DUTY_H

#include "paging/handler.h"

/* The handler has looked for faults, and got so many. */
void duty_note(struct handler *handler, unsigned got);

/* Before it sleeps: it goes off duty, or stays off, or returns; gives how long it may
 * sleep, at most timeout_ns; 0: it is back, and should look. */
uint64_t duty_rest(struct handler *handler, uint64_t timeout_ns);

/* Another handler watches for faults, and does not evict meanwhile. */
bool duty_is_done_by_another(const struct handler *handler);

/* Another handler, which has nothing in hand, evicts, or is about to. */
bool duty_evicts_another(struct handler *handler);

#endif
