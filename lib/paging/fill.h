/* SPDX-License-Identifier: MIT */
/* fill.h - reading pages back from swap space
 *
 * A fill reads pages of a chunk that lie near each other, in the chunk and in the store.  They go
 * through a bounce buffer and are copied in (no TLB flush), or are read into an empty tray and moved
 * in (no copy), whichever is cheaper here (ways.h).  Each page is checked against the hash that was kept when it
 * was written.
 *
 * A fill in flight is in its chunk's list.  Whoever discards pages takes them out of the fill's
 * mask, and they are thrown away when they arrive.  This does what a generation number would, but
 * for these pages only.
 */
#ifndef SPILL_FILL_H
#define SPILL_FILL_H

#include "paging/paging.h"
#include "store/lane.h"

#define FILLS_MAX 64
#define BOUNCE_MAX 64

/* A read in flight: pages of a chunk from one stretch of the store.  It also reads pages in between
 * that nobody wants, up to FILL_GAP_MAX in a row: that costs less than another request. */
#define FILL_GAP_MAX 4
#define FILL_RUNS_MAX ((IO_READ_PARTS + 1) / 2)
struct fill {
	struct io_request request;
	struct iovec iov[IO_READ_PARTS];
	struct fills *fills;
	struct chunk *chunk;
	struct inflight flight;
	struct fill *next;  /* in the free list, or in the finished one */
	bool ahead;	    /* nobody waits for it: its pages stay in the tray, which is the
			       chunk's */
	struct place place; /* of the first page */
	struct tray *tray;  /* read into this, at the pages' own offsets, */
	char *bounce;	    /* or into this, from the first page on */
	long result;
	unsigned attempts;
	uint64_t started; /* ns; 0: free */
	uint64_t since;	  /* ns: when the fault that it serves was seen; 0: it serves none */
	uintptr_t wanted; /* the page of that fault */
};

/* All fills of a handler. */
struct fills {
	struct paging *paging;
	struct lane *lane;
	struct fill fill[FILLS_MAX];
	struct fill *free, *finished;
	_Atomic unsigned in_flight;
	unsigned ahead; /* of these, those that nobody waits for */
	char *bounce;
	char *sink; /* FILL_GAP_MAX pages after the bounce buffers, for what nobody wants */
	uint64_t bounce_taken;
	unsigned bounce_pages;
};

/* What came of an attempt to serve a page. */
enum answer {
	ANSWER_DONE,
	ANSWER_LATER,	/* a lock or a buffer is not available now */
	ANSWER_STARVED, /* no frame is available */
	ANSWER_REFUSED, /* there is no room for a new page, in memory or on swap space */
};

/* Reads in flight that somebody waits for. */
static inline unsigned fill_demanded(const struct fills *fills)
{
	return fills->in_flight - fills->ahead;
}

void fill_init(struct fills *fills, struct paging *paging, struct lane *lane, char *bounce,
	       unsigned bounce_pages);

/* Starts reading swapped pages of the chunk: of mask, as many around page must as one read brings,
 * and as buffers and credits allow.  fault: the fault that it serves, whose latency is counted; or
 * NULL.  For DONE, *ret_got is what is being read now.  The caller holds (C). */
enum answer fill_start(struct fills *fills, struct chunk *chunk, uint64_t mask, unsigned must,
		       const struct uffd_fault *fault, uint64_t *ret_got);

/* Is there a free fill? */
bool fill_is_free(const struct fills *fills);

/* Starts reading the first of these pages, for which nobody waits, into a tray that does not use
 * these offsets: the chunk's own, in the queue, or one that belongs to no chunk.  Returns what is
 * being read now, 0 if nothing.  The caller holds (C). */
uint64_t fill_start_ahead(struct fills *fills, struct chunk *chunk, struct tray *tray,
			  uint64_t mask);

/* Maps what has been read.  LATER: some fills could not be finished yet.  STARVED: the kernel had
 * no memory for some pages; they were dropped, and whoever waits for them faults again. */
enum answer fill_finish_all(struct fills *fills);

/* Maps pages of the chunk that are being filled, by copying from base plus their offsets in the
 * chunk.  Returns what is mapped now.  *ret_again: the kernel was busy or had no memory, and the
 * rest is worth another try. */
uint64_t fill_copy(struct paging *paging, struct chunk *chunk, uint64_t mask, const char *base,
		   bool *ret_again);

/* Cached pages go back from their tray, with their frames or by copy.  To copy, the caller has
 * taken credits for them; those that are not needed are given back.  The caller holds (C). */
uint64_t fill_restore_move(struct paging *paging, struct chunk *chunk, uint64_t mask,
			   struct tray *tray, bool *ret_again);
uint64_t fill_restore_copy(struct paging *paging, struct chunk *chunk, uint64_t mask,
			   struct tray *tray, bool *ret_again);

/* Cached pages that the store does not hold go back where they were.  What cannot go back stays
 * cached.  The caller holds (C). */
void fill_put_back(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t mask);

/* Frees a tray of the chunk, if it holds nothing any more and nobody has picked it.  The caller
 * holds (C). */
void fill_drop_tray(struct paging *paging, struct chunk *chunk, struct tray *tray);

/* The pages are lost, since nothing can make room for them (the caller has reported it): whoever
 * touches them gets SIGBUS.  The caller holds (C). */
void fill_give_up(struct paging *paging, struct chunk *chunk, uint64_t mask);
/* The same, and reports it: why says how. */
void fill_lose(struct paging *paging, struct chunk *chunk, uint64_t mask, const char *why);
/* The same for a page for whose row there is no memory. */
void fill_give_up_unknown(struct paging *paging, uintptr_t address);
/* Marks a page as lost: whoever touches it or waits for it gets SIGBUS.  Ends the process if the
 * kernel refuses to mark it. */
void fill_mark_lost(struct paging *paging, void *addr);

/* Poisoned pages among these are about to be discarded.  Where a discard alone does not lift the
 * poison, makes them memory with this protection again.  The caller holds (C). */
void fill_lift_poison(struct paging *paging, struct chunk *chunk, uint64_t mask, int prot);

#endif
