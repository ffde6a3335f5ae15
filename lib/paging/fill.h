/* SPDX-License-Identifier: MIT */
/* fill.h - reading pages back from swap space
 *
 * A fill reads pages of a chunk that lie near to each other, there and on swap space.  A few
 * pages go through a bounce buffer and are copied in (no TLB flush); long runs
 * are read into an empty tray and moved in (no copy).  Each page is checked
 * against the hash that was kept when it was written.
 *
 * A fill stands in its chunk's list while it is in flight: whoever discards
 * pages takes them out of its mask, and they are thrown away when they come.  That does what a
 * generation number would, for these pages and no others.
 */
#ifndef SPILL_FILL_H
#define SPILL_FILL_H

#include "paging/paging.h"
#include "store/lane.h"

#define FILLS_MAX 64
#define BOUNCE_MAX 64

/* A read in flight: pages of a chunk from one stretch of the store.  Those between them that
 * nobody wants are read with them, up to FILL_GAP_MAX in a row: to read them costs less
 * than another request. */
#define FILL_GAP_MAX 4
#define FILL_RUNS_MAX ((IO_READ_PARTS + 1) / 2)
struct fill {
	struct io_request request;
	struct iovec iov[IO_READ_PARTS];
	struct fills *fills;
	struct chunk *chunk;
	struct inflight flight;
	struct fill *next;  /* in the list of free or finished ones */
	bool ahead;	    /* nobody waits for it: its pages stay in its tray, the chunk's */
	struct place place; /* of the first */
	struct tray *tray;  /* where it is read to, at the pages' own offsets; */
	char *bounce;	    /* or this, from the first page on */
	long result;
	unsigned attempts;
	uint64_t started; /* ns; 0: free */
	uint64_t since;	  /* ns: when the fault was seen that it serves; 0: it serves none */
	uintptr_t wanted; /* the page of that fault */
};

/* A handler's, all of them. */
struct fills {
	struct paging *paging;
	struct lane *lane;
	struct fill fill[FILLS_MAX];
	struct fill *free, *finished;
	_Atomic unsigned in_flight;
	unsigned ahead; /* of these, such as nobody waits for */
	char *bounce;
	char *sink; /* FILL_GAP_MAX pages behind the bounce buffers: what nobody wants */
	uint64_t bounce_taken;
	unsigned bounce_pages;
};

/* How it went for who needs a page. */
enum answer {
	ANSWER_DONE,
	ANSWER_LATER,	/* a lock or a buffer is not to be had at the moment */
	ANSWER_STARVED, /* no frame is */
	ANSWER_REFUSED, /* there is no place left for a new page, here or on swap space */
};

/* Reads in flight that somebody waits for. */
static inline unsigned fill_demanded(const struct fills *fills)
{
	return fills->in_flight - fills->ahead;
}

/* From this many pages on, a tray and one MOVE (one flush, 25 us with another
 * thread running) are cheaper than a copy of each page (1.2 us). */
#define FILL_TRAY_MIN 16

/* The same of pages in several runs: each flushes. */
static inline bool fill_moves(uint64_t mask)
{
	return mask_count(mask) >= FILL_TRAY_MIN * mask_runs(mask);
}

void fill_init(struct fills *fills, struct paging *paging, struct lane *lane, char *bounce,
	       unsigned bounce_pages);

/* Starts reading swapped pages of the chunk: as many of mask, from the one named must
 * outwards, as one read brings and as there are buffers and credits for.  fault: the one that it
 * serves, whose latency is counted; or NULL.  *ret_got: what is being read now, if it is done.  The
 * caller holds (C). */
enum answer fill_start(struct fills *fills, struct chunk *chunk, uint64_t mask, unsigned must,
		       const struct uffd_fault *fault, uint64_t *ret_got);

/* Could one be started? */
bool fill_is_free(const struct fills *fills);

/* Starts reading the first of these pages, which nobody waits for, into a tray
 * that does not use these offsets: the chunk's, or one of none, which is queued.  Gives
 * what is being read now, 0 if nothing.  The caller holds (C). */
uint64_t fill_start_ahead(struct fills *fills, struct chunk *chunk, struct tray *tray,
			  uint64_t mask);

/* Installs what has been read.  LATER: some could not be finished yet; STARVED: the kernel had no
 * memory for some, which were dropped: who waits for them faults again. */
enum answer fill_finish_all(struct fills *fills);

/* Maps pages of the chunk that are being filled: from base + their offsets in
 * the chunk.  Gives what is mapped now; *ret_again: the kernel had no memory
 * or was busy, and the rest is worth another try. */
uint64_t fill_copy(struct paging *paging, struct chunk *chunk, uint64_t mask, const char *base,
		   bool *ret_again);
/* The same with the frames of a tray, which loses them. */
uint64_t fill_move(struct paging *paging, struct chunk *chunk, uint64_t mask, struct tray *tray,
		   bool *ret_again);

/* Cached pages go back from their tray: with their frames; or copied, and then
 * the caller has taken credits for them, of which what is not needed is given
 * back.  The caller holds (C). */
uint64_t fill_restore_move(struct paging *paging, struct chunk *chunk, uint64_t mask,
			   struct tray *tray, bool *ret_again);
uint64_t fill_restore_copy(struct paging *paging, struct chunk *chunk, uint64_t mask,
			   struct tray *tray, bool *ret_again);

/* Cached pages that the store does not hold go back where they were.  What cannot be put back stays cached.  The
 * caller holds (C). */
void fill_put_back(struct paging *paging, struct chunk *chunk, struct tray *tray, uint64_t mask);

/* Gives a tray of the chunk back if it holds nothing any more and nobody has it in
 * hand.  The caller holds (C). */
void fill_drop_tray(struct paging *paging, struct chunk *chunk, struct tray *tray);

/* The pages are lost: SIGBUS for whoever touches them.  The caller holds (C). */
void fill_poison(struct paging *paging, struct chunk *chunk, uint64_t mask, int err);
/* The same, where nothing can make room for them (told by the caller). */
void fill_give_up(struct paging *paging, struct chunk *chunk, uint64_t mask);
/* The same for a page for whose row there is no memory. */
void fill_give_up_unknown(struct paging *paging, uintptr_t address);
/* Whoever touches it gets SIGBUS, and so does who waits for it.  Ends the process if that cannot
 * be had. */
void fill_mark_lost(struct paging *paging, void *addr);

/* Poisoned pages among these are about to be discarded: makes them memory with
 * this protection again, where a discard alone does not.  The caller holds (C). */
void fill_lift_poison(struct paging *paging, struct chunk *chunk, uint64_t mask, int prot);

#endif
