/* SPDX-License-Identifier: MIT */
/* fork.h - right data on both sides of a fork
 *
 * prepare  says that a fork is near, which holds evictions back, and waits until all
 *          that was evicted is on swap space: a slow disk makes a fork slow, and no more
 *          than that.  Then it holds (G), so that no application thread is changing
 *          anything.  Faults go on being served: libc itself may touch paged memory until
 *          the very system call.
 * parent   lets evictions go on.
 * child    has the page table as it was at some moment of the system call, and
 *          none of the threads.  What was cached is swapped here (its trays are
 *          MADV_DONTFORK); pages that a handler was at work on are what the
 *          child's own mapping says.  It discards what libc may have written to
 *          pages that are not resident, opens a userfaultfd, an arena and swap
 *          space of its own, and starts its handlers.
 *
 * Parent and child go on with the same swap space; store/family.h has what the parent may not free.
 *
 * The handlers are registered before anybody else's, so they are the last to
 * prepare and the first to run in the child.
 *
 * Locking: the list of pagers has its own lock, outermost, held with (G) from prepare
 * to parent or child, and signals are blocked as long.  No handler wants these two, so libc
 * may touch paged memory meanwhile; those that handlers want are held within guard_call.
 */
#ifndef SPILL_FORK_H
#define SPILL_FORK_H

#include <stdbool.h>

struct pager;

/* A new pager takes part; the first one registers the handlers. */
void fork_enlist(struct pager *pager);
void fork_delist(struct pager *pager);

/* The atfork handlers, for who registers them himself (the preload library,
 * before anything else does): fork_registered says that it has been done. */
void fork_prepare(void);
void fork_parent(void);
void fork_child(void);
void fork_registered(void);

#endif
