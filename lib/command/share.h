/* SPDX-License-Identifier: MIT */
/* share.h - this process's share of its command's budget
 *
 * Under `spill run` the budget is the whole command's (pool.h).  A process takes frames from it as
 * it needs them; what it was granted is its pager's limit.  How it takes them:
 *
 *	unarmed   all that its regions could touch, and what arming will take; if the pool has
 *		  less left, the pager arms
 *	armed	  half of what is left at a time, when it runs short
 *
 * When nothing is left, a process notes what it wants and rings the bell that the command's
 * processes share (bell.h).  Whoever hears it lends.  An active process keeps an equal part of the
 * budget, an idle one next to nothing.  Its limit falls, its handlers evict, and its grant shrinks
 * as the frames go.  A process that has not armed has no handler to hear the bell.  With its first
 * child it gets a thread for that (lender.h).
 *
 * After a fork both processes have the resident pages, in the same frames.  So the child's limit is
 * its grant plus those frames (the overlap), less one for each frame that either process gave up or
 * copied since.  Nobody knows how many were copied; at most as many as the kernel counts faults
 * without I/O.
 *
 * Without a launcher there is no pool: a pager has its budget to itself.
 *
 * Locking: (B).  Holders read /proc and ring the bell under it, but take no other lock and touch no
 * pageable memory.  So a handler may wait for it, but it waits only to lend: anything else the
 * holder does just as well.
 */
#ifndef SPILL_SHARE_H
#define SPILL_SHARE_H

#include "base/lock.h"
#include "command/budget.h"
#include "command/pool.h"

/* How often to look at what two processes still share: as long as that shrinks, and at least. */
#define SHARE_COMPARE_NS 2000000
#define SHARE_COMPARE_NS_MAX 32000000

/* Frames that two processes have had in common since a fork. */
struct overlap {
	_Atomic int64_t frames; /* at least this many are still shared; 0: none, for good */
	int64_t begin;		/* how many there were */
	uint64_t own_begin;	/* events (share.c) on both sides at the fork */
	uint64_t relative_begin;
	struct pool_entry *relative; /* the parent's entry, */
	uint64_t mark;		     /* valid as long as it has this mark, */
	uint32_t claims;	     /* and the parent has not called exec */
	uint64_t compared;	     /* ns: when frames was last brought up to date, */
	_Atomic uint64_t pause;	     /* ns: how long until the next time */
};

struct share {
	struct budget *budget; /* of the pager that takes part */
	struct lock lock;      /* (B) for target, granted and the pager's limit */
	struct pool *pool;
	struct pool_entry *entry; /* ours */
	uint64_t mark;
	int bell;		/* bell.h */
	int ear;		/* what hears the bell */
	int64_t target;		/* (B) frames: granted shrinks to this as frames go */
	_Atomic uint64_t asked; /* ns: when it last tried to take more */
	_Atomic uint64_t rang;	/* ns: when it last rang the bell */
	uint64_t looked;	/* (B) ns: when it last looked at its CPU time, */
	uint64_t cpu;		/* (B) ns: and how much that was in all */
	bool busy;		/* (B) it uses the CPU */
	bool armed;		/* its pager is armed, or about to be: it can give frames up */
	struct overlap overlap; /* (B) */
};

/* Joins the pool if this process belongs to a command, and claims an entry.  NULL: it does not, or
 * there are too many processes. */
struct share *share_join(void);
/* The same again in a fork's child.  overlap: frames of its pager that are its parent's too. */
struct share *share_join_child(int64_t overlap);

/* From now on the pager with this budget takes part. */
void share_use(struct share *share, struct budget *budget);

/* For an unarmed pager: may this many frames be touched?  The caller holds (G). */
bool share_reserve(struct share *share, int64_t frames);

/* The pager arms.  Its limit is what was granted, but at least what its handlers need to run; asks:
 * ask others for what the pool lacks of that.  The caller holds (G). */
void share_begin(struct share *share, bool asks);
/* Arming failed. */
void share_disarm(struct share *share);

/* The pager is short of frames: takes some, or asks for them. */
void share_grow(struct share *share);

/* Frames that the pool still has for this process. */
int64_t share_left(const struct share *share);

/* Lends what others want and this process should not keep, and gives back what the budget, if it
 * became smaller, no longer has. */
void share_lend(struct share *share);
/* Should an unarmed pager arm, so that it can lend? */
bool share_must_lend(struct share *share);

/* For an armed pager, when frames may have come free.  Publishes what it holds, and lowers the
 * grant to what it should be.  When due, also brings up to date what the limit rests on: the
 * command's memory outside of managed memory, and the overlap.  Returns when to call again: ns from
 * now, UINT64_MAX for never. */
uint64_t share_check(struct share *share);

/* Before a fork; and in the child, which has no handler yet and inherited this many frames.
 * Returns the child's share, or NULL as share_join. */
void share_prepare(struct share *share);
struct share *share_child(struct share *share, int64_t inherited);

/* This process's pager retires: from now on all of the process's memory is outside. */
void share_leave(struct share *share);

/* The process ends.  If it alone takes more than the command may, this says so: nobody may have
 * noticed if none of it is managed. */
void share_end(const struct share *share);

#endif
