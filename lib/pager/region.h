/* SPDX-License-Identifier: MIT */
/* region.h - what the application asks for: managed ranges of its address space
 *
 * A region is private anonymous memory whose pages the pager may take away and bring back.  Regions
 * are a sorted array of ranges (ranges.h); neighbours that are alike are one.  Until the pager arms,
 * that array is all there is: the memory is plain.  The pager arms when what can be touched (regions
 * that are not PROT_NONE) would pass the budget.
 *
 * Each section below is a file of its own, whose first comment says how it works.
 *
 * State and mapping change together: a call that discards pages holds the locks of all their chunks
 * from before the system call until the page table says so too.
 *
 * Any application thread may call all of these, on any stack: they enter through guard_call.  They
 * give 0 or -errno, and may block where it is said.
 *
 * Locking: (G) pager->region_lock guards the array and is held over each change of the address
 * space; handlers never want it.  Order: G, then chunks in the order of their addresses.
 */
#ifndef SPILL_REGION_H
#define SPILL_REGION_H

#include "base/guard.h"
#include "pages/ranges.h"
#include "spill.h"

struct pager;

/* -- region.c: the way in, and how memory becomes a region ---------------------------- */

/* As guard_call, with (G) held while function runs.  A thread that forks holds (G) from its prepare
 * handler to the handlers after the fork, between which other libraries' handlers may map memory:
 * for that thread nothing is taken. */
#define REGION_ARGUMENT_MAX 96
long region_call(struct pager *pager, guard_function function, void *argument, size_t size);

/* [addr, addr + size) was just mapped by the caller, private and anonymous, and nobody touched it:
 * it is a region from now on.  Arms the pager if needed, which may block until memory fits the
 * budget.  -ENOMEM: no memory for tables, or swap space is full; the caller unmaps it.  Also
 * whatever arming can fail with. */
int region_adopt(struct pager *pager, void *addr, size_t size, int prot);

/* Is any, is all of the range managed? */
bool region_overlaps(struct pager *pager, const void *addr, size_t size);
bool region_covers(struct pager *pager, const void *addr, size_t size);

/* -- arming.c: when paging starts ------------------------------------------------------ */

/* Arms the pager, whatever fits; arms it if what can be touched no longer fits (a fork's child,
 * whose frames were the parent's).  0 or -errno. */
int region_arm(struct pager *pager);
int region_fit(struct pager *pager);

/* Nothing is paged from now on, whatever the budget (or again); false: it is already. */
bool region_keep(struct pager *pager, bool keep);

/* The budget, in bytes, from now on; waits until what is held fits.  0; -EBUSY: more is pinned,
 * -ENOSPC: swap space is full, or whatever arming can fail with. */
int region_set_budget(struct pager *pager, size_t budget);

/* -- replace.c: a mapping goes, and what the pager knew of it --------------------------- */

/* A system call that changes the mapping of [addr, addr + size) and leaves nothing of what was
 * there: munmap, mmap(MAP_FIXED), madvise(MADV_DONTNEED).  Gives its result, -errno (or an address
 * that is one) if nothing happened. */
typedef long (*region_op)(void *context, void *addr, size_t size);

/* Runs op over [addr, addr + size); if it succeeds, what was managed in that range is no longer
 * (keep: it stays managed, but its contents are gone).  The range may hold anything, managed or not.
 * Gives op's result. */
long region_replace(struct pager *pager, void *addr, size_t size, bool keep, region_op op,
		    void *context);

/* region_replace with munmap; with MADV_DONTNEED. */
int region_unmap(struct pager *pager, void *addr, size_t size);
int region_discard(struct pager *pager, void *addr, size_t size);

/* Unmaps what is managed of the range, and nothing else of it. */
int region_release(struct pager *pager, void *addr, size_t size);

/* -- protect.c -------------------------------------------------------------------------- */

/* mprotect over a range that may be managed in part; may arm as region_adopt.  With a key it is
 * pkey_mprotect (NO_KEY: none). */
#define NO_KEY (-1)
int region_protect(struct pager *pager, void *addr, size_t size, int prot, int key);

/* The protection of all of the range; -EFAULT: it is not all managed, or has several. */
int region_protection(struct pager *pager, void *addr, size_t size);

/* -- inherit.c: what a fork's child has of it --------------------------------------------- */

/* madvise with MADV_DONTFORK, DOFORK, WIPEONFORK or KEEPONFORK over a range that may be managed in
 * part. */
int region_inherit(struct pager *pager, void *addr, size_t size, int advice);

/* In the child of a fork, whose pages have been counted: what those mean.  Takes no lock. */
void region_fork_child(struct pager *pager);

/* -- pin.c: pages that are never evicted --------------------------------------------------- */

/* As spill_pin, spill_unpin. */
int region_pin(struct pager *pager, void *addr, size_t size);
int region_unpin(struct pager *pager, void *addr, size_t size);

/* -- advise.c ---------------------------------------------------------------------------- */

/* As spill_advise. */
int region_advise(struct pager *pager, void *addr, size_t size, enum spill_advice advice);

/* -- states.c ---------------------------------------------------------------------------- */

/* As spill_get_states. */
int region_states(struct pager *pager, void *addr, size_t size, unsigned char *ret_states);

/* -- remap.c ----------------------------------------------------------------------------- */

/* mremap of a managed range that may grow in place, shrink or, with MREMAP_MAYMOVE, move; fixed:
 * MREMAP_FIXED's target or NULL.  The new address, or an address that is -errno. */
void *region_remap(struct pager *pager, void *addr, size_t old_size, size_t new_size, int flags,
		   void *fixed);

/* -- renounce.c: what is managed becomes plain memory -------------------------------------- */

/* What is managed of the range is plain memory from now on, whose contents stay, and no page is
 * ever filled in it until it is adopted anew: another userfaultfd will have it.  0; -EINVAL: it is
 * not mapped, -ENOMEM: no memory for tables, -EIO: a page of it is lost, -EAGAIN: evictions are
 * faster than we. */
int region_renounce(struct pager *pager, void *addr, size_t size);

#endif
