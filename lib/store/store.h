/* SPDX-License-Identifier: MIT */
/* store.h - where pages are while they are not in memory
 *
 * store/ keeps the contents of pages: put, get and free, by place.  Swap spaces (swap.h) have one
 * kind of place, and the compressed store another.  No other room knows a descriptor, an offset or a
 * slot.  The room includes base, command and kernel, and is included from pages upward.
 *
 *	lane_find ──▶ a run of places ──lane_put──▶ they hold pages ──store_free──▶ free again
 *	                                   │      ▲
 *	                                   └──────┘ lane_get
 *
 *	lane.h	a handler's way into the store: its engine (io.h), put and get
 *	swap.h	files and devices, by priority; target.h: how they are opened
 *	slot.h	which slots of a space are taken; slot_owner.h: by which process
 *	cipher.h, io_sealed.c	encryption of what is written
 *	compressed.h	the compressed store, in frames of the budget: codec.h, slab.h.  A page can
 *		be there and in swap space, so its places there are of a type of their own
 *	family.h	the children of forks that read our places
 *
 * A place carries its kind, so places of two kinds cannot be mixed up.  Places that were found
 * together are adjacent: one put writes them, one get reads them.
 *
 * Invariant: a place that a page's record holds (chunk.h) is not found again before it is freed.
 * Locking: as swap.h; nothing here waits unless it says so.
 */
#ifndef SPILL_STORE_H
#define SPILL_STORE_H

#include "store/compressed.h"
#include "store/family.h"
#include "store/swap.h"

struct cipher;

enum place_kind {
	PLACE_NONE, /* all zeros */
	PLACE_SWAP, /* a slot of a swap space (swap.h) */
};

#define PLACE_KIND_SHIFT 62

struct place {
	uint64_t word; /* the kind, and the name within that kind */
};

struct store {
	struct swap swap;
	struct compressed compressed; /* open once the pager is armed, if it is wanted */
	struct family family;	      /* forks: which children read our places */
	struct cipher *cipher;	      /* encrypts what is put; or NULL */
};

/* The store must be zeroed.  0 or -errno; on failure *ret_why may be set to a reason for people. */
int store_init(struct store *store, bool encrypt, const char **ret_why);
void store_destroy(struct store *store);

/* Opens all targets.  strict: space that was backed once stays backed.  0, or -errno with *ret_why
 * set as by target_open. */
int store_open(struct store *store, const struct target_list *targets, bool strict,
	       const char **ret_why);
void store_close(struct store *store);

static inline enum place_kind place_kind(struct place place)
{
	return (enum place_kind)(place.word >> PLACE_KIND_SHIFT);
}

/* The name within the kind: a number by which people can tell places apart. */
static inline uint64_t place_number(struct place place)
{
	return place.word & ((UINT64_C(1) << PLACE_KIND_SHIFT) - 1);
}

static inline struct place place_of_slot(uint64_t slot)
{
	return (struct place){ (uint64_t)PLACE_SWAP << PLACE_KIND_SHIFT | slot };
}

/* The place n further on in the same run. */
static inline struct place place_step(struct place place, unsigned n)
{
	return (struct place){ place.word + n };
}

/* Is place exactly n after other? */
static inline bool place_follows(struct place place, struct place other, unsigned n)
{
	return place.word - other.word == n;
}

/* false: a fork is under way; nothing was done, and the caller keeps the places (slot.h). */
bool store_free(struct store *store, struct place place, unsigned n);
/* Writing them failed: these places are never found again. */
void store_retire(struct store *store, struct place place, unsigned n);

/* Has no put completed for a while, in the space of this place (false if there is no other space),
 * or in any?  now: ns. */
bool store_stalls(const struct store *store, struct place place, uint64_t now);
bool store_any_stalls(const struct store *store, uint64_t now);
/* Writes into name what holds the place, as a person knows it ("/var/tmp/#4711 (deleted)"), and
 * returns it. */
const char *store_name(const struct store *store, struct place place, char *name, size_t size);

/* From now on this process has places for this many bytes, unless it already has as many.  0 or
 * -ENOSPC.  May block while files grow. */
int store_back(struct store *store, uint64_t bytes);

/* Spaces that were full before this moment (ns) are asked for room again at once.  false: there are
 * none; all have been asked since. */
bool store_insist(struct store *store, uint64_t since);

/* store_tidy gives the blocks of some free places back to the file system; store_is_tidy: there are
 * none to give. */
bool store_is_tidy(const struct store *store);
void store_tidy(struct store *store);

/* Pages that can have a place, now or once others are freed.  exhausted: lately none was found. */
uint64_t store_capacity(const struct store *store, bool exhausted);
/* Bytes of places in use; bytes of all files. */
uint64_t store_used(const struct store *store);
uint64_t store_size(const struct store *store);

/* Around a fork.  Nothing may be put between the two. */
void store_fork(struct store *store);
void store_fork_parent(struct store *store);
/* In the child, which reads what its parent has put.  0 or -errno. */
int store_fork_child(struct store *store);
/* Is there a child that reads our places?  The second function releases what only children that are
 * gone could read. */
bool store_has_children(const struct store *store);
void store_check_children(struct store *store);

#endif
