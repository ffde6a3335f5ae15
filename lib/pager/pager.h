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

#include "pager/options.h"
#include "pager/region.h"
#include "paging/paging.h"

struct pager {
	struct options options;	  /* as it was opened; the budget may have changed since */
	struct paging paging;	  /* what its handlers work on */
	struct lock region_lock;  /* (G) */
	_Atomic int region_owner; /* (G) for writing: thread that holds it across a fork, or 0 */
	struct region_table regions;
	bool kept_whole;    /* (G) it shall not arm (mlockall) */
	const char *why;    /* what made the latest arming fail, in words */
	struct pager *next; /* all pagers of the process, for fork.c */
};

/* Makes a pager that has nothing yet.  0 or -errno, and then *ret_why is set if there are words
 * for it. */
int pager_new(const struct options *options, struct pager **ret_pager, const char **ret_why);
/* Stops and frees it; its regions are unmapped. */
void pager_free(struct pager *pager);

static inline bool pager_is_armed(const struct pager *pager)
{
	return paging_is_armed(&pager->paging);
}

/* May so many bytes be touched without paging?  Else the pager must arm.  The caller
 * holds (G). */
bool pager_fits(struct pager *pager, uint64_t bytes);

/* Starts paging, if it is not started.  The caller holds (G).  0 or -errno. */
int pager_arm(struct pager *pager);

/* For good: all that is managed comes back, whatever the budget, and is plain memory, and the pager does
 * nothing any more; other threads may go on calling it.  0; or what region_renounce gives, and then
 * nothing has changed but where pages are.  From an application thread. */
int pager_retire(struct pager *pager);

/* A child of which we hear nothing (a raw clone) shall get SIGSEGV from our memory and not other
 * contents: regions are MADV_DONTFORK, but (off) while a fork is announced.  The caller holds
 * (G). */
void pager_guard_forks(struct pager *pager, bool on);

/* Makes all regions known to the userfaultfd, and scan: enters the pages that they have.  The
 * caller holds (G).  0 or -errno. */
int pager_register_all(struct pager *pager, bool scan);

/* Waits until what is held fits the budget.  0, or -ENOSPC if swap space is
 * full and nothing came free for a while.  Not while (G) is held. */
int pager_fit(struct pager *pager);

#endif
