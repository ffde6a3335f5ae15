/* SPDX-License-Identifier: MIT */
/* duty.h - which handlers watch for faults, and who evicts
 *
 * Each fault wakes all handlers that wait on the userfaultfd, and one of them gets it.  If a single
 * thread faults, it is mostly the same one, and the others were woken for nothing: they run on
 * other CPUs, which had to be interrupted.  So a handler that has found nothing several times in a
 * row goes off duty: it stops watching, for a nap that grows as long as nobody misses it.  It comes
 * back by itself, since threads move between CPUs, or when a handler on duty has more than one
 * fault in hand.
 *
 * One handler evicts and the others serve faults, since evicting a chunk takes as long as a read.
 * While a handler has faults in hand, an idle one evicts in its stead, as long as frames last.
 *
 * While the pager is paused (steering.h) no handler is on duty.
 *
 * Invariant: paging->on_duty handlers are on duty, at least one unless the pager is paused.
 * Locking: none; what others read of a handler is atomic.
 */
#ifndef SPILL_DUTY_H
#define SPILL_DUTY_H

#include "paging/handler.h"

/* The handler has looked for faults and got this many. */
void duty_note(struct handler *handler, unsigned got);

/* Before the handler sleeps.  It goes off duty, stays off, or returns.  Returns how long it may
 * sleep, at most timeout_ns; 0: it is back and should look for faults. */
uint64_t duty_rest(struct handler *handler, uint64_t timeout_ns);

/* Is another handler watching for faults, and not evicting at the same time? */
bool duty_is_done_by_another(const struct handler *handler);

/* Is another handler evicting, or, with nothing in hand, about to? */
bool duty_evicts_another(struct handler *handler);

#endif
