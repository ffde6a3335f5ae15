/* SPDX-License-Identifier: MIT */
/* stats.h - the counters of a pager
 *
 * They lie in a slot of their own.  Under `spill run --stats` that is a slot of
 * a memfd which the launcher made and every process of the command inherits
 * (command.h): a pager claims the next one when it arms, and what it counted is
 * there even if its process was killed.  Without a launcher, or when all
 * slots are taken, it is memory of the process.
 *
 *	memfd   [header][slot 0][slot 1] ... [slot 1023]
 *		 taken -----------^ the next to be claimed
 *
 * Locking: none; every field is atomic, and exact by itself.  Counters may be
 * advanced by any thread of the pager, gauges are written by one at a time.
 */
#ifndef SPILL_STATS_H
#define SPILL_STATS_H

#include "spill.h"
#include <stdatomic.h>
#include <stdint.h>

/* The names are those of struct spill_stats, where they are explained; the same
 * lists make the struct, its sums, and the keys of --json. */
#define STATS_COUNTERS(X) \
	X(faults_zero)    \
	X(faults_soft)    \
	X(faults_major)   \
	X(faults_other)   \
	X(pages_zeroed)   \
	X(pages_read)     \
	X(pages_evicted)  \
	X(pages_clean)    \
	X(bytes_read)     \
	X(bytes_written)  \
	X(reads)          \
	X(writes)         \
	X(read_errors)    \
	X(write_errors)   \
	X(pages_poisoned)

/* Written by the pager now and then. */
#define STATS_GAUGES(X) \
	X(budget)       \
	X(held)         \
	X(peak)         \
	X(reserved)     \
	X(resident)     \
	X(cached)       \
	X(swap_used)    \
	X(swap_size)    \
	X(metadata)     \
	X(armed)

struct stats {
#define STATS_FIELD(name) _Atomic uint64_t name;
	STATS_COUNTERS(STATS_FIELD)
	STATS_GAUGES(STATS_FIELD)
#undef STATS_FIELD
	_Atomic uint64_t unmanaged_peak; /* bytes: the most private memory that
					    there ever was beside what the pager
					    held; a gauge */
};

static inline void stat_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline void stat_set(_Atomic uint64_t *gauge, uint64_t n)
{
	atomic_store_explicit(gauge, n, memory_order_relaxed);
}

static inline uint64_t stat_get(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

/* Raises a peak; by any thread. */
static inline void stat_raise(_Atomic uint64_t *peak, uint64_t n)
{
	uint64_t seen = stat_get(peak);

	while (seen < n && !atomic_compare_exchange_weak_explicit(
				   peak, &seen, n, memory_order_relaxed, memory_order_relaxed))
		;
}

/* A slot of all zeros for a pager of this process: one of the command's, else
 * private; NULL: no memory.  Calls no malloc; may be called in any thread. */
struct stats *stats_claim(void);

/* A private one, wherever we run. */
struct stats *stats_private(void);

/* In a fork's child, for each of the parent's: gives the child a slot of its
 * own, all zeros, in its stead (which the child must not touch any more);
 * NULL: no memory. */
struct stats *stats_fork(struct stats *inherited);

/* The counts of a command stay in its memfd.  NULL is ignored. */
void stats_release(struct stats *stats);

/* Fills all of ret but its size. */
void stats_to_public(const struct stats *stats, struct spill_stats *ret);

/* -- for the launcher ------------------------------------------------------------ */

#define STATS_MAGIC UINT64_C(0x317461747370730a) /* "\nspstat1" */
#define STATS_SLOTS 1024

struct stats_slot {
	_Atomic uint32_t pid; /* 0: not claimed; set when the rest is valid */
	uint32_t place;	      /* in the table, or STATS_PRIVATE */
	char comm[16];	      /* the name of the process when its pager armed */
	struct stats stats;
} __attribute__((aligned(64)));

#define STATS_PRIVATE UINT32_MAX

struct stats_table {
	uint64_t magic;
	uint32_t slot_size;	/* sizeof(struct stats_slot): this version's */
	uint32_t slots;		/* STATS_SLOTS */
	_Atomic uint32_t taken; /* how many were asked for; may be above slots */
	struct stats_slot slot[STATS_SLOTS];
};

/* Makes the memfd, close-on-exec; ret_table is it, mapped.  Its descriptor or
 * -errno. */
int stats_table_create(struct stats_table **ret_table);

#endif
