/* SPDX-License-Identifier: MIT */
/* proc_self.h - what a handler reads of its own process now and then, kept open
 *
 * open(2) takes the lowest number that is free, and programs count on it: a daemon closes 0, opens
 * another file, and expects it there.  A handler that opens a file meanwhile, if only for a moment,
 * takes that number away.  So what handlers read again and again is opened once, at a high number
 * (fd.h), and read from its beginning: the kernel makes such a file anew at each read from there.
 *
 * Invariant: they are open while there is a user, and only the process that opened them reads them.
 * A handler reads as long as its pager uses them.
 * Locking: none; users and descriptors are atomic, and who comes second closes what it opened.
 */
#ifndef SPILL_PROC_SELF_H
#define SPILL_PROC_SELF_H

#include <stdbool.h>

enum proc_self {
	PROC_SELF_STAT,
	PROC_SELF_STATM,
	PROC_SELF_FD, /* the directory; its entries are read by one thread at a time */
	PROC_SELF_FILES,
};

/* Pagers use them from start to stop.  In a fork's child those of the parent are left, and the first
 * pager that starts opens new ones. */
void proc_self_use(void);
void proc_self_leave(bool in_child);

/* Opens one for a moment, at a high number; or -errno. */
int proc_self_open(enum proc_self which);

/* The descriptor, or -1 if nobody uses it in this process or it cannot be opened. */
int proc_self(enum proc_self which);

#endif
