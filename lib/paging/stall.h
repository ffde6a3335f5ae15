/* SPDX-License-Identifier: MIT */
/* stall.h - a handler that does not get its CPU
 *
 * Handlers are pinned, each to its share of the CPUs, and only the owner of a
 * ring can collect what it has read.  A real-time thread that does not let go of
 * a CPU would keep the faults that its handler has taken waiting for as long as
 * it likes (950 ms a second, by the kernel's own limit).
 *
 * So each handler that has work in hand says when it last went round its loop.
 * The others look at that now and then, and sleep no longer than STALL_NS
 * meanwhile: one that stood still for that long is sent to the CPU of the one that
 * sees it.  It goes back to its own a while after it has come round again.  (A
 * slow disk looks the same; that does no harm.)
 *
 * Locking: none; handler->round and handler->astray are atomic.
 */
#ifndef SPILL_STALL_H
#define SPILL_STALL_H

#include "paging/handler.h"

#define STALL_NS 5000000

/* The handler comes round: it is at work, or has nothing in hand.  Looks at the
 * others too, if it did not for STALL_NS. */
void stall_note(struct handler *handler, bool at_work);

/* Lets handlers run that stand still; gives how long the caller may sleep. */
uint64_t stall_check(struct handler *handler);

#endif
