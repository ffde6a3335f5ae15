/* SPDX-License-Identifier: MIT */
/* policy.h - replacement: which pages leave next, and how long they may still come back
 *
 * A pager sees no hits: as long as a page is mapped, nobody tells whether it is used.  What it sees
 * are faults.  So this is LIRS (Jiang and Zhang, SIGMETRICS 2002) for who sees faults only: pages
 * that come back after a short time stay, and to find out which of those that stay are still used,
 * a few are unmapped.
 *
 *	 first fill                evict                    reclaim
 *	-----------> [ new    ] ----------> [ waiting ] -------------> free frames
 *	               |    ^                   |                        |   ^
 *	     refault,  |    `---- soft fault ---'                        |   |
 *	     soft fault|    `---- refault -------------------------------'   |
 *	               v                                                     |
 *	             [ proven ] ----------> [ probes  ] ---------------------'
 *	                    ^                   |         for a page that came back sooner
 *	                    `---- soft fault ---'
 *
 * A resident page has one of two standings, by its bit in chunk->hot: new or proven.  Each standing
 * has a queue of chunks.  A chunk is queued when its first such page appears, however many follow,
 * and leaves with all of them.  A chunk can be in both queues.
 *
 * New pages are few.  They leave for trays where they wait for a while: the less, the fewer pages are
 * away, since these come back sooner then.  A touch there is a soft fault, which is cheap.  A scan or
 * a long loop passes through them, and leaves alone what is proven.
 *
 * Proven pages are what the budget is for.  The chunks of them that have not been heard of for the
 * longest time are unmapped, too, as probes: trays whose frames nobody takes for now.  A touch
 * proves the page once more.  A probe that has waited for long holds pages that are needed less
 * than others: those that come back sooner than that.  Time is counted in frames given up.
 *
 *	a page comes back that was away for D: if the oldest probe has waited for longer than D, the
 *	page becomes proven, and the probe gives up a frame; otherwise the page is new
 *
 * For a page that comes back while it waits, it is enough if D is less than what probes wait for on
 * the average.
 *
 * So of a loop over more than the budget a part stays: all its pages come back after the same time,
 * and no probe waits for longer.  When a working set ends, its probes wait for ever, and give way.
 * As long as proven pages are fewer than there may be, whatever comes back becomes proven.
 *
 * A probe that is touched costs a soft fault and has gained nothing.  So there is a credit for
 * these: a little for each frame given up, and more when a page came back soon and found no probe
 * that had waited for long enough.  A probe sets aside what it may cost until it has waited.
 *
 * To exchange one page for another gains nothing where all are alike.  So what is compared is how often
 * pages come back after they were given up: those that left as new, and those that left as probes.  If
 * probes tell used pages from others, the latter come back much more seldom; if all are used at
 * random, as often.  Then there is no credit beyond the little, what waits is as little as can be, and
 * more pages are new, so that more of a chunk leave together.
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
	STANDING_COMPRESSED, /* not resident: a queue of its own for what leaves the store */
	STANDINGS,
};

/* Trays, linked by next and prev. */
struct tray_queue {
	struct tray *head, *tail;
	struct tray *unsaved; /* those before it are saved, all if it is NULL */
};

/* How likely pages are to be back soon.  They were away for so many frames given up altogether, each
 * counted only as long as it could still be back soon, and so many were. */
struct odds {
	_Atomic int64_t back, away;
};

struct policy {
	struct pages *pages;
	const struct budget *budget;
	struct lock lock;
	struct chunk *oldest[STANDINGS];   /* (P) linked by queue[].newer and older */
	struct chunk *newest[STANDINGS];   /* (P) */
	struct tray_queue waiting, probes; /* (P) */
	enum standing latest;		   /* (P) picked last, */
	bool probed;			   /* (P) as a probe */
	_Atomic int64_t more_new;	   /* pages, beyond the least that are new */
	_Atomic uint64_t left;		   /* the clock: frames that were ever given up */
	_Atomic int64_t owed;		   /* frames that probes must give up for proven pages */
	_Atomic int64_t credit;		   /* soft faults that probes may cost, in parts */
	_Atomic int64_t returned;	   /* pages that came back while they waited, */
	_Atomic int64_t unreturned;	   /* and that did not */
	struct odds probes_wait;	   /* of probes, while they wait, */
	struct odds left_probes;	   /* and after they were given up; */
	struct odds left_new;		   /* of others after they were given up */
};

/* What leaves next. */
struct pick {
	struct chunk *chunk; /* NULL: nothing */
	enum standing standing;
	bool probe; /* to be found out whether it is used */
};

/* Starts with empty queues. */
void policy_init(struct policy *policy, struct pages *pages, const struct budget *budget);

/* Queues the chunk for those of its resident pages that may leave.  The chunk is locked. */
void policy_insert(struct policy *policy, struct chunk *chunk);
/* Takes the next chunk out of its queue; its pages of that standing should leave.  by_turns:
 * alternates between the queues, and makes no probes, since it may be that nothing in one of them
 * can leave (swap space is full, and all its pages are dirty). */
struct pick policy_pick(struct policy *policy, bool by_turns);
/* Puts it back as the newest, since it was locked. */
void policy_unpick(struct policy *policy, struct chunk *chunk, enum standing standing);
/* The chunk's pages that leave.  The chunk is locked. */
uint64_t policy_victims(const struct chunk *chunk, enum standing standing);

/* The chunk has pages in the compressed store.  The chunk is locked. */
void policy_insert_compressed(struct policy *policy, struct chunk *chunk);
/* Takes the chunk out of the queue that has been there for the longest time, or NULL. */
struct chunk *policy_pick_compressed(struct policy *policy);
/* Of these pages, those that have been away for at least half as long as the first of them.  The chunk
 * is locked. */
uint64_t policy_oldest(const struct policy *policy, const struct chunk *chunk, uint64_t mask);

/* For how long page i has been away, in frames given up. */
int64_t policy_away(const struct policy *policy, const struct chunk *chunk, unsigned i);

/* These pages are unmapped now.  The chunk is locked. */
void policy_note_out(struct policy *policy, struct chunk *chunk, uint64_t mask);
/* The frames of these pages, which were in this tray, are given up.  The chunk is locked. */
void policy_note_left(struct policy *policy, struct chunk *chunk, const struct tray *tray,
		      uint64_t mask);
/* These pages are being read again: returns those that become proven.  The chunk is locked. */
uint64_t policy_refault(struct policy *policy, const struct chunk *chunk, uint64_t mask);
/* A soft fault brings back these pages of the tray, by a touch of page i: returns those that become
 * proven.  The chunk is locked. */
uint64_t policy_touched(struct policy *policy, const struct chunk *chunk, const struct tray *tray,
			uint64_t mask, unsigned i);

/* A tray that an eviction or a read ahead has filled joins the queue.  Its chunk is locked. */
void policy_wait(struct policy *policy, struct tray *tray);
/* The same for one whose frames are wanted as soon as it has been written. */
void policy_wait_first(struct policy *policy, struct tray *tray);
/* May pages that leave now wait before they are saved?  Not if hardly any would come back before. */
bool policy_saves_late(const struct policy *policy, bool probe);
/* A tray that should be saved now, since its frames will be wanted before long, or NULL.  It may have
 * been saved, or have become another chunk's, when its chunk is locked. */
struct tray *policy_to_save(struct policy *policy);

/* Which trays to take first: what probes owe, and then what waits, as it should be; or, since in one
 * of the queues all writes may be stuck, those of the other. */
enum first { FIRST_OWED, FIRST_WAITING, FIRST_PROBES };

/* Takes trays from the heads until n are taken, or they have this many frames together; at least
 * one, if there is any.  Returns how many. */
unsigned policy_pick_trays(struct policy *policy, struct tray *trays[], unsigned n, int64_t frames,
			   enum first first);
/* Puts back a tray that was not ready: to the head if it will be soon, otherwise to the tail. */
void policy_unpick_tray(struct policy *policy, struct tray *tray, bool soon);

/* A tray that was taken from the head is not put back: its frames no longer wait.  Its chunk is
 * locked. */
void policy_leave(struct policy *policy, struct tray *tray);

/* Takes a tray that is no longer of use out of the queue, wherever it is.  false: somebody has
 * picked it.  Its chunk is locked. */
bool policy_remove(struct policy *policy, struct tray *tray);

/* How many frames should wait in trays, apart from probes. */
uint64_t policy_target(const struct policy *policy);
/* Do more frames wait, or do probes owe frames to pages that have become proven? */
bool policy_should_reclaim(const struct policy *policy);

#endif
