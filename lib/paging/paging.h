/* SPDX-License-Identifier: MIT */
/* paging.h - what all handlers of a pager share
 *
 * paging/ serves the faults.  Threads called handlers (handler.h) go round a loop (loop.h).  They
 * take faults (fault.h), read pages back (fill.h, ahead.h), let chunks leave (evict.h, depart.h)
 * and write them out (writeback.h).  policy.h says which chunk leaves next, readahead.h which pages
 * come along.  The room includes every room below it: base, command, kernel, store, pages, observe.
 * Regions, forks and the public functions are the pager's, above.
 *
 *	touch -> userfaultfd -> loop -> fault -> fill -> store        a page comes
 *	budget low -> loop -> evict -> depart -> writeback -> store   a chunk leaves
 *
 * struct paging is a part of struct pager and never moves.
 *
 * Locking: fields without a key are set before the handlers start, and do not change while they
 * run; atomic fields need no lock.
 */
#ifndef SPILL_PAGING_H
#define SPILL_PAGING_H

#include "command/share.h"
#include "kernel/prices.h"
#include "observe/stats.h"
#include "pages/pages.h"
#include "pages/ranges.h"
#include "paging/apportion.h"
#include "paging/judge.h"
#include "paging/policy.h"
#include "paging/readahead.h"
#include "paging/request.h"
#include "store/store.h"

/* Regions of memory that are told apart by how well their pages pack (pack.c). */
#define ODD_REGIONS 256

struct handler;
struct trace;
struct watch;

struct paging {
	struct budget budget;
	struct share *share; /* of the command's budget; NULL: the budget is ours alone */
	struct pages pages;
	const struct region_table *regions; /* the pager's: to know how much is reserved */
	struct policy policy;
	struct apportion apportion; /* between memory and the compressed store */
	struct readahead readahead;
	struct request_queue requests;
	struct store store;
	uint64_t hash_key;
	struct handler *handlers;
	unsigned handler_count;
	unsigned crew; /* how many handlers there are once armed */

	/* what the user asked for */
	unsigned disable; /* enum spill_feature, or'ed */
	enum prices_set calibration;
	bool compresses;   /* has a compressed store (pack.h) */
	bool user_mode;	   /* accept a userfaultfd that the kernel's own accesses do not wait for */
	int64_t allowance; /* frames beyond the limit before a page is given up */
	uint64_t stall_ns; /* report a fault that waits this long; 0: never */

	/* from the kernel */
	struct uffd uffd;
	struct prices prices; /* a fork's child has its parent's */
	const char *zeros;    /* a chunk of zeros to copy from */
	int memory_fd;	      /* /proc/self/mem: reads that never fault, or -1 */
	int pagemap_fd;	      /* /proc/self/pagemap, or -1 */
	bool uses_proc;	      /* proc_self.h */
	int poison_fd;	      /* an empty file, where UFFDIO_POISON is missing, or -1 */

	/* what others see; seat changes only while nobody else counts */
	struct stats_seat seat;
	struct stats *stats;	    /* in the seat */
	int ear;		    /* hears the bell if there is no share to do so; or -1 */
	_Atomic uint64_t sampled;   /* ns: when gauges_sample last did something */
	_Atomic uint64_t published; /* ns: when the gauges were last brought up to date */

	/* what is recorded (recording.h) */
	int trace_fd;	       /* SPILL_TRACE, or a pipe, or -1 */
	unsigned trace_events; /* events that are written to it at once (a file or a pipe); or 0 */
	struct trace *_Atomic discards; /* (G) for application threads' events; or NULL */
	struct watch *_Atomic watch;	/* the chunks whose touches are recorded; NULL: no watch,
					all faults */
	_Atomic uint64_t gauged;	/* ns: when the recording last got the gauges */
	_Atomic bool recording;		/* handlers should have a buffer, */
	_Atomic unsigned recorders;	/* and this many do */

	/* what is going on */
	_Atomic bool armed;
	_Atomic bool registered; /* all regions are, with our userfaultfd (a child's handlers
				    start earlier) */
	_Atomic bool stopping;
	_Atomic bool retiring;		  /* everything comes back, and nothing leaves any more */
	_Atomic bool paused;		  /* no handler watches for faults (steering.h) */
	_Atomic bool dormant;		  /* a fork's child that has not needed us yet: it evicts
				      nothing, since it may be about to exec */
	_Atomic bool held_back;		  /* nothing may be evicted (exceed.h) */
	_Atomic bool swap_full;		  /* the store has no free place */
	_Atomic uint8_t odd[ODD_REGIONS]; /* where pages do not pack (pack.c) */
	struct judge spinning;		  /* does it pay that handlers spin? */
	_Atomic bool stock_wanted;	  /* trays to recycle have run out (evict.c) */
	_Atomic unsigned on_duty;	  /* handlers that watch for faults */
	_Atomic unsigned evicting;	  /* handlers inside an eviction */
	_Atomic unsigned writes;	  /* requests in flight, or being put together */
	_Atomic uint64_t written;	  /* how many succeeded */
	_Atomic uint64_t ahead_at;	  /* ns: when pages were last read ahead */
	_Atomic unsigned behind;	  /* how often the address space was not as we knew it */
	_Atomic unsigned refusals;	  /* chunks in a row of which no page could leave */
	uint64_t children_checked; /* ns: when the first handler last looked for children that
				      have ended (evict_check_children) */
};

static inline bool paging_is_armed(const struct paging *paging)
{
	return atomic_load_explicit(&paging->armed, memory_order_acquire);
}

/* While a fork is near, so that no eviction begins: is everything that has left in the store?  Then it
 * stays so.  To save pages counts as an eviction until it counts as a write. */
static inline bool paging_is_quiet(const struct paging *paging)
{
	return !paging->evicting && !paging->pages.unsaved && !paging->evicting && !paging->writes;
}

/* So many more faults, or fewer, are being served: asked for only by what chooses the share of a
 * compressed store. */
static inline void paging_note_waiting(struct paging *paging, int more)
{
	if (paging->compresses)
		apportion_note_waiting(&paging->apportion, more);
}

/* From now on takes part in a command's budget; NULL: no longer does. */
void paging_share(struct paging *paging, struct share *share);

/* Bytes that the whole command may have; `spill set' may have changed it. */
uint64_t paging_command_budget(const struct paging *paging);

/* Registers a range with the userfaultfd.  0 or -errno. */
int paging_register(struct paging *paging, void *addr, size_t size);

/* Would so many new pages find room, in memory or on swap space?  Even if not, existing pages can be
 * exchanged: for that, paging_reserve frames or slots are always held back.  Any thread; takes no
 * lock. */
bool paging_has_room(const struct paging *paging, int64_t pages);
uint64_t paging_reserve(const struct paging *paging);
/* Reports, once, that swap space is full. */
void paging_tell_full(const struct paging *paging);

/* The program has changed its address space by system calls that we do not see.  After a few times
 * a message says so (a single one may be a race with a call that we do see). */
void paging_note_behind(struct paging *paging);

#endif
