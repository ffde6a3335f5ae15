/* SPDX-License-Identifier: MIT */
/* slot_owner.h - who owns which segment of a swap space that is shared
 *
 * The processes of one command may share a named swap space.  Each segment of
 * it belongs to one process at most: its mark (process.h) stands in a table in
 * shared memory.  A segment is claimed with one compare-and-swap and given back with
 * one store; no process ever waits for another, and one that is killed leaves
 * the table whole.
 *
 * What the dead leave behind is taken over when nothing else is free, but not
 * from an owner that has forked: its children may outlive it (daemons do) and
 * read its slots.  An owner says so before it forks, and takes it back when no
 * child of its reads any more.  A process that executes another program keeps
 * what it owned until it ends.
 *
 * Locking: none; every word of the table is atomic.
 */
#ifndef SPILL_SLOT_OWNER_H
#define SPILL_SLOT_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many owners that forked a command can tell apart; beyond that nothing
 * is taken over any more. */
#define OWNERS_FORKED 64

/* It begins as zeros. */
struct slot_owners {
	_Atomic uint64_t forked[OWNERS_FORKED]; /* marks, alive or dead, or 0 */
	_Atomic uint64_t segment[];		/* the mark of its owner, or 0: free */
};

/* Claims one of the next n segments from *hint on, below limit, that nobody
 * owns; *hint moves on. */
bool owner_claim_next(struct slot_owners *owners, uint64_t mark, uint32_t n, uint32_t limit,
		      uint32_t *hint, uint32_t *ret_segment);

/* Claims any segment below limit that nobody owns.  Looks at all of the table. */
bool owner_claim_any(struct slot_owners *owners, uint64_t mark, uint32_t limit,
		     uint32_t *ret_segment);

/* Claims any segment below limit whose owner is gone and leaves no reader.
 * Looks at all of the table, and asks the kernel for each owner in it. */
bool owner_claim_dead(struct slot_owners *owners, uint64_t mark, uint32_t limit,
		      uint32_t *ret_segment);

void owner_release(struct slot_owners *owners, uint32_t segment);

/* Children of this owner may read its slots from now on; no longer. */
void owner_note_fork(struct slot_owners *owners, uint64_t mark);
void owner_note_fork_done(struct slot_owners *owners, uint64_t mark);

#endif
