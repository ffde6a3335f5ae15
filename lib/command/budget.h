/* SPDX-License-Identifier: MIT */
/* budget.h - the frames that a process may hold
 *
 * The budget is counted in frames.  Credits are taken before anything that can make the kernel
 * allocate a page, and given back once the frame is gone.  So used never passes the limit.  Two
 * things are allowed beyond it, and counted in overcommit: the allowance (spill_options), and what
 * the kernel does not let leave.
 *
 *	0 ............ used ........ limit - high ..... limit - low ..... limit .... + overcommit
 *	                             evictions end      evictions begin
 *
 * Invariant: used is the number of frames in all resident pages, trays and buffers, and in what is
 * charged for later.  While some of the latter are in use, they are counted twice (lent).
 * Locking: none; each word is exact by itself.  Whoever changes the limit holds (G) or (B).
 */
#ifndef SPILL_BUDGET_H
#define SPILL_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Added to overcommit, and taken off again: more frames than there can be, so nothing has to
 * leave. */
#define CREDIT_UNLIMITED ((int64_t)1 << 48)

struct budget {
	_Atomic uint64_t bytes; /* as set, for the whole command (pool.h) */
	_Atomic int64_t limit;	/* frames of this process */
	_Atomic int64_t used;
	_Atomic int64_t peak;
	_Atomic uint64_t low;	      /* eviction begins below this many free frames, */
	_Atomic uint64_t high;	      /* and ends at this many */
	_Atomic bool ample;	      /* these are large, for windows of readahead */
	_Atomic int64_t compressed;   /* of used, what the compressed store takes */
	_Atomic uint64_t pinned;      /* frames of pinned pages */
	_Atomic uint64_t charge;      /* frames that the handlers' buffers take, or will take */
	_Atomic int64_t lent;	      /* of the charge, what is in use, and so counted twice */
	_Atomic int64_t overcommit;   /* frames allowed beyond the limit: */
	_Atomic bool allowed;	      /* the allowance is included, */
	_Atomic int64_t exceeding;    /* and this much for what cannot leave (exceed.h) */
	_Atomic uint64_t exceeded_at; /* ns: when exceeding last changed */
	_Atomic int64_t beyond;	      /* pages that come back may use up to this, even so */
	_Atomic uint64_t *given;      /* all frames ever given back (share.h), or NULL */
	_Atomic uint32_t freed;	      /* a futex, advanced when frames come free */
	_Atomic unsigned waiters;     /* while somebody waits */
};

/* Sets the limit, and low and high from it. */
void budget_limit(struct budget *budget, int64_t frames);
/* Chooses between a little and a lot to keep free. */
void budget_reserve(struct budget *budget, bool ample);
/* In a fork's child: nothing is used, nothing is allowed. */
void budget_reset(struct budget *budget);

/* Takes n frames if the budget has them. */
bool credit_take(struct budget *budget, unsigned n);
/* Takes them even beyond the budget, for pages that are already there. */
void credit_force(struct budget *budget, uint64_t n);
void credit_give(struct budget *budget, uint64_t n);
/* Takes them from those that are charged for later, if none of those are in use.  The second function:
 * they have been given back. */
bool credit_lend(struct budget *budget, uint64_t n);
void credit_lent(struct budget *budget, uint64_t n);
/* Allows this many more frames beyond the limit, on top of what else is allowed.  false: they are
 * already allowed, or there are none. */
bool credit_allow(struct budget *budget, int64_t frames);

/* Frames that are held. */
static inline int64_t budget_held(const struct budget *budget)
{
	return budget->used - budget->lent;
}

/* Frames that may still be taken; negative after the budget was lowered. */
int64_t credit_left(const struct budget *budget);

/* Frames have come free: wakes whoever waits for them. */
void budget_freed(struct budget *budget);
/* If more is used than allowed, waits for budget_freed, at most for timeout_ns.  Calls wake(arg)
 * first, to start those that can free frames. */
void budget_wait(struct budget *budget, uint64_t timeout_ns, void (*wake)(void *), void *arg);

#endif
