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
 *	old       of these: taken before the latest fork (may be read by a child)
 *	deferred  of old: freed since, but a child may still read it
 *
 * A slot is free, used by one page, or retired after a failed write (used for
 * ever).  After slot_map_fork the slots that were used then are "old": freeing
 * one only notes it, until slot_map_fork_done tells that no child is left.
 * That costs nothing at the fork itself: each segment learns of it when it is
 * next touched (epochs).
 *
 * In the child the inherited map is read-only (slot_map_fork_child): it only
 * counts how many of the inherited slots the child still has.  What the child
 * writes goes to a map of its own.
 *
 * A segment's way:
 *
 *	   SEGMENT_NONE ──first use──▶ SEGMENT_LISTED ◀──used again── SEGMENT_CLEAN
 *	        ▲                            │                             ▲
 *	        │                     slot_punchable: it                   │
 *	  slot_punched: to              is all free                   slot_punched
 *	 whoever claims it                   ▼                             │
 *	        └──────shared space── SEGMENT_PUNCHING ──space of our own──┘
 *
 * A map may share its swap space with other processes of the same command
 * (named swap).  Then a segment belongs to the process whose mark stands in a
 * shared table of owners (slot_owner.h), and it is given back when it has been
 * punched.  What is ours is known by the map itself: the table can be written by all of
 * them, so a segment that it says is to be had may be one that we have.
 *
 * Invariant: a segment that is SEGMENT_LISTED is in the list of its fullness,
 * taken is the number of bits set in its used; deferred is a part of old, old
 * of used (once the segment's epoch is the map's).
 * Locking: (S) the map's lock, a leaf; application threads take it only in
 * guard_call.
 */
#ifndef SPILL_SLOT_H
#define SPILL_SLOT_H

#include "lock.h"
#include "slot_owner.h"

/* 1 MiB with pages of 4096 bytes: file systems give back pieces of 256 KiB and
 * more well.  Larger ones do little for the runs (mean run with a space of twice
 * the data: 64 slots 4.6, 256 5.8, 1024 6.3), and become free more rarely. */
#define SEGMENT_SLOTS 256
#define SEGMENT_WORDS (SEGMENT_SLOTS / 64)

/* One list for each number of slots taken, and one for SEGMENT_CLEAN. */
#define SEGMENT_LIST_CLEAN (SEGMENT_SLOTS + 1)
#define SEGMENT_LISTS (SEGMENT_SLOTS + 2)

enum segment_state {
	SEGMENT_NONE = 0, /* never used, or given back: nothing else is valid */
	SEGMENT_LISTED,	  /* in the list of its fullness */
	SEGMENT_PUNCHING, /* all free, the caller gives its blocks back */
	SEGMENT_CLEAN,	  /* all free and punched: as good as a fresh one */
};

struct segment {
	uint64_t used[SEGMENT_WORDS];	  /* (S) */
	uint64_t old[SEGMENT_WORDS];	  /* (S) */
	uint64_t deferred[SEGMENT_WORDS]; /* (S) */
	uint32_t next, prev;		  /* (S) in its list */
	uint32_t next_deferred;		  /* (S) in the list of those with deferred slots */
	uint32_t epoch;			  /* (S) of the map, when old was last true */
	uint16_t taken;			  /* (S) bits set in used */
	uint8_t state;			  /* (S) enum segment_state */
	bool has_deferred;		  /* (S) in the list of deferred */
};

struct slot_map {
	struct lock lock;
	struct segment *segments;	       /* (S) a table of its own mapping, limit entries */
	struct slot_owners *owners;	       /* NULL: all segments are ours */
	uint64_t mark;			       /* our mark in owners */
	uint32_t segment_limit;		       /* most segments */
	uint32_t fresh_limit;		       /* (S) fresh segments are taken below this one */
	uint32_t segment_count;		       /* (S) behind the last that was ever used */
	uint32_t current;		       /* (S) the segment being filled, or NONE */
	uint32_t cursor;		       /* (S) in it: swept up to here */
	uint32_t epoch;			       /* (S) advanced by each fork and fork_done */
	uint32_t deferred;		       /* (S) first segment with deferred slots */
	_Atomic uint32_t lists[SEGMENT_LISTS]; /* (S) heads */
	uint64_t filled[SEGMENT_WORDS];	       /* (S) a bit for each of the lists 0 to
					   SEGMENT_SLOTS - 1 that is not empty */
	uint32_t owner_hint;		       /* (S) where to look for a free segment */
	_Atomic uint64_t retired_slots;	       /* (S) of used_slots: never freed */
	_Atomic uint32_t owned;		       /* segments that are not SEGMENT_NONE */
	bool forked;			       /* (S) a child may read old slots */
	bool read_only;			       /* inherited in a fork's child: only freed from */
	_Atomic uint64_t dead_time;	       /* sys_now() when none of the dead had anything */
	_Atomic uint64_t used_slots;	       /* taken, deferred and retired ones included */
	_Atomic uint64_t deferred_slots;       /* of these: freed, but maybe a child reads them */
};

/* slots: how many the space may hold (rounded down to whole segments).
 * owners: NULL, or the shared table (slot_owners_size bytes) and a mark, not 0,
 * that tells us from others: process_mark_self().
 * 0 or -ENOMEM. */
int slot_map_init(struct slot_map *map, uint64_t slots, struct slot_owners *owners, uint64_t mark);

/* Fresh segments are taken only below slots from now on (at first: anywhere),
 * for a file that grows by steps or cannot grow any more.  Segments that are
 * used already stay. */
void slot_map_limit(struct slot_map *map, uint64_t slots);

/* Gives the table back, and our segments to the other processes, unless a
 * child may still read them. */
void slot_map_free(struct slot_map *map);

/* Takes a run of up to want adjacent slots, as long a one as the segment being
 * filled has next.  Gives its length (>= 1) and first slot, or -ENOSPC: no slot
 * is free. */
int slot_alloc(struct slot_map *map, unsigned want, uint64_t *ret_first);

/* One more segment is ours, though nothing is in it yet: true and its first slot.  Slots of ours
 * can be had later, whatever others take. */
bool slot_claim(struct slot_map *map, uint64_t *ret_first);
/* The slots of our segments that can hold something, now or when it is freed. */
uint64_t slots_owned(const struct slot_map *map);

/* Gives [first, first + n) back (or notes it, see above).  The run may span
 * segments.  Calls nothing; what became free is seen by slot_punchable. */
void slot_free(struct slot_map *map, uint64_t first, unsigned n);

/* Marks slots that cannot be written: they are taken, and are never handed out
 * again. */
void slot_retire(struct slot_map *map, uint64_t first, unsigned n);

/* A segment that is all free now and was not reported since it last became
 * so, for giving its blocks back to the file system: true and its first slot.
 * The slots of it are kept out of use until slot_punched. */
bool slot_punchable(struct slot_map *map, uint64_t *ret_first);
/* keep: it stays ours in a shared space too. */
void slot_punched(struct slot_map *map, uint64_t first, bool keep);
/* Is there one, as far as can be seen without the lock? */
bool slot_is_punchable(const struct slot_map *map);

/* A fork is about to happen: all slots used now are old. */
void slot_map_fork(struct slot_map *map);
/* No child reads old slots any more (or the fork failed, and there was no
 * child): what was deferred is free. */
void slot_map_fork_done(struct slot_map *map);

/* In the child: it owns nothing of this map.  From now on slot_free is all
 * that works, and only counts used_slots down: at 0 the child needs the
 * inherited swap space no longer.  Nothing is handed out (-ENOSPC); the other
 * functions do nothing. */
void slot_map_fork_child(struct slot_map *map);

/* The bytes of a table of owners for that many slots; a memfd of that size
 * (fd.h), or -errno. */
size_t slot_owners_size(uint64_t slots);
int slot_owners_create(uint64_t slots);

/* Checks the invariants; aborts by assert.  For tests and debug builds. */
void slot_map_check(struct slot_map *map);

#endif
