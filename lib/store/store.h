/* SPDX-License-Identifier: MIT */
/* store.h - where pages are while they are not in memory
 *
 * This room keeps the contents of pages: put, get and free, by place.  Swap spaces (swap.h) are its
 * first kind; what comes next has a kind of place of its own.  Nobody outside of this room knows a
 * descriptor, an offset or a slot.  It includes base, command and kernel.
 *
 *	store_find ──▶ a run of places ──store_put──▶ they hold pages ──store_free──▶ free again
 *	(lane.h)                        (lane.h)        │      ▲
 *	                                                └──────┘ store_get (lane.h)
 *
 *	lane.h	a handler's way into the store: its engine (io.h), put and get
 *	swap.h	files and devices, by priority; target.h: how they are opened
 *	slot.h	which places of a file are taken, and by which process
 *	cipher.h, io_sealed.c	what is written is encrypted
 *	family.h	the children of forks that read our places
 *
 * A place is typed, so what it is to whom cannot be mixed up.  Places that were found together are
 * adjacent: one put writes them, one get reads them.
 *
 * Invariant: a place that a page's record has (chunk.h) is not found again before it is freed.
 * Locking: as swap.h; nothing here waits but where it is said.
 */
#ifndef SPILL_STORE_H
#define SPILL_STORE_H

#include "store/family.h"
#include "store/swap.h"

struct cipher;

enum place_kind {
	PLACE_NONE, /* all zeros */
	PLACE_SWAP, /* a slot of a swap space (swap.h) */
};

#define PLACE_KIND_SHIFT 62

struct place {
	uint64_t word; /* its kind, and its name there */
};

struct store {
	struct swap swap;
	struct family family;  /* what forks made of us */
	struct cipher *cipher; /* what is put is encrypted; or NULL */
};

/* In zeroed memory.  0 or -errno, and then *ret_why is set if there are words for it. */
int store_init(struct store *store, bool encrypt, const char **ret_why);
void store_destroy(struct store *store);

/* Opens all targets; strict: what was backed once stays so.  0 or -errno with *ret_why as target_open
 * has it. */
int store_open(struct store *store, const struct target_list *targets, bool strict,
	       const char **ret_why);
void store_close(struct store *store);

static inline enum place_kind place_kind(struct place place)
{
	return (enum place_kind)(place.word >> PLACE_KIND_SHIFT);
}

/* A number for people to tell it by, of its kind. */
static inline uint64_t place_number(struct place place)
{
	return place.word & ((UINT64_C(1) << PLACE_KIND_SHIFT) - 1);
}

static inline struct place place_of_slot(uint64_t slot)
{
	return (struct place){ (uint64_t)PLACE_SWAP << PLACE_KIND_SHIFT | slot };
}

/* The place n behind it, of a run. */
static inline struct place place_step(struct place place, unsigned n)
{
	return (struct place){ place.word + n };
}

/* Is one place n behind the other? */
static inline bool place_follows(struct place place, struct place other, unsigned n)
{
	return place.word - other.word == n;
}

/* false: a fork is under way, nothing was done, and the places are kept (slot.h). */
bool store_free(struct store *store, struct place place, unsigned n);
/* They could not be written: they are not found again. */
void store_retire(struct store *store, struct place place, unsigned n);

/* Does no put to where this place is come to its end, while there is somewhere else; does none to
 * anywhere?  now: ns. */
bool store_stalls(const struct store *store, struct place place, uint64_t now);
bool store_any_stalls(const struct store *store, uint64_t now);
/* What the place lies in, as a person knows it: "/var/tmp/#4711 (deleted)".  Gives name. */
const char *store_name(const struct store *store, struct place place, char *name, size_t size);

/* Places for so many bytes are this process's from now on, unless it has as many already.  0 or
 * -ENOSPC.  May block while files grow. */
int store_back(struct store *store, uint64_t bytes);

/* Looks for room again at once where there was none before that moment (ns).  false: there is none:
 * all have been asked since. */
bool store_insist(struct store *store, uint64_t since);

/* Blocks of what is free go back to the file system, some at a time.  false: there are none. */
bool store_is_tidy(const struct store *store);
void store_tidy(struct store *store);

/* Pages that find a place, now or once others are freed; exhausted: none was found lately. */
uint64_t store_capacity(const struct store *store, bool exhausted);
/* Bytes of places in use, and of files. */
uint64_t store_used(const struct store *store);
uint64_t store_size(const struct store *store);

/* Around a fork.  Nothing is put meanwhile. */
void store_fork(struct store *store);
void store_fork_parent(struct store *store);
/* In the child: it reads what its parent has put.  0 or -errno. */
int store_fork_child(struct store *store);
/* Is there a child that reads our places; and lets go what only those could read that are gone. */
bool store_has_children(const struct store *store);
void store_check_children(struct store *store);

#endif
