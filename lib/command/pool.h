/* SPDX-License-Identifier: MIT */
/* pool.h - the budget of a command, and what each of its processes has of it
 *
 * A memfd that the launcher made and every process of the command inherits:
 *
 *	[total][entry 0][entry 1] ... [entry POOL_ENTRIES - 1]
 *		mark, granted, outside, wanted, ...
 *
 * A process holds no more frames than its entry grants.  What the command has besides
 * (stacks, small heaps, mappings that are not managed) is measured now and then, and counts
 * too: the sum over all entries of granted and outside is to be no more than the total.
 *
 * What processes share since a fork counts once.  For frames see share.h; of what is outside
 * each has its proportional part (PSS), which costs more to ask for: small processes are
 * asked, a few at a time, and between two times what they share is taken to be the same.
 *
 *	sum of granted + outside  >=  sum of (held - overlap) + (anonymous - held - shared)
 *				  >=  sum of PSS	as  shared <= anonymous - PSS - overlap
 *
 * Nobody waits for anybody: a process adds to its own entry, sums all of them, and takes
 * the addition back if the sum is too large.  So of two that take at once at least one sees
 * both.  A process that is killed leaves its entry as it is, until somebody finds that
 * there is no process of that mark any more.
 *
 * All of this any process of the command can write, and they may have different rights: it is
 * input.  So each word is read once, and what is read is brought within its bounds: no index leaves
 * the table, and no sum overflows.  What one process can do to others by it is to make them keep
 * more or less memory than they should.
 *
 * Invariant: granted changes only by who has the mark (and by who clears the entry of a
 * dead one).
 * Locking: none; every word is atomic.
 */
#ifndef SPILL_POOL_H
#define SPILL_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Processes that live at the same time. */
#define POOL_ENTRIES 4096

#define POOL_NAME "spill-budget"

struct pool_entry {
	_Alignas(64) _Atomic uint64_t mark; /* whose it is (process.h), or 0 */
	_Atomic int64_t granted;	    /* frames that it may hold */
	_Atomic int64_t held;		    /* frames that it holds, when it last said so */
	_Atomic int64_t outside;  /* frames that it has besides, when somebody last looked */
	_Atomic int64_t shared;	  /* frames of those that count in its relatives' entries */
	_Atomic int64_t overlap;  /* frames that it holds without a grant: a relative's (share.h) */
	_Atomic int64_t wanted;	  /* frames that it lacks */
	_Atomic uint64_t active;  /* ns: until then its frames count as in use */
	_Atomic uint64_t given;	  /* frames that it gave up, ever */
	_Atomic uint32_t claims;  /* how often the entry was claimed: more after an exec */
	_Atomic uint32_t related; /* it has forked, or was forked, since */
};

struct pool {
	_Atomic int64_t total;	   /* frames */
	_Atomic uint32_t entries;  /* those from here on were never claimed */
	_Atomic uint32_t told;	   /* bits: what is not paged is more than the total; it was said */
	_Atomic uint64_t measured; /* ns: when outside was last brought up to date */
	_Atomic uint32_t looked;   /* the entry whose shared was last brought up to date */
	struct pool_entry entry[POOL_ENTRIES];
};

/* For the launcher: makes the memfd, close-on-exec; its descriptor or -errno. */
int pool_create(int64_t total);
/* Maps it; NULL: no memory, or it is not one. */
struct pool *pool_map(int fd);
void pool_unmap(struct pool *pool);

/* Whatever is in the word, as a number of frames: from 0 to as many as can be added up. */
#define POOL_FRAMES_MAX (INT64_C(1) << 44)
static inline int64_t pool_frames(const _Atomic int64_t *word)
{
	int64_t frames = atomic_load(word);

	return frames < 0 ? 0 : frames < POOL_FRAMES_MAX ? frames : POOL_FRAMES_MAX;
}

/* The total, in frames; how many entries were ever claimed. */
int64_t pool_total(const struct pool *pool);
uint32_t pool_entries(const struct pool *pool);

/* An entry for the process of that mark, all zeros: the one that it had before an exec, or
 * another.  NULL: there is none left. */
struct pool_entry *pool_claim(struct pool *pool, uint64_t mark);

/* What is granted and outside; what is held, with what is outside; what is left of the total. */
int64_t pool_sum(const struct pool *pool);
int64_t pool_held(const struct pool *pool);
int64_t pool_left(const struct pool *pool);

/* Grants so many frames more to ours; false: there are not so many. */
bool pool_take(struct pool *pool, struct pool_entry *ours, int64_t frames);

/* Clears the entries of processes that are gone; whether there were any. */
bool pool_sweep(struct pool *pool);

/* What those want that are active, other than ours, and how many are active with ours. */
struct pool_need {
	int64_t wanted;
	unsigned active;
	int64_t managed; /* the total less what is outside */
};
struct pool_need pool_need(const struct pool *pool, const struct pool_entry *ours, uint64_t now);

/* Looks what each process has outside, and at some of them for what they share; the sum.  If that
 * alone is more than the total, one process says so, once. */
int64_t pool_measure(struct pool *pool);

/* Says so, once, if a process's shared memory alone is more than the total; of any process. */
void pool_look_for_shared(struct pool *pool, uint32_t pid);
void pool_look_for_all_shared(struct pool *pool);

#endif
