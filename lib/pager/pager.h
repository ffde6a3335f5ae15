/* SPDX-License-Identifier: MIT */
/* pager.h - a pager: one budget, its swap spaces, its regions, its handlers
 *
 * It is made empty (no thread, no descriptor).  pager_arm starts it: swap
 * spaces, a userfaultfd, an arena, handlers; then every region is registered
 * and its pages are entered in the page table.  It stays armed to its end.
 *
 * Locking: fields without a key are set before the handlers start and do not
 * change afterwards; atomics are what they are.
 */
#ifndef SPILL_PAGER_H
#define SPILL_PAGER_H

#include "pages/arena.h"
#include "pager/options.h"
#include "pages/pagetable.h"
#include "paging/policy.h"
#include "paging/readahead.h"
#include "pager/region.h"
#include "paging/request.h"
#include "pager/share.h"
#include "observe/stats.h"
#include "observe/steering.h"
#include "store/family.h"
#include "store/swap.h"
#include "kernel/uffd.h"

struct handler;
struct trace;
struct watch;

struct pager {
	struct options options;
	struct pagetable table;
	struct lock region_lock;  /* (G) */
	_Atomic int region_owner; /* (G) for writing: thread that holds it across a fork, or 0 */
	struct region_table regions;

	struct share *share; /* of the command's budget, or NULL: it is ours alone */
	struct arena arena;
	struct policy policy;
	struct swap swap;
	struct cipher *cipher; /* what is written to swap space is encrypted; or NULL */
	struct uffd uffd;
	struct readahead readahead;
	struct request_queue requests;
	struct handler *handlers;
	unsigned handler_count;
	/* Changes while nobody else counts. */
	struct stats_seat seat;
	struct stats *stats;   /* in that */
	const char *zeros;     /* a chunk of zeros to copy from */
	int memory_fd;	       /* /proc/self/mem: reads that never fault, or -1 */
	int pagemap_fd;	       /* /proc/self/pagemap, or -1 */
	int trace_fd;	       /* SPILL_TRACE, or a pipe (record.h), or -1 */
	unsigned trace_events; /* that are written there at once: of a file, or a pipe; or 0 */
	int ear;	       /* what hears the bell, if there is no share that has one; or -1 */
	struct trace *_Atomic discards; /* (G) what application threads record; or NULL */
	struct watch *_Atomic watch; /* whose touches are recorded; NULL: of no chunk, all faults */
	_Atomic uint64_t gauged;     /* ns: when the recording last had the gauges */
	int poison_fd;		     /* an empty file, where UFFDIO_POISON is missing, or -1 */
	uint64_t hash_key;
	_Atomic uint64_t low_frames, high_frames; /* eviction keeps this much free */

	_Atomic bool retiring; /* all comes back, and nothing leaves any more */
	bool kept_whole;       /* (G) it shall not arm (mlockall) */

	_Atomic bool armed;
	_Atomic bool registered; /* all regions are, with our userfaultfd (a child's handlers
				    begin before) */
	_Atomic bool stopping;
	_Atomic bool recording;	      /* handlers shall have a buffer (record.h), */
	_Atomic unsigned recorders;   /* and so many have one */
	_Atomic bool paused;	      /* nobody watches for faults (steering.h) */
	uint64_t stall_ns;	      /* a fault that waits so long is told of; 0: never */
	_Atomic uint64_t written;     /* writes that succeeded */
	_Atomic unsigned behind;      /* how often the address space was not as we know it */
	_Atomic unsigned refusals;    /* of chunks of which no page could leave, in a row */
	_Atomic bool held_back;	      /* nothing may be evicted (evict.h) */
	_Atomic int64_t exceeding;    /* frames that overcommit has for what cannot leave */
	_Atomic uint64_t exceeded_at; /* ns: when that was changed */
	_Atomic bool dormant;	   /* a fork's child that has not needed us yet: it evicts nothing,
				      since it may be about to execute another program */
	_Atomic unsigned on_duty;  /* handlers that watch for faults */
	_Atomic unsigned evicting; /* handlers inside an eviction */
	_Atomic unsigned writes;   /* write requests in flight, or being put together */
	_Atomic uint64_t resident; /* pages */
	_Atomic uint64_t cached;   /* pages */
	_Atomic uint64_t kept;	   /* pages with contents, wherever they are */
	_Atomic uint64_t pinned;   /* pages */
	_Atomic bool swap_full;	   /* slots have run out */
	_Atomic bool stock_wanted; /* trays to recycle have run out (evict.c) */
	_Atomic uint32_t settled;  /* advanced when frames come free: budget_wait */
	_Atomic unsigned settle_waiters;

	uint64_t children_checked;  /* ns: when the first handler, at rest, looked for those that
				       ended (evict_check_children) */
	_Atomic uint64_t sampled;   /* ns: when pager_sample last did something */
	_Atomic uint64_t published; /* ns: when the gauges were last true */

	const char *why;      /* what made the latest arming fail, in words */
	struct family family; /* what forks made of us (family.h) */
	struct pager *next;   /* all pagers of the process, for fork.c */
};

/* Makes a pager that has nothing yet.  0 or -errno, and then *ret_why is set if there are words
 * for it. */
int pager_new(const struct options *options, struct pager **ret_pager, const char **ret_why);
/* Stops and frees it; its regions are unmapped. */
void pager_free(struct pager *pager);

static inline bool pager_is_armed(const struct pager *pager)
{
	return atomic_load_explicit(&pager->armed, memory_order_acquire);
}

/* Bytes that all of the command may have; `spill set' may have changed it. */
uint64_t pager_command_budget(const struct pager *pager);

/* In bytes; any thread: it is set under (G) while handlers look. */
static inline uint64_t pager_budget(const struct pager *pager)
{
	return __atomic_load_n(&pager->options.budget, __ATOMIC_RELAXED);
}

/* Frames that handlers take for themselves. */
uint64_t pager_charge(const struct pager *pager);

/* May so many bytes be touched without paging?  Else the pager must arm.  The caller
 * holds (G). */
bool pager_fits(struct pager *pager, uint64_t bytes);

/* Starts paging, if it is not started.  The caller holds (G).  0 or -errno. */
int pager_arm(struct pager *pager);

/* The part of arming that a fork's child repeats: userfaultfd, arena, buffers,
 * handlers; 0 or -errno. */
int pager_start(struct pager *pager);
void pager_stop(struct pager *pager, bool in_child);

/* For good: all that is managed comes back, whatever the budget, and is plain memory, and the pager does
 * nothing any more; other threads may go on calling it.  0; or what region_renounce gives, and then
 * nothing has changed but where pages are.  From an application thread. */
int pager_retire(struct pager *pager);

/* A child of which we hear nothing (a raw clone) shall get SIGSEGV from our memory and not other
 * contents: regions are MADV_DONTFORK, but (off) while a fork is announced.  The caller holds
 * (G). */
void pager_guard_forks(struct pager *pager, bool on);

/* Makes a region known to the userfaultfd; all regions, and scan: enters the
 * pages that they have.  The caller holds (G).  0 or -errno. */
int pager_register(struct pager *pager, void *addr, size_t size);
int pager_register_all(struct pager *pager, bool scan);

/* Waits until what is held fits the budget.  0, or -ENOSPC if swap space is
 * full and nothing came free for a while.  Not while (G) is held. */
int pager_settle(struct pager *pager);

/* How many new pages still find a place, in memory or on swap space; 0 or less
 * when there is none.  Exchanging pages that there are already goes on even then,
 * for which so many frames or slots are always held back (pager_reserve).  Any
 * thread, takes no lock. */
int64_t pager_room(const struct pager *pager);
uint64_t pager_reserve(const struct pager *pager);
/* Tells, once, that swap space is full. */
void pager_tell_full(const struct pager *pager);

/* The program has changed its address space by system calls that we do not see: after a few a line
 * says so (one may be a race with a call that we do see). */
void pager_note_behind(struct pager *pager);

/* Makes all handlers look around. */
void pager_wake(struct pager *pager);

/* Brings the gauges in pager->stats up to date; any thread. */
void pager_publish(struct pager *pager);
/* The same, unless that was a moment ago: then gives how many ns later it is worth
 * while; else UINT64_MAX. */
uint64_t pager_publish_soon(struct pager *pager);
/* The same, and what is held beside our frames, some times a second. */
void pager_sample(struct pager *pager);

/* Writes the gauges to the recording, some times a second, or now. */
void pager_note_gauges(struct pager *pager, struct trace *trace, bool now);
/* The process ends: what handlers have recorded is written.  Takes no lock. */
void pager_flush_trace(struct pager *pager);

/* Sets the budget, in bytes; nothing is evicted yet.  The caller holds (G). */
void pager_set_limit(struct pager *pager, uint64_t budget);
/* Sets the frames that this process may hold of it (share.h). */
void pager_set_share(struct pager *pager, int64_t frames);

#endif
