/* SPDX-License-Identifier: MIT */
/* stall.h - a handler that does not get its CPU
 *
 * Handlers are pinned, each to its share of the CPUs, and only a ring's owner can collect what it
 * has read.  A real-time thread that keeps a CPU would keep that handler's faults waiting for as
 * long as it likes (950 ms a second, by the kernel's own limit).
 *
 * So each handler with work in hand notes when it last went round its loop.  The others look at
 * that now and then, and sleep no longer than STALL_NS meanwhile.  If one of them finds a handler
 * that has stood still for that long, it lets that handler run on the CPU that it runs on itself.
 * The handler goes back some time after it has moved again.  (A slow disk looks the same; that does
 * no harm.)
 *
 * Locking: none; handler->round and handler->astray are atomic.
 */
#ifndef SPILL_STALL_H
#define SPILL_STALL_H

#include "paging/handler.h"

#define STALL_NS 5000000

/* The handler is at work, or has nothing in hand.  It also looks at the others, if it has not for
 * STALL_NS. */
void stall_note(struct handler *handler, bool at_work);

/* Sends handlers that stand still to this CPU; returns how long the caller may sleep. */
uint64_t stall_check(struct handler *handler);

#endif
