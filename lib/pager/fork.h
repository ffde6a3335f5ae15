/* SPDX-License-Identifier: MIT */
/* fork.h - right data on both sides of a fork
 *
 * prepare announces the fork, which holds evictions back, and waits until everything that was
 *          evicted is on swap space: a slow disk makes a fork slow, and nothing worse.  Then it
 *          takes (G), so that no application thread is changing anything.  Faults are still
 *          served, since libc itself may touch paged memory up to the very system call.
 * parent lets evictions go on. child has the page table as it was at some moment of the system
 * call, and none of the
 *          threads.  What was cached is swapped here (its trays are MADV_DONTFORK).  For chunks
 *          that a handler was working on, the child's own mapping says what is resident.  The
 *          child discards what libc may have written to pages that are not resident, opens a
 *          userfaultfd and an arena of its own, and starts its handlers.
 *
 * Parent and child go on with the same swap space.  store/family.h says what the parent may not
 * free.
 *
 * Our atfork handlers are registered before anybody else's, so they are the last to prepare and the
 * first to run in the child.
 *
 * Locking: the list of pagers has its own lock, the outermost.  It and (G) are held from prepare to
 * parent or child, with signals blocked all the time.  Handler threads want neither, so libc may
 * touch paged memory meanwhile.  Locks that handlers do want are held within guard_call only.
 */
#ifndef SPILL_FORK_H
#define SPILL_FORK_H

#include <stdbool.h>

struct pager;

/* A new pager takes part.  The first one registers the atfork handlers. */
void fork_enlist(struct pager *pager);
void fork_delist(struct pager *pager);

/* The atfork handlers, for a caller that registers them itself (the preload library, before
 * anything else does).  fork_registered says that this has been done. */
void fork_prepare(void);
void fork_parent(void);
void fork_child(void);
void fork_registered(void);

#endif
