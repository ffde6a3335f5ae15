/* SPDX-License-Identifier: MIT */
/* share.h - this process's share of the budget of its command
 *
 * Under `spill run` the budget is that of the whole command (pool.h).  A process takes of it
 * as it needs frames, and its pager's limit is what it was granted:
 *
 *	unarmed   what its regions could touch, and what arming will take; if the pool has
 *		  not as much left, the pager arms
 *	armed	  half of what is left at a time, when it runs short
 *
 * When nothing is left it says what it wants, and rings the bell that the processes of the
 * command share (bell.h).  Who hears it keeps its part of the budget among those that are active, or
 * little if it has been idle, and lends the rest: its limit falls, its handlers evict, and
 * as frames go, so does what it is granted.  A process that has not armed has no handler
 * to hear it: it gets a thread for that with its first child (lender.h).
 *
 * After a fork both processes have the pages that were resident, but they are the same
 * frames.  So the child's limit is what it was granted and those (the overlap), less each
 * frame that either of the two gave up or copied since.  What was copied is
 * not known: it is at most what the kernel counts as faults without I/O.
 *
 * Without a launcher there is no pool: a pager has its budget for itself.
 *
 * Locking: (B).  Under it /proc is read and the bell is rung, and nothing else: no lock is taken, no
 * pageable memory touched.  So a handler may wait for it, but does so to lend only: otherwise
 * another handler that has it does the same as it would.
 */
#ifndef SPILL_SHARE_H
#define SPILL_SHARE_H

#include "base/lock.h"
#include "command/budget.h"
#include "command/pool.h"

/* How often it is looked what two processes still share: while it becomes less, and at least. */
#define SHARE_COMPARE_NS 2000000
#define SHARE_COMPARE_NS_MAX 32000000

/* What two processes have in common since a fork. */
struct overlap {
	_Atomic int64_t frames; /* at least so many are still shared; 0: none, for ever */
	int64_t begin;		/* so many were */
	uint64_t own_begin;	/* events (share.c) of both, at the fork */
	uint64_t relative_begin;
	struct pool_entry *relative; /* the parent's, */
	uint64_t mark;		     /* as long as it has this mark, */
	uint32_t claims;	     /* and has not executed another program */
	uint64_t compared;	     /* ns: when frames was last brought up to date, */
	_Atomic uint64_t pause;	     /* and how long it is left alone then */
};

struct share {
	struct budget *budget; /* of the pager that takes part */
	struct lock lock; /* (B) who changes target, granted, and the pager's limit */
	struct pool *pool;
	struct pool_entry *entry; /* ours */
	uint64_t mark;
	int bell;		/* bell.h */
	int ear;		/* what hears it */
	int64_t target;		/* (B) frames: granted becomes this as frames go */
	_Atomic uint64_t asked; /* ns: when it last took, or tried to */
	_Atomic uint64_t rang;	/* ns */
	uint64_t looked;	/* (B) ns: when it last looked how much CPU it uses, */
	uint64_t cpu;		/* (B) and how much that was in all, ns */
	bool busy;		/* (B) it uses some */
	bool armed;		/* the pager is, or is about to be: it can give frames up */
	struct overlap overlap; /* (B) */
};

/* This process's, if it is one of a command: an entry is claimed.  NULL: it is none, or there
 * are too many. */
struct share *share_join(void);
/* The same in the child of a fork, again.  overlap: frames of its pager that are its parent's too. */
struct share *share_join_child(int64_t overlap);

/* A pager with this budget takes part in it from now on. */
void share_use(struct share *share, struct budget *budget);

/* Of an unarmed pager: may so many frames be touched?  The caller holds (G). */
bool share_reserve(struct share *share, int64_t frames);

/* The pager arms: its limit is what was granted, and at least what its handlers need to run.  asks:
 * what is not to be had for that is asked for.  The caller holds (G). */
void share_begin(struct share *share, bool asks);
/* It could not. */
void share_disarm(struct share *share);

/* It is short of frames: takes some, or asks for them. */
void share_grow(struct share *share);

/* Frames that it may still take, as it is now. */
int64_t share_left(const struct share *share);

/* Lends what others want and we should not keep, or what is no longer there: the budget may have
 * become smaller. */
void share_lend(struct share *share);
/* Should an unarmed pager arm, to be able to? */
bool share_must_lend(struct share *share);

/* Of an armed pager, when frames may have come free: says what it holds, and is granted no more
 * than it should be.  Brings up to date what the limit rests on: what the command has beside
 * managed memory, and the overlap; each if it is time.  When to call again: ns from now, UINT64_MAX for never. */
uint64_t share_check(struct share *share);

/* Before a fork; in the child, which has no handler yet and inherited so many frames: its share, or
 * NULL as with share_join. */
void share_prepare(struct share *share);
struct share *share_child(struct share *share, int64_t inherited);

/* The pager of this process retires: all that the process has is outside. */
void share_leave(struct share *share);

/* The process ends: says so if it takes more by itself than the command may, which nobody may have
 * seen if nothing of it is managed. */
void share_end(const struct share *share);

#endif
