/* SPDX-License-Identifier: MIT */
/* swap.h - the swap spaces of a pager
 *
 * There are up to SWAP_MAX, used by priority, and in turn among equals.  A slot's name is the
 * number of its space and its number there: SLOT(space, n).
 *
 * A space's file grows in large allocated steps, ahead of need: only slots with blocks are handed
 * out.  A handler leaves the step to its engine (swap_grow_begin, lane.h) and goes on with its
 * faults, since a disk may take its time.  Where there is no room, the step is halved; when the
 * smallest fails too, the space is full.  It tries again after a pause that doubles each time, and
 * at once when blocks were given back: segments that are free again are punched out of the file.
 *
 * A fork's child goes on with the same spaces and owns nothing in them yet (slot.h).  It opens
 * nothing, so it does not matter what its root directory and its rights are, or whether the
 * directory still exists.
 *
 * Locking: the slot maps have their own (S).  How far a file has grown is one word, shared with
 * other processes; only the thread that has set space->growing lets the file grow.  Nothing waits
 * for either, except backing memory in strict mode (swap_back).
 */
#ifndef SPILL_SWAP_H
#define SPILL_SWAP_H

#include "store/slot.h"
#include "store/target.h"

#define SWAP_MAX 64
#define SLOT_SPACE_SHIFT 56

struct swap_space {
	struct target_file file;
	struct slot_map map;
	_Atomic uint32_t growing; /* a step is under way (a futex), */
	_Atomic uint64_t since;	  /* ns: and began then */
	_Atomic bool wanted;	  /* no slot was free, but the file may grow */
	_Atomic bool full;	  /* the file system had no more blocks; */
	_Atomic uint64_t retry;	  /* ns: do not ask again before this */
	_Atomic uint64_t refused; /* ns: when it last said so */
	_Atomic uint64_t backed;  /* bytes of slots below the map's limit */
	uint64_t step;		  /* bytes; of the thread that has set growing */
	uint64_t pause;		  /* ns: between the latest two tries; likewise */
	bool open;
	uint64_t salt; /* random: tells its slots from those of other spaces (cipher.h) */
	_Atomic unsigned writing;  /* pages being written to it */
	_Atomic uint64_t progress; /* ns: when a write to it last ended, or began while there
				      was no other */
};

struct swap {
	struct swap_space space[SWAP_MAX];
	unsigned count;
	bool strict;	       /* space that was backed once stays backed */
	_Atomic unsigned turn; /* among equal priorities */
};

/* Opens all targets.  strict: space that was backed once stays backed.  0, or -errno with *ret_why
 * set as by target_open. */
int swap_open(struct swap *swap, const struct target_list *targets, bool strict,
	      const char **ret_why);
void swap_close(struct swap *swap);

/* Writing begins, or ends, at this slot.  now: ns. */
void swap_write_begins(struct swap *swap, uint64_t slot, unsigned pages, uint64_t now);
void swap_write_ends(struct swap *swap, uint64_t slot, unsigned pages, uint64_t now);
/* Is there only one space? */
bool swap_is_single(const struct swap *swap);
/* Has no write to this slot's space, or to any space, ended for a while?  A device may stop for a
 * moment, or for ever. */
bool swap_stalls(const struct swap *swap, uint64_t slot, uint64_t now);
bool swap_any_stalls(const struct swap *swap, uint64_t now);

struct swap_asker {
	uint64_t now;	  /* ns */
	uint64_t crowded; /* a bit for each space that has enough of the asker's writes in
			     flight */
};

/* Takes up to want adjacent slots with blocks, all in one space; returns their number, and the
 * first slot's name in *ret_slot.  -ENOSPC; -EAGAIN: there may be room, but the space is crowded,
 * stalls or still grows.  Among several spaces this passes over one that stalls, one whose step
 * takes as long as a stall, and, in favour of its equals, one that is crowded.  A single space
 * takes everything. */
int swap_alloc(struct swap *swap, struct swap_asker asker, unsigned want, uint64_t *ret_slot);
/* false: a fork is under way; nothing was done, and the caller keeps the slots (slot.h). */
bool swap_free(struct swap *swap, uint64_t slot, unsigned n);
void swap_retire(struct swap *swap, uint64_t slot, unsigned n);

/* One step of a growing file. */
struct swap_growth {
	unsigned space;
	int fd;
	uint64_t offset; /* bytes in the file */
	uint64_t from;	 /* bytes of slots that have blocks already */
	uint64_t bytes;
};

/* Is there a step to take?  Then it is the caller's, until it calls swap_grow_end with 0 or
 * -errno. */
bool swap_grow_begin(struct swap *swap, uint64_t now, struct swap_growth *ret_growth);
void swap_grow_end(struct swap *swap, const struct swap_growth *growth, long result, uint64_t now);
/* Takes a step and waits for the disk: not for handlers.  true: there is more now. */
bool swap_grow(struct swap *swap, uint64_t now);

/* Spaces whose file system was full before this moment (ns) are asked again at once, so that no
 * page is given up on old news.  false: there is no such space. */
bool swap_insist(struct swap *swap, uint64_t since);

/* Takes swap space for this many bytes for this process, blocks and all, unless it already has as
 * much: what its memory may come to need.  0 or -ENOSPC.  May block while files grow. */
int swap_back(struct swap *swap, uint64_t bytes);

/* The slot's file, its offset there, and the salt of its space. */
int swap_fd(const struct swap *swap, uint64_t slot);
uint64_t swap_offset(const struct swap *swap, uint64_t slot);
uint64_t swap_salt(const struct swap *swap, uint64_t slot);

/* Gives the blocks of one free segment back to its file system.  In strict mode the segment becomes
 * zeros and keeps them.  Devices keep their blocks, as do files that were created with them. */
void swap_punch(struct swap *swap);
/* Is there such a segment? */
bool swap_is_punchable(const struct swap *swap);

/* Slots that can hold pages, taken or free, as far as we know: the file system may be full.
 * exhausted: no slot was free lately; then only the slots that we already use count, since others
 * may share the spaces. */
uint64_t swap_capacity(const struct swap *swap, bool exhausted);

/* Bytes of slots in use; bytes of all files. */
uint64_t swap_used(const struct swap *swap);
uint64_t swap_size(const struct swap *swap);

/* Around a fork: see slot.h. */
void swap_fork(struct swap *swap, unsigned generation);
void swap_fork_parent(struct swap *swap);
void swap_fork_child(struct swap *swap);
void swap_generation_gone(struct swap *swap, unsigned generation);

static inline unsigned slot_space(uint64_t slot)
{
	return (unsigned)(slot >> SLOT_SPACE_SHIFT);
}

static inline uint64_t slot_number(uint64_t slot)
{
	return slot & ((UINT64_C(1) << SLOT_SPACE_SHIFT) - 1);
}

#endif
