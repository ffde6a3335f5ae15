/* SPDX-License-Identifier: MIT */
/* handler.h - a thread that serves page faults
 *
 * There is one for each CPU of the process, pinned there, with its own lane: the handler that
 * shares the faulting thread's CPU wakes up cheaply.  It has everything it needs before it starts:
 * room for the faults that it has read, descriptors of reads (fills) and writes, bounce buffers, a
 * run of places, and, in the budget, the frames of one tray for an eviction by copy.
 *
 * A handler never sleeps on a chunk's lock: it tries the lock, and comes back later.
 *
 * Locking: everything here belongs to the handler's own thread, except atomics, what does not
 * change once handlers run, and fills in a chunk's list: the chunk's part of those (struct
 * inflight) is (C).
 */
#ifndef SPILL_HANDLER_H
#define SPILL_HANDLER_H

#include "paging/fill.h"
#include "paging/writeback.h"
#include "observe/trace.h"
#include "base/thread.h"
#include <sched.h>

#define HANDLER_FAULTS 64

struct handler {
	struct paging *paging;
	struct thread thread;
	unsigned number;
	bool started;
	struct lane lane;	 /* into the store; the handler waits here */
	int wake_fd;		 /* an eventfd */
	struct trace *trace;	 /* its own; NULL: nothing is recorded */
	_Atomic bool flush;	 /* somebody waits until trace is written; then it is cleared */
	cpu_set_t cpus;		 /* its share of the CPUs */
	int tid;		 /* set by its thread; others may read it once round is not 0 */
	_Atomic uint64_t round;	 /* ns: its last turn round the loop with work in hand; 0: it
				    has none */
	_Atomic bool off_duty;	 /* it is not watching for faults (duty.h) */
	_Atomic bool called;	 /* it should return to duty */
	_Atomic bool summoned;	 /* it should evict in another's stead */
	unsigned vain;		 /* how often it found no fault, on balance (duty.c) */
	uint64_t nap_ns;	 /* its latest nap off duty */
	uint64_t back_at;	 /* ns: when the nap ends */
	uint64_t checked;	 /* ns: when it last looked at the others (stall.h) */
	uint64_t watched;	 /* ns: when it last looked for what is late (watchdog.h) */
	uint64_t shared_ns;	 /* how long it does not spin, since others want its CPU */
	uint64_t shared_until;	 /* ns: when that ends */
	_Atomic uint64_t astray; /* ns: when it was sent to another CPU (stall.h), or 0 */

	struct uffd_fault faults[HANDLER_FAULTS];
	unsigned fault_count;
	uint64_t waiting_since; /* ns: since when faults[0] has been the first; 0: there is none */
	uintptr_t waiting;	/* its address */
	bool more_faults;	/* the userfaultfd may hold more */

	struct fills fills;
	struct writes writes;
	struct packer packer; /* if there is a compressed store */

	_Atomic bool evicting;	/* between the low and the high mark */
	bool barren;		/* of the chunk that it evicted last, no page left */
	bool starved;		/* in this round: something waits for a frame */
	uintptr_t refused;	/* in this round: a page that may not have a frame, since
				   everything is full; or 0 */
	uint64_t futile_since;	/* ns: since when no frame was found for some fault; or 0 */
	unsigned futile_rounds; /* rounds without success since then */
	uint64_t asked;		/* ns: when the store, being full, was last asked again */
	uint64_t written_seen;	/* paging->written in the last round */
	uint64_t tidy_written;	/* paging->written when tidy last saw it change, */
	uint64_t tidy_since;	/* ns: and when that was */
	struct request request; /* being carried out */
	_Atomic bool has_request;
	uint64_t request_since; /* ns: since when nothing could be done for it */
};

/* The descriptors that its engine watches. */
enum { EAR_UFFD, EAR_WAKE, EAR_BELL };

/* Twice ns, but no less than least and no more than most. */
static inline uint64_t handler_back_off(uint64_t ns, uint64_t least, uint64_t most)
{
	ns *= 2;
	return ns < least ? least : ns > most ? most : ns;
}

/* Frames of the budget that a handler's buffers take. */
unsigned handler_charge(const struct paging *paging);

/* Makes everything except the thread; the handler must be zeroed.  0 or -errno. */
int handler_init(struct paging *paging, struct handler *handler, unsigned number);
/* Starts the thread, with main(handler).  It looks at the others, so all must have been
 * initialized.  0 or -errno. */
int handler_start(struct handler *handler, void (*main)(void *));
/* Waits for the thread to end; in a fork's child there is none. */
void handler_stop(struct handler *handler, bool in_child);

/* Makes one handler, or all of them, look around wherever they wait. */
void handler_wake(struct handler *handler);
void handler_wake_all(struct paging *paging);

/* The descriptor by which its engine hears the bell, or -1. */
int handler_ear(const struct paging *paging);

#endif
