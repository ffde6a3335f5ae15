/* SPDX-License-Identifier: MIT */
/* family.h - the children that read our slots
 *
 * After a fork, parent and child have pages in the same slots (slot.h).  The parent does not free
 * what a child may read until that child and the child's own children are gone or have called exec.
 * It learns that from a lifeline, a pipe whose writing end only they hold.
 *
 * Each generation of children has one lifeline.  As long as few generations live, each fork begins
 * a new one; the more live, the more forks share one.  So a thousand children need some thirty
 * pipes, and few of them hold up what others could release.  A child closes the lifeline of an
 * ancestor that is gone.
 *
 * Locking: forks change the lifelines, and hold evictions back meanwhile.  Handlers, inside an
 * eviction, look at them and close those whose children are gone.
 */
#ifndef SPILL_FAMILY_H
#define SPILL_FAMILY_H

#include "store/swap.h"

/* Ancestors whose lifelines a process can hold.  A process with that many cannot watch children of
 * its own, so it never frees what those may read. */
#define ANCESTORS_MAX 128

struct family {
	_Atomic int lifeline[GENERATIONS]; /* the reading end; -1: no such generation; or
					  LIFELINE_UNSEEN */
	unsigned newest;		   /* (G) the latest fork's generation, */
	unsigned forks;			   /* (G) and how many forks are in it */
	int writer;			   /* (G) from prepare to the fork: the writing end */
	unsigned ancestors;		   /* (G) */
	int ancestor[ANCESTORS_MAX];	   /* (G) the writing ends of our ancestors' lifelines */
};

/* Nobody can tell whether a child is left. */
#define LIFELINE_UNSEEN -2

void family_init(struct family *family);
/* Closes all lifelines. */
void family_leave(struct family *family);

/* A fork is about to happen: returns its child's generation.  family->writer is the other end of
 * the child's lifeline; in the parent, the caller closes it. */
unsigned family_join(struct family *family);
/* In the child: closes its parent's ends, and holds its own lifeline. */
void family_fork_child(struct family *family);

/* Is there a generation of children? */
bool family_has_children(const struct family *family);
/* Releases what only children that are gone could read.  For handlers, inside an eviction, and for
 * forks. */
void family_check_children(struct family *family, struct swap *swap);

#endif
