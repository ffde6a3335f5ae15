/* SPDX-License-Identifier: MIT */
/* lock.h - the pager's locks
 *
 * A lock is a word in memory that is never paged: 0 free, 1 held, 2 held with waiters (Drepper,
 * "Futexes are tricky", mutex 2).  It lies in the object that it guards, uses no thread-local
 * memory and never allocates.
 *
 * First rule: a thread that holds a lock a handler may want does not touch pageable memory.
 * Handlers never touch it anyway; application threads take such locks only inside guard_call
 * (guard.h).  A debug build asserts that too, once the first handler has started: before that there
 * is nobody to wait for.
 *
 * Locks are taken in the order of their ranks; a debug build asserts it:
 *
 *	LOCK_CIPHER		cipher.c, making_lock: application threads only, where a
 *				pager is made or freed
 *	LOCK_FORK		fork.c, the list of pagers; bare_thread.c, order_lock;
 *				public.c, trial_lock: application threads only, and no
 *				two of these at a time
 *	LOCK_REGION		region.h (G): application threads only; of several pagers
 *				only by who forks
 *	  LOCK_SHARE		share.h (B): handlers try it, and wait for it to lend
 *	  LOCK_CHUNK		chunk.h (C): handlers only try it; several in the order of
 *				their addresses
 *	    LOCK_POLICY		policy.h (P), watch.h (W)	\
 *	    LOCK_ARENA		arena.h (A)			 |
 *	    LOCK_SLOT		slot.h (S)			 | leaves: held for
 *	    LOCK_SLAB		slab.h (Z)			 | a few hundred ns
 *	    LOCK_STREAM		readahead.h (R), request.h (R)	 |
 *	    LOCK_META		meta.h (M), io_threads.c (I)	/
 */
#ifndef SPILL_LOCK_H
#define SPILL_LOCK_H

#include "base/sys.h"
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

enum lock_rank {
	LOCK_CIPHER,
	LOCK_FORK,
	LOCK_REGION,
	LOCK_SHARE,
	LOCK_CHUNK,
	LOCK_POLICY,
	LOCK_ARENA,
	LOCK_SLOT,
	LOCK_SLAB,
	LOCK_STREAM,
	LOCK_META,
};

struct lock {
	_Atomic uint32_t word;
};

/* How often lock_take tries again before it sleeps: critical sections are shorter than a sleep and
 * a wake-up (about 50 us on a small VM). */
#define LOCK_SPINS 100

#ifdef SPILL_DEBUG
/* How many locks of each rank this thread holds. */
extern __thread unsigned lock_held[LOCK_META + 1] __attribute__((tls_model("initial-exec")));
/* Not 0: this thread may take locks.  It is one of ours, or inside guard_call. */
extern __thread unsigned lock_guarded __attribute__((tls_model("initial-exec")));
extern _Atomic bool lock_strict; /* this process has handlers */

static inline void lock_guard_begin(void)
{
	lock_guarded++;
}

static inline void lock_guard_end(void)
{
	lock_guarded--;
}

static inline void lock_be_strict(bool strict)
{
	lock_strict = strict;
}

static inline void lock_note_taken(enum lock_rank rank)
{
	/* Making a cipher runs foreign code; no handler wants that lock. */
	assert((lock_guarded || !lock_strict || rank == LOCK_CIPHER) && "outside of guard_call");
	for (int higher = rank; higher <= LOCK_META; higher++)
		assert((lock_held[higher] == 0 || (higher == LOCK_CHUNK && rank == LOCK_CHUNK) ||
			(higher == LOCK_REGION && rank == LOCK_REGION)) &&
		       "lock order");
	lock_held[rank]++;
}

static inline void lock_reset_held(void)
{
	for (int rank = 0; rank <= LOCK_META; rank++)
		lock_held[rank] = 0;
}

static inline void lock_note_dropped(enum lock_rank rank)
{
	assert(lock_held[rank] > 0);
	lock_held[rank]--;
}
#else
static inline void lock_reset_held(void)
{
}

static inline void lock_guard_begin(void)
{
}

static inline void lock_guard_end(void)
{
}

static inline void lock_be_strict(bool strict)
{
	(void)strict;
}

static inline void lock_note_taken(enum lock_rank rank)
{
	(void)rank;
}

static inline void lock_note_dropped(enum lock_rank rank)
{
	(void)rank;
}
#endif

static inline bool lock_try(struct lock *lock, enum lock_rank rank)
{
	uint32_t expected = 0;

	if (!atomic_compare_exchange_strong_explicit(&lock->word, &expected, 1,
						     memory_order_acquire, memory_order_relaxed))
		return false;
	lock_note_taken(rank);
	return true;
}

static inline void lock_take(struct lock *lock, enum lock_rank rank)
{
	for (int i = 0; i < LOCK_SPINS; i++)
		if (lock_try(lock, rank))
			return;
	while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
		sys_futex_wait(&lock->word, 2, NULL);
	lock_note_taken(rank);
}

static inline void lock_drop(struct lock *lock, enum lock_rank rank)
{
	lock_note_dropped(rank);
	if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
		sys_futex_wake(&lock->word, 1);
}

/* In a fork's child: nobody holds the lock here, whoever held it in the parent. */
static inline void lock_reset(struct lock *lock)
{
	atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
}

#endif
