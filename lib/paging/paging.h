/* SPDX-License-Identifier: MIT */
/* paging.h - what the handlers of a pager work on
 *
 * This room serves the faults.  Threads called handlers (handler.h) go round a loop (loop.h): they
 * take faults (fault.h), read pages back (fill.h, ahead.h), let chunks leave (evict.h, depart.h)
 * and write them out (writeback.h).  policy.h says which leave next, readahead.h which come along.
 * It includes everything below it: base, command, kernel, store, pages, observe.  Regions, forks and
 * the public functions are the pager's, above it.
 *
 *	touch -> userfaultfd -> loop -> fault -> fill -> store        a page comes
 *	budget low -> loop -> evict -> depart -> writeback -> store   a chunk leaves
 *
 * struct paging is what all handlers of a pager share.  It is a part of struct pager, and stays at its
 * place.
 *
 * Locking: fields without a key are set before the handlers start and do not change afterwards;
 * atomics are what they are.
 */
#ifndef SPILL_PAGING_H
#define SPILL_PAGING_H

#include "command/share.h"
#include "kernel/uffd.h"
#include "observe/stats.h"
#include "pages/pages.h"
#include "pages/ranges.h"
#include "paging/policy.h"
#include "paging/readahead.h"
#include "paging/request.h"
#include "store/store.h"

struct handler;
struct trace;
struct watch;

struct paging {
	struct budget budget;
	struct share *share; /* of the command's budget, or NULL: it is ours alone */
	struct pages pages;
	const struct region_table *regions; /* the pager's: how much is reserved */
	struct policy policy;
	struct readahead readahead;
	struct request_queue requests;
	struct store store;
	uint64_t hash_key;
	struct handler *handlers;
	unsigned handler_count;
	unsigned crew; /* so many handlers there are once it is armed */

	/* what the user asked for */
	unsigned disable; /* or of enum spill_feature */
	bool user_mode;	  /* a userfaultfd that the kernel's own accesses do not wait for will do */
	int64_t allowance; /* frames beyond the limit before a page is given up */
	uint64_t stall_ns; /* a fault that waits so long is reported; 0: never */

	/* of the kernel */
	struct uffd uffd;
	const char *zeros; /* a chunk of zeros to copy from */
	int memory_fd;	   /* /proc/self/mem: reads that never fault, or -1 */
	int pagemap_fd;	   /* /proc/self/pagemap, or -1 */
	int poison_fd;	   /* an empty file, where UFFDIO_POISON is missing, or -1 */

	/* what is seen of it; the seat changes while nobody else counts */
	struct stats_seat seat;
	struct stats *stats;	    /* in that */
	int ear;		    /* hears the bell, if there is no share that does; or -1 */
	_Atomic uint64_t sampled;   /* ns: when gauges_sample last did something */
	_Atomic uint64_t published; /* ns: when the gauges were last true */

	/* what is recorded (recording.h) */
	int trace_fd;	       /* SPILL_TRACE, or a pipe, or -1 */
	unsigned trace_events; /* that are written there at once: of a file, or a pipe; or 0 */
	struct trace *_Atomic discards; /* (G) what application threads record; or NULL */
	struct watch *_Atomic watch; /* whose touches are recorded; NULL: of no chunk, all faults */
	_Atomic uint64_t gauged;     /* ns: when the recording last had the gauges */
	_Atomic bool recording;	     /* handlers shall have a buffer, */
	_Atomic unsigned recorders;  /* and so many have one */

	/* what goes on */
	_Atomic bool armed;
	_Atomic bool registered; /* all regions are, with our userfaultfd (a child's handlers
				    begin before) */
	_Atomic bool stopping;
	_Atomic bool retiring;	   /* all comes back, and nothing leaves any more */
	_Atomic bool paused;	   /* nobody watches for faults (steering.h) */
	_Atomic bool dormant;	   /* a fork's child that has not needed us yet: it evicts nothing,
				  since it may be about to execute another program */
	_Atomic bool held_back;	   /* nothing may be evicted (exceed.h) */
	_Atomic bool swap_full;	   /* slots have run out */
	_Atomic bool stock_wanted; /* trays to recycle have run out (evict.c) */
	_Atomic unsigned on_duty;  /* handlers that watch for faults */
	_Atomic unsigned evicting; /* handlers inside an eviction */
	_Atomic unsigned writes;   /* write requests in flight, or being put together */
	_Atomic uint64_t written;  /* writes that succeeded */
	_Atomic unsigned behind;   /* how often the address space was not as we know it */
	_Atomic unsigned refusals; /* of chunks of which no page could leave, in a row */
	uint64_t children_checked; /* ns: when the first handler, at rest, looked for those that
				      ended (evict_check_children) */
};

static inline bool paging_is_armed(const struct paging *paging)
{
	return atomic_load_explicit(&paging->armed, memory_order_acquire);
}

/* It takes part in a command's budget from now on; NULL: it does not. */
void paging_share(struct paging *paging, struct share *share);

/* Bytes that all of the command may have; `spill set' may have changed it. */
uint64_t paging_command_budget(const struct paging *paging);

/* Makes a range known to the userfaultfd.  0 or -errno. */
int paging_register(struct paging *paging, void *addr, size_t size);

/* How many new pages still find a place, in memory or on swap space; 0 or less
 * when there is none.  Exchanging pages that there are already goes on even then,
 * for which so many frames or slots are always held back (paging_reserve).  Any
 * thread, takes no lock. */
int64_t paging_room(const struct paging *paging);
uint64_t paging_reserve(const struct paging *paging);
/* Reports, once, that swap space is full. */
void paging_tell_full(const struct paging *paging);

/* The program has changed its address space by system calls that we do not see: after a few a line
 * says so (one may be a race with a call that we do see). */
void paging_note_behind(struct paging *paging);

#endif
