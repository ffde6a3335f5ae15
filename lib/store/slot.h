/* SPDX-License-Identifier: MIT */
/* slot.h - which pages of a swap space are taken
 *
 * A slot is a page-sized place in a swap space.  Slots are grouped in segments
 * of SEGMENT_SLOTS.  One segment at a time is being filled: a cursor sweeps it
 * once from its begin to its end and hands out its free runs, but passes over
 * crumbs (runs too short to be worth a request).  Then comes the emptiest
 * segment there is, or a new one while the swap space may grow and no segment
 * is half empty.  So runs stay long after hours of random updates, where
 * next-fit would decay to single pages: segments are left alone, and grow
 * empty, until they are the emptiest.
 *
 *	segment  [####....########............####]   64 x 4 slots
 *	used      a bit for each slot that is not free
 *	deferred  of these: freed, but a child of a fork may still read it
 *
 * A slot is free, used by one page, or retired after a failed write (used for
 * ever).
 *
 * A fork begins a generation, or joins one: the children that it makes read what is used now.  What each
 * generation reads is noted in a map of its own, of a bit for each slot, so a slot that is
 * freed is free at once if it is in no map, and deferred otherwise, until the last
 * generation that has it is gone (slot_generation_gone).  That costs
 * nothing at the fork itself: each segment learns of it when it is next touched (epochs).
 *
 *	fork 1       slots      fork 2        fork 3    gone: 2
 *	 ###            ++       ###++        #.#++     generation 1 has ###, 3 has #.#++:
 *	                                                the slot of the dot waits for 1 alone
 *
 * From slot_map_fork to slot_map_fork_parent nothing of a map changes (frozen), since the
 * kernel copies it piece by piece: nothing is taken, and who wants to free a slot keeps it.
 *
 * The swap space is shared with other processes, a child's with its parent's: a segment belongs
 * to the process whose id stands in a shared table (slot_owner.h).  In the child all that it has
 * inherited lies in segments of others.  It reads its pages there and counts them; when none is left it
 * says so, and when it is the last that reads there, and the owner is gone, the segment becomes its own.  So
 * generations follow one another for ever in one swap space.  What is ours is known by the map
 * itself: the table can be written by all of them, so a segment that it says is to be had may be one that
 * we have.
 *
 * A segment's way:
 *
 *	        ┌──────all read─── SEGMENT_FOREIGN ──owner gone, no other reader──┐
 *	        ▼                         ▲                                       │
 *	   SEGMENT_NONE               in a child                                  │
 *	        │ ▲                       │                                       │
 *	      claimed                SEGMENT_LISTED ◀─────────────────────────────┘
 *	        │ │                    ▲      │
 *	        └─┼────────────────────┘   slot_punchable: it is all free
 *	          │                           ▼
 *	          └──slot_punched──── SEGMENT_PUNCHING ──to be kept──▶ SEGMENT_CLEAN, used again
 *
 * Invariant: a segment that is SEGMENT_LISTED is in the list of its fullness,
 * taken is the number of bits set in its used; deferred is a part of used, and
 * of what a living generation reads (once the segment's epoch is the map's).
 * Locking: (S) the map's lock, a leaf; application threads take it only in
 * guard_call.
 */
#ifndef SPILL_SLOT_H
#define SPILL_SLOT_H

#include "base/lock.h"
#include "store/slot_owner.h"

/* 1 MiB with pages of 4096 bytes: file systems give back pieces of 256 KiB and
 * more well.  Larger ones do little for the runs (mean run with a space of twice
 * the data: 64 slots 4.6, 256 5.8, 1024 6.3), and become free more rarely. */
#define SEGMENT_SLOTS 256
#define SEGMENT_WORDS (SEGMENT_SLOTS / 64)

/* One list for each number of slots taken, and one for SEGMENT_CLEAN. */
#define SEGMENT_LIST_CLEAN (SEGMENT_SLOTS + 1)
#define SEGMENT_LISTS (SEGMENT_SLOTS + 2)

enum segment_state {
	SEGMENT_NONE = 0, /* not ours, and nothing of ours in it: nothing else is valid */
	SEGMENT_LISTED,	  /* ours: in the list of its fullness */
	SEGMENT_PUNCHING, /* ours: all free, the caller gives its blocks back */
	SEGMENT_CLEAN,	  /* ours: all free and punched, as good as a fresh one */
	SEGMENT_FOREIGN,  /* inherited: pages of ours lie in it */
};

/* Generations of children that are told apart: a bit for each in a word. */
#define GENERATIONS 32

struct segment {
	uint64_t used[SEGMENT_WORDS];	  /* (S) FOREIGN: by us, and what is retired */
	uint64_t deferred[SEGMENT_WORDS]; /* (S) */
	uint32_t next, prev;		  /* (S) in its list */
	uint32_t next_deferred;		  /* (S) in the list of those with deferred slots */
	uint32_t epoch;			  /* (S) of the map, when it was last touched */
	uint16_t taken;			  /* (S) bits set in used */
	uint16_t live;			  /* (S) of these, neither deferred nor retired */
	uint8_t state;			  /* (S) enum segment_state */
	bool has_deferred;		  /* (S) in the list of deferred */
};

/* Children of one fork or of several. */
struct generation {
	uint64_t (*reads)[SEGMENT_WORDS]; /* (S) for each segment, what they read of it, as far as
					     it was touched since; NULL: all, there was no memory */
	uint32_t epoch;			  /* (S) of the latest fork */
};

struct slot_map {
	struct lock lock;
	struct segment *segments;	       /* (S) a table of its own mapping, limit entries */
	struct owner owner;		       /* our part in the shared table */
	uint32_t segment_limit;		       /* most segments */
	uint32_t fresh_limit;		       /* (S) fresh segments are taken below this one */
	uint32_t segment_count;		       /* (S) behind the last that was ever used */
	uint32_t current;		       /* (S) the segment being filled, or NO_SEGMENT */
	uint32_t cursor;		       /* (S) in it: swept up to here */
	uint32_t epoch;			       /* (S) advanced by each fork */
	uint32_t born;			       /* the epoch in which our process began */
	uint32_t deferred;		       /* (S) first segment with deferred slots */
	_Atomic uint32_t lists[SEGMENT_LISTS]; /* (S) heads */
	uint64_t filled[SEGMENT_WORDS];	       /* (S) a bit for each of the lists 0 to
					   SEGMENT_SLOTS - 1 that is not empty */
	struct generation generation[GENERATIONS]; /* (S) */
	uint32_t living;			   /* (S) a bit for each of them that is not gone */
	uint32_t owner_hint;			   /* (S) where to look for a free segment */
	_Atomic uint64_t retired_slots;		   /* (S) of used_slots: never freed */
	_Atomic uint32_t owned;			   /* segments of ours */
	bool frozen;				   /* (S) a fork is under way */
	_Atomic uint64_t sought;		   /* sys_now() of the latest look for the dead */
	_Atomic uint64_t used_slots;	 /* ours: taken, deferred and retired ones included;
						  and what we read of others */
	_Atomic uint64_t deferred_slots; /* of these: freed, but maybe a child reads them */
};

/* -- slot_map.c: a map is made, limited and freed ------------------------------------ */

/* slots: how many the space may hold (rounded down to whole segments).  owners_fd: the memfd of the
 * shared table (slot_owners_create), which stays the caller's.  0 or -errno. */
int slot_map_init(struct slot_map *map, uint64_t slots, int owners_fd);

/* Gives the table back, and our segments to the other processes: at once, or when no child reads
 * them any more. */
void slot_map_free(struct slot_map *map);

/* A memfd for the owners of that many slots (fd.h), or -errno. */
int slot_owners_create(uint64_t slots);

/* Fresh segments are taken only below slots from now on (at first: anywhere), for a file that grows
 * by steps.  Segments that are used already stay. */
void slot_map_limit(struct slot_map *map, uint64_t slots);

/* The same, where it is below. */
void slot_map_raise(struct slot_map *map, uint64_t slots);

/* The slots before the end of the last segment that any process has used. */
uint64_t slot_map_reach(const struct slot_map *map);

/* Checks the invariants; aborts by assert.  For tests and debug builds. */
void slot_map_check(struct slot_map *map);

/* -- slot.c: runs of slots are taken and given back -------------------------------------- */

/* Takes a run of up to want adjacent slots, as long a one as the segment being filled has next.
 * Gives its length (>= 1) and first slot, or -ENOSPC: no slot is free. */
int slot_alloc(struct slot_map *map, unsigned want, uint64_t *ret_first);

/* Gives [first, first + n) back (or notes it, see above).  The run may span segments.  Calls
 * nothing; what became free is seen by slot_punchable.  false: a fork is under way, and nothing was
 * done. */
bool slot_free(struct slot_map *map, uint64_t first, unsigned n);

/* Marks slots that cannot be written: they are taken, and are never handed out again. */
void slot_retire(struct slot_map *map, uint64_t first, unsigned n);

/* -- slot_supply.c: where segments come from, and where they go ------------------------------ */

/* One more segment is ours, though nothing is in it yet: true and its first slot.  Slots of ours
 * can be had later, whatever others take. */
bool slot_claim(struct slot_map *map, uint64_t *ret_first);

/* The slots of our segments that can hold something, now or when it is freed. */
uint64_t slots_owned(const struct slot_map *map);

/* A segment that is all free now and was not reported since it last became so, for giving its
 * blocks back to the file system: true and its first slot.  The slots of it are kept out of use
 * until slot_punched. */
bool slot_punchable(struct slot_map *map, uint64_t *ret_first);

/* keep: it stays ours in a shared space too. */
void slot_punched(struct slot_map *map, uint64_t first, bool keep);

/* Is there one, as far as can be seen without the lock? */
bool slot_is_punchable(const struct slot_map *map);

/* -- slot_fork.c: what a fork's children may read ---------------------------------------------- */

/* A fork is about to happen, whose child joins (or begins, if it is not living) this generation: it
 * reads all slots that are used now.  The map is frozen. */
void slot_map_fork(struct slot_map *map, unsigned generation);

/* It has happened, or failed. */
void slot_map_fork_parent(struct slot_map *map);

/* In the child: it owns nothing of this map, and has no children.  Maybe another thread held its
 * lock. */
void slot_map_fork_child(struct slot_map *map);

/* No child of that generation is left, nor of theirs: what was deferred for it alone is free. */
void slot_generation_gone(struct slot_map *map, unsigned generation);

#endif
