/* SPDX-License-Identifier: MIT */
/* policy.h - replacement: which pages leave next, and how long they may come back
 *
 * Segmented FIFO with a second chance (as VAX/VMS had it, where the hardware
 * kept no reference bits either).  What left waits, with its frames, in a queue of
 * trays; who touches it there takes a soft fault, which is cheap, and the
 * reference bit: the page is hot.  So is one that has to be read again soon after
 * its frame was given up (a refault).
 *
 *	 first fill                 evict                     reclaim
 *	-----------> [ new    ] -----------.
 *	                                    `-> [ trays ] ------------> free frames
 *	        .--> [ proven ] -----------'        |                        |
 *	        `---------------- soft fault -------'                        |
 *	        `---------------- refault, not long after ------------------'
 *
 * Resident pages are of one of two standings, by their bit in chunk->hot: a scan
 * passes through the new one, which is small, and leaves the working set in the
 * proven one alone.  Each has a queue of chunks: a chunk stands in it from
 * the first such page on, however many follow, and leaves it with all of them.
 * One chunk can stand in both.
 *
 * New pages leave while they are more than an eighth of what is resident; about a fifth of the
 * budget waits in trays.  2Q and S3-FIFO work the same way: here the trays double as their ghost
 * queue, and all pages of a chunk that have the same standing move together.
 *
 * A refault is soon when fewer frames than about the budget were given up in
 * between.  Two masks of a chunk tell: what left in the present epoch, and in
 * the one before; an epoch is half a budget of frames.
 *
 * Invariant: a chunk with a resident page that is not pinned is queued for the page's
 * standing, or in the hands of the handler that picked it.  (Were pinned ones queued,
 * a queue that has nothing else would be picked from in vain.)
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
	struct chunk *oldest[STANDINGS]; /* (P) linked by newer and older */
	struct chunk *newest[STANDINGS]; /* (P) */
	struct tray *head, *tail;	 /* (P) trays, linked by next and prev */
	_Atomic uint64_t left;		 /* pages whose frames were given up, ever */
	enum standing latest;		 /* (P) picked from */
};

/* With empty queues. */
void policy_init(struct policy *policy, struct pages *pages, const struct budget *budget);

/* Queues the chunk for what it has resident and may leave; it is locked. */
void policy_insert(struct policy *policy, struct chunk *chunk);
/* Takes the chunk whose pages of some standing are to leave next out of that queue;
 * by_turns: of either, since it may be that all of one cannot
 * leave (swap space is full, and they are dirty).  NULL: none. */
struct chunk *policy_pick(struct policy *policy, bool by_turns, enum standing *ret_standing);
/* Puts it back, as the newest: it was locked. */
void policy_unpick(struct policy *policy, struct chunk *chunk, enum standing standing);
/* The pages of it that leave.  The chunk is locked. */
uint64_t policy_victims(const struct chunk *chunk, enum standing standing);

/* The frames of these pages are given up; the chunk is locked. */
void policy_note_left(struct policy *policy, struct chunk *chunk, uint64_t mask);
/* These pages are being read again: those that left a short while ago.  The chunk
 * is locked. */
uint64_t policy_refault(struct policy *policy, struct chunk *chunk, uint64_t mask);

/* A tray that was filled by an eviction, or ahead of a reader, joins the queue;
 * its chunk is locked. */
void policy_wait(struct policy *policy, struct tray *tray);
/* Takes up to n trays from the head, as long as they have fewer than so many frames;
 * at least one, if there is any.  The number. */
unsigned policy_pick_trays(struct policy *policy, struct tray *trays[], unsigned n, int64_t frames);
/* Puts back one that was not ready: to the head if it will be soon, else to the tail. */
void policy_unpick_tray(struct policy *policy, struct tray *tray, bool soon);

/* A tray that was taken from the head is not put back: its frames wait no
 * more.  Its chunk is locked. */
void policy_leave(struct policy *policy, struct tray *tray);

/* Takes a tray that is of no use any more out of the queue, wherever it stands;
 * false: somebody has picked it.  Its chunk is locked. */
bool policy_remove(struct policy *policy, struct tray *tray);

/* How many frames should wait. */
uint64_t policy_target(const struct policy *policy);

#endif
