/* SPDX-License-Identifier: MIT */
/* family.h - the children that read our slots
 *
 * After a fork parent and child have pages in the same slots (slot.h).  The parent does not free what a
 * child may read until that child, and its children, are gone or have called exec: it sees that on
 * a lifeline, a pipe whose writing end only they hold.  There is one for each generation of
 * children.  As long as there are few generations, each fork is one of its own; the more of them live, the more
 * forks share one, so a thousand children have some thirty pipes, and wait for few that are not
 * their own.  A child closes the lifeline of an ancestor that is gone.
 *
 * Locking: forks change the lifelines, and hold evictions back meanwhile; handlers look at them, and
 * close those whose children are gone, inside an eviction.
 */
#ifndef SPILL_FAMILY_H
#define SPILL_FAMILY_H

#include "store/swap.h"

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

void family_init(struct family *family);
/* Closes all of them. */
void family_leave(struct family *family);

/* A fork is about to happen: gives the generation of its child.  The other end of its lifeline, in
 * family->writer, is the caller's to close in the parent. */
unsigned family_join(struct family *family);
/* In the child: what was its parent's is closed, and its own lifeline held. */
void family_fork_child(struct family *family);

/* Is there a generation of children? */
bool family_has_children(const struct family *family);
/* Lets go what only generations of which no child is left could read.  For handlers, inside an
 * eviction, and forks. */
void family_check_children(struct family *family, struct swap *swap);

#endif
