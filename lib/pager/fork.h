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
 * Parent and child go on with the same swap space (slot.h).  The parent does not free what a child may
 * read until that child, and its children, are gone or have called exec: it sees that on
 * a lifeline, a pipe whose writing end only they hold.  There is one for each generation of
 * children.  As long as there are few generations, each fork is one of its own; the more of them live, the more
 * forks share one, so a thousand children have some thirty pipes, and wait for few that are not
 * their own.  A child closes the lifeline of an ancestor that is gone.
 *
 * The handlers are registered before anybody else's, so they are the last to
 * prepare and the first to run in the child.
 *
 * Locking: the list of pagers has its own lock, outermost, held with (G) from prepare
 * to parent or child, and signals are blocked as long.  No handler wants these two, so libc
 * may touch paged memory meanwhile; those that handlers want are held within guard_call.
 * The lifelines are looked at by handlers inside an eviction, and changed by forks, who hold evictions
 * back.
 */
#ifndef SPILL_FORK_H
#define SPILL_FORK_H

#include "store/slot.h"
#include <stdbool.h>

struct pager;

/* Ancestors whose lifelines a process holds.  The children of one that has more are not seen, so
 * what they may read is never free. */
#define ANCESTORS_MAX 128

struct family {
	_Atomic int
		lifeline[GENERATIONS]; /* the end that tells whether a child is left, -1: there is no
					      such generation, or LIFELINE_UNSEEN */
	unsigned newest;	       /* (G) the generation of the latest fork, */
	unsigned forks;		       /* (G) and how many are of it */
	int writer;		       /* (G) from prepare to the fork: the other end */
	unsigned ancestors;	       /* (G) */
	int ancestor[ANCESTORS_MAX];   /* (G) the same ends, of those whose child we are */
};

/* Whether there is a child cannot be told. */
#define LIFELINE_UNSEEN -2

void fork_family_init(struct family *family);
void fork_family_leave(struct family *family);

/* A fork waits for what is on its way to swap space, or has begun: nothing may be evicted.  Any
 * thread. */
bool fork_is_near(void);
/* This thread is about to fork; it has, or will not. */
void fork_announce(void);
void fork_withdraw(void);

/* A new pager takes part; the first one registers the handlers. */
void fork_enlist(struct pager *pager);
void fork_delist(struct pager *pager);

/* The atfork handlers, for who registers them himself (the preload library,
 * before anything else does): fork_registered says that it has been done. */
void fork_prepare(void);
void fork_parent(void);
void fork_child(void);
void fork_registered(void);

/* Is there a generation of children? */
bool fork_has_children(const struct pager *pager);
/* Lets go what only generations of which no child is left could read.  For handlers, inside an
 * eviction, and forks. */
void fork_check_children(struct pager *pager);

#endif
