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

#include "store/io.h"
#include "pager/pager.h"
#include "observe/trace.h"
#include "base/thread.h"
#include <sched.h>

#define HANDLER_FAULTS 64
#define HANDLER_FILLS 64
#define HANDLER_WRITES 8
#define HANDLER_BOUNCE_MAX 64
#define WRITE_PAGES_MAX 256 /* 1 MiB at 4 KiB a page */
#define WRITE_PARTS_MAX 32

/* A read in flight: pages of a chunk from one stretch of swap space.  Those between them that
 * nobody wants are read with them, up to FILL_GAP_MAX in a row: to read them costs less
 * than another request. */
#define FILL_GAP_MAX 4
#define FILL_RUNS_MAX ((IO_READ_PARTS + 1) / 2)
struct fill {
	struct io_request request;
	struct iovec iov[IO_READ_PARTS];
	struct handler *handler;
	struct chunk *chunk;
	struct inflight flight;
	struct fill *next; /* in the handler's list of free or finished ones */
	bool ahead;	   /* nobody waits for it: its pages stay in its tray, the chunk's */
	uint64_t slot;	   /* of the first */
	struct tray *tray; /* where it is read to, at the pages' own offsets; */
	char *bounce;	   /* or this, from the first page on */
	long result;
	unsigned attempts;
	uint64_t started; /* ns; 0: free */
	uint64_t since;	  /* ns: when the fault was seen that it serves; 0: it serves none */
	uintptr_t wanted; /* the page of that fault */
};

/* A write in flight: parts of trays, to adjacent slots. */
struct write_part {
	struct tray *tray;
	uint64_t mask;
	uint64_t slot; /* of its first page */
};

struct write {
	struct io_request request;
	struct iovec iov[WRITE_PAGES_MAX];
	struct write_part part[WRITE_PARTS_MAX];
	struct handler *handler;
	struct write *next; /* in the handler's list of free or finished ones */
	unsigned parts, parts_done;
	unsigned iovs, pages;
	uint64_t slot; /* of the first page */
	long result;
	uint64_t started; /* ns: when it was submitted; 0: it is not in flight */
};

struct handler {
	struct pager *pager;
	struct thread thread;
	unsigned number;
	bool started;
	struct io *io;
	struct io_seal seal;	 /* of io, if the pager has a cipher */
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
	uint64_t serving;	/* ns: when the fault was seen for which no read was started yet, */
	uintptr_t serving_page; /* and where that is */
	uint64_t waiting_since; /* ns: the first of them was seen so early; 0: there is none */
	uintptr_t waiting;	/* which one that was */
	bool more_faults;	/* the userfaultfd was not read to its end */

	struct fill fills[HANDLER_FILLS];
	struct fill *free_fills, *finished_fills;
	_Atomic unsigned reads_in_flight;
	unsigned reads_ahead; /* of these, such as nobody waits for */
	struct ahead ahead;   /* what the fault that is being served wants read ahead */
	char *bounce;
	char *sink; /* FILL_GAP_MAX pages behind the bounce buffers: what nobody wants */
	uint64_t bounce_taken;
	unsigned bounce_pages;

	struct write *writes;
	struct write *free_writes, *finished_writes;
	struct write *open_write; /* being put together */
	uint64_t run_slot;	  /* slots taken ahead, for this handler's writes */
	unsigned run_left;

	struct io_request grow_request; /* a step of a swap file (grow.h), */
	struct swap_growth growth;
	bool growing; /* which is under way */

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

enum { WATCH_UFFD, WATCH_WAKE, WATCH_BELL };

/* Reads in flight that somebody waits for. */
static inline unsigned handler_demanded(const struct handler *handler)
{
	return handler->reads_in_flight - handler->reads_ahead;
}

/* Twice as long as the last time, from least up to most. */
static inline uint64_t handler_back_off(uint64_t ns, uint64_t least, uint64_t most)
{
	ns *= 2;
	return ns < least ? least : ns > most ? most : ns;
}

/* How many frames of the budget a handler's buffers take. */
unsigned handler_charge(const struct pager *pager);

/* All that it has, but for its thread; in zeroed memory.  0 or -errno. */
int handler_init(struct pager *pager, struct handler *handler, unsigned number);
/* Its thread begins, and looks at the others: all have been initialized.  0 or -errno. */
int handler_start(struct handler *handler);
/* Waits for its thread, unless in a fork's child, where there is none. */
void handler_stop(struct handler *handler, bool in_child);

void handler_wake(struct handler *handler);

#endif
