/* SPDX-License-Identifier: MIT */
/* budget.h - the frames that a process may hold
 *
 * The budget is counted in frames.  Credits are taken before anything that can make the kernel
 * allocate a page, and given back when the frame is gone: so used never passes the limit,
 * whatever goes on.  Two things are counted beyond the limit, in overcommit: the allowance
 * (spill_options), and what the kernel does not let leave.
 *
 *	0 ............ used ........ limit - high ..... limit - low ..... limit .... + overcommit
 *	                             evictions end      evictions begin
 *
 * Invariant: used is the number of frames of all resident pages, of all trays and of buffers.
 * Locking: none; each word is exact by itself.  Who changes the limit holds (G) or (B).
 */
#ifndef SPILL_BUDGET_H
#define SPILL_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Frames beyond the limit, more than there can be: nothing has to leave.  Added, and taken back. */
#define CREDIT_UNLIMITED ((int64_t)1 << 48)

struct budget {
	_Atomic uint64_t bytes; /* as it was set, of all of the command; `spill set' may have
				   changed it since (pool.h) */
	_Atomic int64_t limit;	/* frames of this process */
	_Atomic int64_t used;
	_Atomic int64_t peak;
	_Atomic uint64_t low;	      /* eviction begins with fewer free frames, */
	_Atomic uint64_t high;	      /* and ends with so many */
	_Atomic uint64_t pinned;      /* frames of pages that are pinned */
	_Atomic uint64_t charge;      /* frames that the handlers' buffers take, or will take */
	_Atomic int64_t overcommit;   /* frames beyond the limit */
	_Atomic bool allowed;	      /* the allowance is in it, */
	_Atomic int64_t exceeding;    /* and so many for what cannot leave (exceed.h) */
	_Atomic uint64_t exceeded_at; /* ns: when that was changed */
	_Atomic int64_t beyond;	  /* up to so many are used, even so, for pages that come back */
	_Atomic uint64_t *given;  /* frames that were given back, ever (share.h), or NULL */
	_Atomic uint32_t freed;	  /* a futex, advanced when frames came free, */
	_Atomic unsigned waiters; /* if there are such */
};

/* Sets the limit to so many frames, and low and high by it. */
void budget_limit(struct budget *budget, int64_t frames);
/* In a fork's child: nothing is used, nothing is allowed. */
void budget_reset(struct budget *budget);

/* Takes n frames if the budget has them. */
bool credit_take(struct budget *budget, unsigned n);
/* Takes them even beyond it: pages that are there already. */
void credit_force(struct budget *budget, uint64_t n);
void credit_give(struct budget *budget, uint64_t n);
/* So many frames more may be taken from now on, beside what else is allowed beyond the limit; false:
 * that is so already, or there are none. */
bool credit_allow(struct budget *budget, int64_t frames);
/* Frames that may still be taken; negative after the budget was lowered. */
int64_t credit_left(const struct budget *budget);

/* Frames have come free: who waits for that looks again. */
void budget_freed(struct budget *budget);
/* Waits for that, if more is used than may be, at most so long.  wake(arg) is called first, for those to
 * begin that can free some. */
void budget_wait(struct budget *budget, uint64_t timeout_ns, void (*wake)(void *), void *arg);

#endif
