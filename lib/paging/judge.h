/* SPDX-License-Identifier: MIT */
/* judge.h - is the dearer of two ways worth it?  Tries both, and counts the work that gets done
 *
 * What a way gains depends on the machine, on the program, and on what else runs, so no constant
 * can say.  A trial is a few short windows, in which the ways take turns, twice in one order and
 * twice in the other, so that a rate that rises or falls helps neither.  The dearer way must get
 * clearly more work done.  The verdict holds for a while, and for twice as long each time that it is
 * confirmed.
 *
 *	trial: c d d c c d d c | verdict, kept 0.2 s | trial | kept 0.4 s | ... 3.2 s
 *
 * A window that took too long says nothing: the program did something else meanwhile.  A trial with
 * little work gives no verdict, and then the cheap way is taken.
 *
 * Locking: whoever calls judge_look first does the work, the others go on.  dear and verdict can be
 * read by anybody.
 */
#ifndef SPILL_JUDGE_H
#define SPILL_JUDGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed: the cheap way, and a trial begins. */
struct judge {
	_Atomic bool dear;     /* the way to take now */
	_Atomic bool verdict;  /* of the last trial */
	atomic_flag busy;      /* guards all that follows: */
	unsigned window;       /* of the trial; JUDGE_WINDOWS: it is over */
	_Atomic uint64_t ends; /* ns: when the window, or the verdict, ends */
	uint64_t began;	       /* ns: when the window began, */
	uint64_t before;       /* and the work that had been done by then */
	uint64_t work[2];      /* in the windows of the cheap, and of the dear way, */
	uint64_t ns[2];	       /* and how long these were */
	uint64_t keep_ns;      /* how long the last verdict was to hold */
};

#define JUDGE_WINDOWS 8

/* To be called often while there is work.  work: how much was done so far, in anything that grows
 * with it. */
void judge_look(struct judge *judge, uint64_t now, uint64_t work);

#endif
