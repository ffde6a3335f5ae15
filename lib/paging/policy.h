/* SPDX-License-Identifier: MIT */
/* policy.h - replacement: which pages leave next, and how long they may still come back
 *
 * Segmented FIFO with a second chance, as in VAX/VMS, where the hardware kept no reference bits
 * either.  What left waits in a queue of trays, with its frames.  A touch there is a soft fault: it
 * is cheap, and it is the reference bit.  The page becomes hot.  So does a page that has to be read
 * again soon after its frame was given up (a refault).
 *
 *	 first fill                 evict                     reclaim
 *	-----------> [ new    ] -----------.
 *	                                    `-> [ trays ] ------------> free frames
 *	        .--> [ proven ] -----------'        |                        |
 *	        `---------------- soft fault -------'                        |
 *	        `---------------- refault, not long after ------------------'
 *
 * A resident page has one of two standings, by its bit in chunk->hot: new or proven.  A scan passes
 * through the new pages, which are few, and leaves the working set among the proven ones alone.
 * Each standing has a queue of chunks.  A chunk is queued when its first such page appears, however
 * many follow, and leaves with all of them.  A chunk can be in both queues.
 *
 * New pages leave while they are more than an eighth of what is resident.  About a fifth of the
 * budget waits in trays.  2Q and S3-FIFO work the same way; here the trays double as their ghost
 * queue, and all pages of a chunk with the same standing move together.
 *
 * A refault is soon if about a budget of frames, or fewer, were given up in between.  Two masks of
 * a chunk tell that: what left in the present epoch, and what left in the previous one.  An epoch
 * is half a budget of frames.
 *
 * Invariant: a chunk with a resident page that is not pinned is in the queue for that page's
 * standing, or in the hands of the handler that picked it.  (Chunks with pinned pages only are not
 * queued, since picking one would gain nothing.)
 * Locking: (P) the queues, a leaf.
 */
#ifndef SPILL_POLICY_H
#define SPILL_POLICY_H

#include "pages/pages.h"

enum standing {
	STANDING_NEW,
	STANDING_PROVEN,
	STANDINGS,
};

struct policy {
	struct pages *pages;
	const struct budget *budget;
	struct lock lock;
	struct chunk *oldest[STANDINGS]; /* (P) linked by queue[].newer and older */
	struct chunk *newest[STANDINGS]; /* (P) */
	struct tray *head, *tail;	 /* (P) trays, linked by next and prev */
	_Atomic uint64_t left;		 /* pages whose frames were ever given up */
	enum standing latest;		 /* (P) picked last */
};

/* Starts with empty queues. */
void policy_init(struct policy *policy, struct pages *pages, const struct budget *budget);

/* Queues the chunk for those of its resident pages that may leave.  The chunk is locked. */
void policy_insert(struct policy *policy, struct chunk *chunk);
/* Takes the next chunk out of its queue; its pages of *ret_standing should leave.  by_turns:
 * alternates between the queues, since it may be that nothing in one of them can leave (swap space
 * is full, and all its pages are dirty).  NULL: there is none. */
struct chunk *policy_pick(struct policy *policy, bool by_turns, enum standing *ret_standing);
/* Puts it back as the newest, since it was locked. */
void policy_unpick(struct policy *policy, struct chunk *chunk, enum standing standing);
/* The chunk's pages that leave.  The chunk is locked. */
uint64_t policy_victims(const struct chunk *chunk, enum standing standing);

/* The frames of these pages are given up.  The chunk is locked. */
void policy_note_left(struct policy *policy, struct chunk *chunk, uint64_t mask);
/* These pages are being read again: returns those that left a short while ago.  The chunk is
 * locked. */
uint64_t policy_refault(struct policy *policy, struct chunk *chunk, uint64_t mask);

/* A tray that an eviction or a read ahead has filled joins the queue.  Its chunk is locked. */
void policy_wait(struct policy *policy, struct tray *tray);
/* Takes trays from the head until n are taken, or they have this many frames together; at least
 * one, if there is any.  Returns how many. */
unsigned policy_pick_trays(struct policy *policy, struct tray *trays[], unsigned n, int64_t frames);
/* Puts back a tray that was not ready: to the head if it will be soon, otherwise to the tail. */
void policy_unpick_tray(struct policy *policy, struct tray *tray, bool soon);

/* A tray that was taken from the head is not put back: its frames no longer wait.  Its chunk is
 * locked. */
void policy_leave(struct policy *policy, struct tray *tray);

/* Takes a tray that is no longer of use out of the queue, wherever it is.  false: somebody has
 * picked it.  Its chunk is locked. */
bool policy_remove(struct policy *policy, struct tray *tray);

/* How many frames should wait in trays. */
uint64_t policy_target(const struct policy *policy);

#endif
