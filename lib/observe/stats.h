/* SPDX-License-Identifier: MIT */
/* stats.h - the counters of a pager, published
 *
 * They lie in a slot of a memfd, where whoever may open /proc/PID/fd of the process reads
 * them: its own user, and root.  Under `spill run` the launcher makes it and every process
 * of the command inherits it (command.h): a pager claims a slot when it arms, and what it
 * counted is there even if its process was killed.  Without a launcher a pager makes one for
 * itself, with one slot.  If that cannot be, they are memory of the process.
 *
 *	memfd   [header and gone][slot 0][slot 1] ... [slot 1023]
 *		 taken -------------------^ the next to be claimed
 *
 * A slot whose pager is closed, or whose process has ended when no other is left, is used
 * again: what it had is added to that of the pagers that are gone.  spill-stats(5) describes
 * it all for other programs.
 *
 * The processes of a command may have different rights, and each can write all of the memfd, as
 * can whoever made one for others to find: it is input.  What a pager has to know of its slot is
 * in memory of its own (struct stats_seat); whatever the header says, no index leaves what is
 * mapped; and a memfd that could be made smaller is none of ours.
 *
 * Locking: none; every field is atomic, and exact by itself.  Counters may be
 * advanced by any thread of the pager, gauges are written by one at a time.  A slot belongs to
 * who has put its mark there.
 */
#ifndef SPILL_STATS_H
#define SPILL_STATS_H

#include "observe/latency.h"
#include "spill.h"
#include "observe/steering.h"
#include <stdatomic.h>
#include <stdbool.h>
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
	X(pages_poisoned) \
	X(read_time)      \
	X(write_time)

/* Written by the pager now and then. */
#define STATS_GAUGES(X) \
	X(budget)       \
	X(held)         \
	X(peak)         \
	X(reserved)     \
	X(resident)     \
	X(cached)       \
	X(swapped)      \
	X(swap_used)    \
	X(swap_size)    \
	X(metadata)     \
	X(armed)

/* Faults that took this long to be served, from when a handler saw them to when the page
 * was there. */
enum latency_kind { LATENCY_ZERO, LATENCY_SOFT, LATENCY_MAJOR, LATENCY_KINDS };

struct stats {
#define STATS_FIELD(name) _Atomic uint64_t name;
	STATS_COUNTERS(STATS_FIELD)
	STATS_GAUGES(STATS_FIELD)
#undef STATS_FIELD
	_Atomic uint64_t unmanaged_peak; /* bytes: the most private memory that
					    there ever was beside what the pager
					    held; a gauge */
	struct latency latency[LATENCY_KINDS];
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

/* A pager's slot, as the pager knows it. */
struct stats_seat {
	struct stats *stats;	   /* in the slot */
	struct stats_table *table; /* NULL: it is memory of the process */
	uint32_t place;		   /* the slot's number in the table */
	int fd, bell;		   /* of a table of its own, and of its bell; else -1 */
};

/* A slot of all zeros for a pager of this process: one of the command's, else of a memfd of its
 * own, else private; false: no memory, and *ret_seat is as it was.  Calls no malloc; may be called
 * in any thread. */
bool stats_claim(struct stats_seat *ret_seat);

/* A private one, wherever we run. */
bool stats_private(struct stats_seat *ret_seat);

/* In a fork's child, for each of the parent's: gives the child a slot of its
 * own, all zeros, in its stead (which the child must not touch any more);
 * false: no memory. */
bool stats_fork(struct stats_seat *seat);

/* What was counted stays in the memfd of a command.  One of zeros is ignored. */
void stats_release(const struct stats_seat *seat);

/* What is wanted of the pagers of its table; NULL: it is private. */
struct steering *stats_steering(const struct stats_seat *seat);
/* A descriptor that hears when that has changed, and is the caller's; or -errno. */
int stats_listen(const struct stats_seat *seat);

/* Adds counters and gauges, without the histograms. */
void stats_add_public(struct spill_stats *sum, const struct stats *stats);

/* -- the memfd ------------------------------------------------------------------- */

#define STATS_NAME "spill-stats"
#define STATS_MAGIC UINT64_C(0x337461747370730a) /* "\nspstat3": the version is in it */
#define STATS_SLOTS 1024

struct stats_slot {
	_Atomic uint64_t mark; /* whose it is (process.h), set when the rest is valid; 0: nobody's */
	_Atomic uint64_t since; /* ns, CLOCK_MONOTONIC: when it was claimed */
	char comm[16];		/* the name of the process then */
	uint32_t reserved[4];
	struct stats stats;
} __attribute__((aligned(64)));

#define STATS_CHANGING UINT64_MAX /* a mark: the slot passes from one to another */

struct stats_table {
	uint64_t magic;
	uint32_t slot_size;	 /* sizeof(struct stats_slot): this version's */
	uint32_t slots;		 /* STATS_SLOTS, or 1 */
	_Atomic uint32_t taken;	 /* slots from here on were never claimed */
	_Atomic uint32_t closed; /* pagers of which gone tells */
	_Atomic uint32_t missed; /* pagers that found no slot */
	uint32_t first;		 /* bytes: where the slots begin */
	struct stats gone;	 /* counters: sums; gauges: the most of any */
	struct steering steering;
	struct stats_slot slot[];
};

/* Makes the memfd of a command, close-on-exec, whose processes hear that bell; ret_table is it,
 * mapped.  Its descriptor or -errno. */
int stats_table_create(int bell, struct stats_table **ret_table);

/* Maps one of this version, with room for STATS_SLOTS whatever it holds and says; NULL: it is
 * none, or there is no memory. */
struct stats_table *stats_table_map(int fd, bool writable);
void stats_table_unmap(struct stats_table *table);

/* Of pagers one after the other: adds counters, and raises gauges to the most. */
void stats_fold(struct stats *sum, const struct stats *stats);
/* Of pagers side by side: adds counters, and gauges. */
void stats_add(struct stats *sum, const struct stats *stats);
void stats_add_counters(struct stats *sum, const struct stats *stats);

/* How many slots were ever claimed: those behind take no memory as long as nobody looks at them. */
uint32_t stats_table_taken(const struct stats_table *table);
/* Adds the slots of the process of that mark (sum: NULL: looks only); false: it has none. */
bool stats_table_add(const struct stats_table *table, uint64_t mark, struct stats *sum);

#endif
