/* SPDX-License-Identifier: MIT */
/* handler.h - a thread that serves page faults
 *
 * One for each CPU of the process, pinned there, with its own ring: the handler
 * that shares the CPU with the faulting thread wakes up cheaply.  Whatever it
 * needs it has before it starts: places for the faults that it has read,
 * descriptors of reads (fills) and writes, bounce buffers, a run of slots, and
 * in the budget, the frames of one tray for an eviction by copying.
 *
 * A handler never sleeps on a chunk's lock: it tries, and comes back later.
 *
 * Locking: everything here belongs to the handler's own thread, but for what is
 * atomic, what does not change once handlers run, and fills that stand in a
 * chunk's list: what the chunk knows of them (struct inflight) is (C).
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
	struct lane lane;	 /* its way into the store, where it waits */
	int wake_fd;		 /* an eventfd */
	struct trace *trace;	 /* its thread's own; NULL: nothing is recorded */
	_Atomic bool flush;	 /* somebody waits until that is written; cleared then */
	cpu_set_t cpus;		 /* its own */
	int tid;		 /* set by its thread; for others to read once round is not 0 */
	_Atomic uint64_t round;	 /* ns: when it last went round its loop with work in hand; 0:
				    it has none */
	_Atomic bool off_duty;	 /* it does not watch for faults (duty.h) */
	_Atomic bool called;	 /* it shall return to duty */
	_Atomic bool summoned;	 /* it shall evict in another's stead */
	unsigned vain;		 /* how often it has found no fault, on balance (duty.c) */
	uint64_t nap_ns;	 /* its latest time off duty */
	uint64_t back_at;	 /* ns: when that ends */
	uint64_t checked;	 /* ns: when it looked at the others */
	uint64_t watched;	 /* ns: when it looked for what is late (watchdog.h) */
	uint64_t shared_ns;	 /* for how long it does not spin, since others want its CPU */
	uint64_t shared_until;	 /* ns: when that ends */
	_Atomic uint64_t astray; /* ns: when it was let run elsewhere (stall.h), or 0 */

	struct uffd_fault faults[HANDLER_FAULTS];
	unsigned fault_count;
	uint64_t waiting_since; /* ns: the first of them was seen so early; 0: there is none */
	uintptr_t waiting;	/* which one that was */
	bool more_faults;	/* the userfaultfd was not read to its end */

	struct fills fills;
	struct writes writes;

	_Atomic bool evicting;	/* between the low and the high mark */
	bool barren;		/* no page of the chunk left that it evicted last */
	bool starved;		/* in this round: something waits for a frame */
	uintptr_t refused;	/* in this round: a page that may not have a frame, since all is
			      full; or 0 */
	uint64_t futile_since;	/* ns: no frame was found for some fault since then; or 0 */
	unsigned futile_rounds; /* that it tried meanwhile */
	uint64_t written_seen;	/* what pager->written was in the last round */
	uint64_t tidy_written;	/* and when it was last found changed (tidy), */
	uint64_t tidy_since;	/* which was then; ns */
	struct request request; /* being carried out */
	_Atomic bool has_request;
	uint64_t request_since; /* ns: nothing could be done for it since then */
};

/* The descriptors that its engine looks at. */
enum { EAR_UFFD, EAR_WAKE, EAR_BELL };

/* Twice as long as the last time, from least up to most. */
static inline uint64_t handler_back_off(uint64_t ns, uint64_t least, uint64_t most)
{
	ns *= 2;
	return ns < least ? least : ns > most ? most : ns;
}

/* How many frames of the budget a handler's buffers take. */
unsigned handler_charge(const struct paging *paging);

/* All that it has, but for its thread; in zeroed memory.  0 or -errno. */
int handler_init(struct paging *paging, struct handler *handler, unsigned number);
/* Its thread begins, with main(handler), which looks at the others: all have been initialized.  0 or
 * -errno. */
int handler_start(struct handler *handler, void (*main)(void *));
/* Waits for its thread, unless in a fork's child, where there is none. */
void handler_stop(struct handler *handler, bool in_child);

/* Makes it look around, wherever it waits; and all of them. */
void handler_wake(struct handler *handler);
void handler_wake_all(struct paging *paging);

/* What its engine hears the bell by, or -1. */
int handler_ear(const struct paging *paging);

#endif
