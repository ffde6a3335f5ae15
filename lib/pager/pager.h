/* SPDX-License-Identifier: MIT */
/* pager.h - a pager: one budget, its swap spaces, its regions, its handlers
 *
 * pager/ is the library as the application sees it: the functions of spill.h, and everything that
 * application threads do.
 *
 *	public.c	the functions of spill.h; options.h: what they are given
 *	region.h	the application's memory: mapped, protected, discarded; also remap.c,
 *			renounce.c, states.c
 *	fork.h		right data on both sides of a fork
 *	lender.h	a thread that hears when other processes of the command are short
 *	retire.c	a pager that gives up, and leaves plain memory
 *
 * Handlers, and all that serves a fault, are paging's, below.  The room includes every room below
 * it: base, command, kernel, store, pages, observe, paging.  Only preload is above.
 *
 * A pager is made empty, without a thread or a descriptor.  pager_arm starts it: it opens swap
 * spaces, a userfaultfd and an arena, starts handlers, registers every region, and enters the
 * regions' pages in the page table.  The pager stays armed to its end.
 *
 * Locking: fields without a key are set before the handlers start, and do not change while they
 * run; atomic fields need no lock.
 */
#ifndef SPILL_PAGER_H
#define SPILL_PAGER_H

#include "pager/options.h"
#include "pager/region.h"
#include "paging/paging.h"

struct pager {
	struct options options;	  /* as opened; the budget may have changed since */
	struct paging paging;	  /* what its handlers work on */
	struct lock region_lock;  /* (G) */
	_Atomic int region_owner; /* (G) for writing: thread that holds it across a fork, or 0 */
	struct region_table regions;
	bool kept_whole;    /* (G) it must not arm (mlockall) */
	const char *why;    /* why it last failed to arm, in words */
	struct pager *next; /* all pagers of the process, for fork.c */
};

/* Makes a pager that has nothing yet.  0 or -errno; on failure *ret_why may be set to a reason for
 * people. */
int pager_new(const struct options *options, struct pager **ret_pager, const char **ret_why);
/* Stops and frees the pager; its regions are unmapped. */
void pager_free(struct pager *pager);

static inline bool pager_is_armed(const struct pager *pager)
{
	return paging_is_armed(&pager->paging);
}

/* May this many bytes be touched without paging?  If not, the pager must arm.  The caller holds
 * (G). */
bool pager_fits(struct pager *pager, uint64_t bytes);

/* Starts paging, unless it has started.  The caller holds (G).  0 or -errno. */
int pager_arm(struct pager *pager);

/* Retires the pager for good.  Everything managed comes back, whatever the budget, and is plain
 * memory.  The pager does nothing from then on; other threads may still call it.  0, or an error of
 * region_renounce; then nothing has changed, except where pages are.  From an application
 * thread. */
int pager_retire(struct pager *pager);

/* A child that we hear nothing of (a raw clone) must get SIGSEGV from our memory, not other
 * contents.  So regions are MADV_DONTFORK, except (off) while a fork is announced.  The caller
 * holds (G). */
void pager_guard_forks(struct pager *pager, bool on);

/* Registers all regions with the userfaultfd.  scan: also enters the pages that they have.  The
 * caller holds (G).  0 or -errno. */
int pager_register_all(struct pager *pager, bool scan);

/* Waits until the frames held fit the budget.  0, or -ENOSPC if swap space is full and nothing came
 * free for a while.  Not while (G) is held. */
int pager_fit(struct pager *pager);

#endif
