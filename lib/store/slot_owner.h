/* SPDX-License-Identifier: MIT */
/* slot_owner.h - whose the segments of a swap space are, and who reads them
 *
 * A swap space is shared: named swap by all processes of a command, a file in a directory by the
 * process that made it and by what it forks.  What they have to know of each other stands in a table in
 * shared memory, a memfd:
 *
 *	row	one for each process: its id, drawn once and never again
 *	segment	the id of its owner, who alone writes to it; 0: nobody's; OWNER_LEFT: nobody's, but
 *		the file has blocks there that somebody has used
 *	reads	for each row a bit for each segment: this process has pages there
 *
 * A process holds a lock on the byte of the memfd that has its row's number (an OFD lock, of an open
 * file description that nobody else has).  The kernel drops it when the process ends or executes
 * another program, however it does; it can be asked for without /proc, and across PID namespaces.
 *
 * A segment is claimed with one compare-and-swap and given back with one store; no process ever waits
 * for another, and one that is killed leaves the table whole.
 *
 * What the dead leave behind can be taken over when no other living process has pages there.  A child's
 * row is made, with all that its parent reads, before the child is, so there is no moment at
 * which nobody seems to read what a child has; `joined' tells who looks that there is a new row.
 *
 * Without /proc a child gets no description of its own.  Then it shares its parent's row: neither takes
 * anything over any more, nor says that it has no pages somewhere (blind).
 *
 * The table is written by others: what is read from it is only compared, or masked.
 *
 * Locking: every word of the table is atomic.  A struct owner belongs to its slot map; id and fd change
 * only while a pager is armed or forks.
 */
#ifndef SPILL_SLOT_OWNER_H
#define SPILL_SLOT_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Processes of a family that are told apart; those beyond share their parents' rows. */
#define OWNER_ROWS 1024

/* No id is so small. */
#define OWNER_LEFT 1

/* It begins as zeros. */
struct slot_owners {
	_Atomic uint64_t ids;	 /* drawn so far */
	_Atomic uint64_t joined; /* rows that were filled by forks */
	_Atomic uint64_t size;	 /* swap.c: bytes of slots that the file has blocks for */
	_Atomic uint32_t rows;	 /* behind the last row that was ever used */
	_Atomic uint32_t reach;	 /* behind the last segment that was ever owned */
	_Atomic uint64_t left;	 /* segments that are OWNER_LEFT, more or less */
	_Atomic uint64_t id[OWNER_ROWS];
	_Atomic uint64_t segment[]; /* and behind them a word for each 64 of them, for each row */
};

/* This process's part in a table. */
struct owner {
	struct slot_owners *table;
	size_t size;	   /* of it, bytes */
	uint32_t segments; /* that it is for, a multiple of 64 */
	unsigned row;
	uint64_t id;
	int fd; /* the memfd, by the description that holds our lock */
	bool blind;
	int child_fd; /* from prepare to the fork: the same of the child, or -1 */
	unsigned child_row;
	uint64_t child_id;
};

/* A memfd for at least so many segments (fd.h), or -errno. */
int owner_table_create(uint32_t segments);

/* Maps the table and takes a row.  fd: the memfd, of which the caller keeps his descriptor.  0 or
 * -errno; -EINVAL: it is for fewer segments. */
int owner_join(struct owner *owner, int fd, uint32_t segments);
/* Gives the row back: what we own is the dead's from now on. */
void owner_leave(struct owner *owner);

/* Claims one of the next n segments from *hint on, below limit, that nobody owns; *hint moves
 * on. */
bool owner_claim_next(struct owner *owner, uint32_t n, uint32_t limit, uint32_t *hint,
		      uint32_t *ret_segment);
/* Claims any such segment.  Looks at all of the table. */
bool owner_claim_any(struct owner *owner, uint32_t limit, uint32_t *ret_segment);
/* The same of those that are left. */
bool owner_claim_left(struct owner *owner, uint32_t *ret_segment);
bool owner_is_left(const struct owner *owner);
/* Nothing is in it, and it has no blocks. */
void owner_release(struct owner *owner, uint32_t segment);

/* Behind the last segment that was ever owned. */
uint32_t owner_reach(const struct owner *owner);

/* We have pages in this segment, or no more.  Of one segment under the slot map's lock. */
void owner_reads(struct owner *owner, uint32_t segment, bool reads);

/* Has any other process ever had a row? */
bool owner_has_others(const struct owner *owner);

/* A look for what the dead left.  It asks the kernel for each process once, and begins anew where a
 * process forks meanwhile. */
struct owner_sweep {
	uint64_t joined;
	uint32_t at;
	uint32_t first;			 /* of what is nobody's now, if that is below */
	uint64_t asked[OWNER_ROWS / 64]; /* rows of which the kernel was asked, */
	uint64_t alive[OWNER_ROWS / 64]; /* and what it said */
};

void owner_sweep_begin(struct owner *owner, struct owner_sweep *sweep);
/* Of the segments whose owner is gone, and in which no other living process has pages, claims the
 * next in which we have some.  Those in which nobody has any are left to all. */
bool owner_sweep_next(struct owner *owner, struct owner_sweep *sweep, uint32_t *ret_segment);

/* Around a fork.  prepare: no segment is given up or claimed until the fork is over; makes the child's
 * row.  The parent closes the child's descriptor, the child the parent's. */
void owner_fork_prepare(struct owner *owner);
void owner_fork_parent(struct owner *owner);
void owner_fork_child(struct owner *owner);

#endif
