/* SPDX-License-Identifier: MIT */
/* pool.h - the budget of a command, and each process's part of it
 *
 * A memfd that the launcher makes and every process of the command inherits:
 *
 *	[total][entry 0][entry 1] ... [entry POOL_ENTRIES - 1]
 *		mark, granted, outside, wanted, ...
 *
 * A process holds no more frames than its entry grants.  The command's other memory (stacks, small
 * heaps, unmanaged mappings) is measured now and then, and counts too: the sum over all entries of
 * granted and outside should not exceed the total.
 *
 * What processes share since a fork counts once.  For frames see share.h.  For what is outside,
 * each process counts its proportional part (PSS), which is costlier to ask for.  So only small
 * processes are asked, a few at a time; until a process is asked again, what it shares is assumed
 * not to change.
 *
 *	sum of granted + outside  >=  sum of (held - overlap) + (anonymous - held - shared)
 *				  >=  sum of PSS	as  shared <= anonymous - PSS - overlap
 *
 * Nobody waits for anybody: a process adds to its own entry, sums all of them, and takes the
 * addition back if the sum is too large.  So if two take at once, at least one sees both.  The
 * entry of a killed process stays as it is until somebody finds that no process has its mark any
 * more.
 *
 * Any process of the command can write all of this, and they may have different rights: it is
 * input.  So each word is read once, and its value is clamped: no index leaves the table, and no
 * sum overflows.  The worst that one process can do to others is to make them keep more or less
 * memory than they should.
 *
 * Invariant: only the process with the mark changes granted (and whoever clears the entry of a dead
 * one).
 * Locking: none; every word is atomic.
 */
#ifndef SPILL_POOL_H
#define SPILL_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* How many processes may live at the same time. */
#define POOL_ENTRIES 4096

#define POOL_NAME "spill-budget"

struct pool_entry {
	_Alignas(64) _Atomic uint64_t mark; /* of its owner (process.h), or 0 */
	_Atomic int64_t granted;	    /* frames that it may hold */
	_Atomic int64_t held;		    /* frames that it holds, when it last said so */
	_Atomic int64_t outside;  /* frames that it has besides, when somebody last looked */
	_Atomic int64_t shared;	  /* frames besides that its relatives' entries count */
	_Atomic int64_t overlap;  /* frames that it holds without a grant: a relative's (share.h) */
	_Atomic int64_t wanted;	  /* frames that it lacks */
	_Atomic uint64_t active;  /* ns: its frames count as in use until then */
	_Atomic uint64_t given;	  /* frames that it has ever given up */
	_Atomic uint32_t claims;  /* how often the entry was claimed: again after each exec */
	_Atomic uint32_t related; /* it has forked since, or was itself forked */
};

struct pool {
	_Atomic int64_t total;	  /* frames */
	_Atomic uint32_t entries; /* entries from here on were never claimed */
	_Atomic uint32_t told; /* bits: which warnings were printed (TOLD_OUTSIDE, TOLD_SHARED) */
	_Atomic uint64_t measured; /* ns: when outside was last brought up to date */
	_Atomic uint32_t looked;   /* the entry whose shared was last brought up to date */
	struct pool_entry entry[POOL_ENTRIES];
};

/* For the launcher: makes the memfd, close-on-exec; returns its descriptor or -errno. */
int pool_create(int64_t total);
/* Maps it; NULL: no memory, or fd is not a pool. */
struct pool *pool_map(int fd);
void pool_unmap(struct pool *pool);

/* The word's value, whatever it is, as a number of frames: at least 0, and small enough that all
 * can be added up. */
#define POOL_FRAMES_MAX (INT64_C(1) << 44)
static inline int64_t pool_frames(const _Atomic int64_t *word)
{
	int64_t frames = atomic_load(word);

	return frames < 0 ? 0 : frames < POOL_FRAMES_MAX ? frames : POOL_FRAMES_MAX;
}

/* The total, in frames; the number of entries that were ever claimed. */
int64_t pool_total(const struct pool *pool);
uint32_t pool_entries(const struct pool *pool);

/* A zeroed entry for the process with this mark: the one that it had before an exec, or another.
 * NULL: there is none left. */
struct pool_entry *pool_claim(struct pool *pool, uint64_t mark);

/* All that is granted or outside; all that is held or outside; what is left of the total. */
int64_t pool_sum(const struct pool *pool);
int64_t pool_held(const struct pool *pool);
int64_t pool_left(const struct pool *pool);

/* Grants this many more frames to ours; false: there are not that many. */
bool pool_take(struct pool *pool, struct pool_entry *ours, int64_t frames);

/* Clears the entries of processes that are gone; returns whether there were any. */
bool pool_sweep(struct pool *pool);

/* What active processes other than ours want, and how many are active, ours included. */
struct pool_need {
	int64_t wanted;
	unsigned active;
	int64_t managed; /* the total less what is outside */
};
struct pool_need pool_need(const struct pool *pool, const struct pool_entry *ours, uint64_t now);

/* Measures what each process has outside, and for some of them what they share; returns the sum of
 * what is outside.  If that alone exceeds the total, one process says so, once. */
int64_t pool_measure(struct pool *pool);

/* If a process's shared memory alone exceeds the total, says so, once per command.  The second
 * function asks about all processes. */
void pool_look_for_shared(struct pool *pool, uint32_t pid);
void pool_look_for_all_shared(struct pool *pool);

#endif
