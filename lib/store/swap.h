/* SPDX-License-Identifier: MIT */
/* swap.h - the swap spaces of a pager
 *
 * Up to SWAP_MAX of them, by priority, in turn among equals.  A slot's name is
 * the number of its swap space and its number there: SLOT(space, n).
 *
 * A space's file grows in large allocated steps, ahead of the slots that are handed out; only slots with
 * blocks behind them are.  A handler lets its engine do that (swap_grow_begin, grow.h) and goes on with
 * its faults, since a disk may take its time.  Where there is no room a step is halved, and after the
 * smallest the space is full; it tries again after a while, twice as long each time, and when blocks were
 * given back: those of segments that are free again are (punched).
 *
 * A fork's child goes on with the same spaces, of which it owns nothing as yet (slot.h): it opens
 * nothing, so neither its root directory nor its rights matter, nor whether the directory is still there.
 *
 * Locking: the slot maps have their own (S).  How far a file has grown is one word, shared with other
 * processes; who lets it grow has taken space->growing.  Nothing waits for either, but who backs memory in
 * strict mode (swap_back).
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
	_Atomic uint64_t since;	  /* ns: since then */
	_Atomic bool wanted;	  /* no slot was free, but there may be blocks */
	_Atomic bool full;	  /* the file system had no more blocks, */
	_Atomic uint64_t retry;	  /* ns: and is not asked again before; */
	_Atomic uint64_t refused; /* ns: when it said so last */
	_Atomic uint64_t backed;  /* bytes of slots below the map's limit */
	uint64_t step;		  /* bytes; of who has taken growing */
	uint64_t pause;		  /* ns: between the latest two tries; the same */
	bool open;
	uint64_t salt; /* drawn for it: tells its slots from those of others (cipher.h) */
	_Atomic unsigned writing;  /* pages on their way to it */
	_Atomic uint64_t progress; /* ns: when a write to it has ended, or begun while there was
				      no other */
};

struct swap {
	struct swap_space space[SWAP_MAX];
	unsigned count;
	bool strict;	       /* what was backed once stays so */
	_Atomic unsigned turn; /* among equal priorities */
};

/* Opens all targets; strict: what was backed once stays so.  0 or -errno with *ret_why as target_open has it. */
int swap_open(struct swap *swap, const struct target_list *targets, bool strict,
	      const char **ret_why);
void swap_close(struct swap *swap);

/* Writes to slots from this one on begin and end.  now: ns. */
void swap_write_begins(struct swap *swap, uint64_t slot, unsigned pages, uint64_t now);
void swap_write_ends(struct swap *swap, uint64_t slot, unsigned pages, uint64_t now);
/* Is there no other space than one? */
bool swap_is_single(const struct swap *swap);
/* Does no write to this slot's space, to any space, come to its end?  A device may stop for a
 * while, or for ever. */
bool swap_stalls(const struct swap *swap, uint64_t slot, uint64_t now);
bool swap_any_stalls(const struct swap *swap, uint64_t now);

/* Who asks for slots. */
struct swap_asker {
	uint64_t now;	  /* ns */
	uint64_t crowded; /* a bit for each space that has enough of his writes in flight */
};

/* Takes up to want adjacent slots somewhere, with blocks behind them; gives
 * their number and the first slot's name.  -ENOSPC; -EAGAIN: where there may be room no more
 * should be written now, or it grows.  Of several spaces one that stalls is passed over, as is one that has
 * grown for as long, and one that is crowded for its equals; a single one takes all. */
int swap_alloc(struct swap *swap, struct swap_asker asker, unsigned want, uint64_t *ret_slot);
/* false: a fork is under way, nothing was done, and they are kept (slot.h). */
bool swap_free(struct swap *swap, uint64_t slot, unsigned n);
void swap_retire(struct swap *swap, uint64_t slot, unsigned n);

/* A step by which a file is to grow. */
struct swap_growth {
	unsigned space;
	int fd;
	uint64_t offset; /* in the file */
	uint64_t from;	 /* bytes of slots that have blocks */
	uint64_t bytes;
};

/* Is there something to be done?  Then it is the caller's, until he calls swap_grow_end with 0 or
 * -errno. */
bool swap_grow_begin(struct swap *swap, uint64_t now, struct swap_growth *ret_growth);
void swap_grow_end(struct swap *swap, const struct swap_growth *growth, long result, uint64_t now);
/* The same at once, waiting for the disk: not for handlers.  true: there is more now. */
bool swap_grow(struct swap *swap, uint64_t now);

/* Where the file system was full before that moment (ns), it is asked again at once: a page is not
 * given up on old news.  false: there is no such space. */
bool swap_insist(struct swap *swap, uint64_t since);

/* Takes so many bytes of swap space for this process, blocks and all, unless it has as much
 * already: what its memory may come to need.  0 or -ENOSPC.  May block while files grow. */
int swap_back(struct swap *swap, uint64_t bytes);

/* The file, the offset in it, and the salt of the space. */
int swap_fd(const struct swap *swap, uint64_t slot);
uint64_t swap_offset(const struct swap *swap, uint64_t slot);
uint64_t swap_salt(const struct swap *swap, uint64_t slot);

/* Gives the blocks of one free segment back to its file system (strict: makes them zeros, and
 * keeps them).  Devices keep theirs, and so do files that were made with them. */
void swap_punch(struct swap *swap);
/* Is there such a segment? */
bool swap_is_punchable(const struct swap *swap);

/* Slots that can hold pages, taken or free, as far as is known: the file system may
 * be full.  exhausted: no slot was free lately, so in spaces that are shared with
 * other processes we have what we have. */
uint64_t swap_capacity(const struct swap *swap, bool exhausted);

/* Bytes of slots in use, and of files. */
uint64_t swap_used(const struct swap *swap);
uint64_t swap_size(const struct swap *swap);

/* Around a fork, see slot.h. */
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
