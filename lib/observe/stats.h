/* SPDX-License-Identifier: MIT */
/* stats.h - the counters of a pager, published
 *
 * observe/ is the room for what others see of a pager: counters, recordings, and questions and
 * orders from outside.  It includes base/, command/, kernel/, store/ and pages/.
 *
 * The counters lie in a slot of a memfd.  Whoever may open /proc/PID/fd of the process can read
 * them: its own user, and root.  Under `spill run` the launcher makes the memfd and every process
 * of the command inherits it (command.h).  A pager claims a slot when it arms; its counts remain
 * there even if its process is killed.  Without a launcher a pager makes a memfd of its own, with
 * one slot.  If that fails, the counters are private memory of the process.
 *
 *	memfd   [header and gone][slot 0][slot 1] ... [slot 1023]
 *		 taken -------------------^ the next to be claimed
 *
 * Once all slots have been claimed, a slot is reused if its pager was closed or its process has
 * ended.  What it counted is in gone by then, the sum over all pagers that are gone.
 * spill-stats(5) describes the format for other programs.
 *
 * The processes of a command may have different rights, and each can write all of the memfd.  So
 * can anybody who makes one for others to find: it is input.  What a pager must know of its slot is
 * in memory of its own (struct stats_seat).  Whatever the header says, no index leaves what is
 * mapped.  A memfd that could be shrunk is not accepted.
 *
 * Locking: none; every field is atomic, and exact by itself.  Any thread of the pager may advance
 * counters; one thread at a time writes gauges.  A slot belongs to whoever put its mark there.
 */
#ifndef SPILL_STATS_H
#define SPILL_STATS_H

#include "observe/latency.h"
#include "spill.h"
#include "observe/steering.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The names are those of struct spill_stats, which explains them.  The same lists make the struct,
 * its sums, and the keys of --json. */
#define STATS_COUNTERS(X)    \
	X(faults_zero)       \
	X(faults_soft)       \
	X(faults_major)      \
	X(faults_other)      \
	X(pages_zeroed)      \
	X(pages_read)        \
	X(pages_evicted)     \
	X(pages_clean)       \
	X(bytes_read)        \
	X(bytes_written)     \
	X(reads)             \
	X(writes)            \
	X(read_errors)       \
	X(write_errors)      \
	X(pages_poisoned)    \
	X(read_time)         \
	X(write_time)        \
	X(pages_unread)      \
	X(faults_compressed) \
	X(pages_compressed)  \
	X(pages_passed)      \
	X(bytes_packed)

/* The pager writes these now and then. */
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
	X(armed)        \
	X(compressed)   \
	X(compressed_size)

/* What the pager chose (ways.h, judge.h): from how many pages of a run on it moves them, rather than
 * copying, to a tray, back from it, and in when they are read (0: never); whether handlers spin; how
 * many of them watch for faults. */
#define STATS_CHOICES(X) \
	X(move_out)      \
	X(move_back)     \
	X(move_in)       \
	X(spinning)      \
	X(on_duty)

/* How faults were served.  A latency is the time from when a handler saw the fault until the page
 * was there. */
enum latency_kind { LATENCY_ZERO, LATENCY_SOFT, LATENCY_MAJOR, LATENCY_COMPRESSED, LATENCY_KINDS };

struct stats {
#define STATS_FIELD(name) _Atomic uint64_t name;
	STATS_COUNTERS(STATS_FIELD)
	STATS_GAUGES(STATS_FIELD)
	_Atomic uint64_t unmanaged_peak; /* bytes, a gauge: peak private memory besides held */
	STATS_CHOICES(STATS_FIELD)
	struct latency latency[LATENCY_KINDS];
#undef STATS_FIELD
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

/* Raises a peak; any thread may. */
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
	struct stats_table *table; /* NULL: private memory of the process */
	uint32_t place;		   /* the slot's number in the table */
	int fd, bell;		   /* of a table of its own, and of its bell; else -1 */
};

/* A zeroed slot for a pager of this process: one of the command's, or one in a memfd of its own, or
 * a private one.  false: no memory, and *ret_seat is unchanged.  Calls no malloc; any thread may
 * call it. */
bool stats_claim(struct stats_seat *ret_seat);

/* Always a private one. */
bool stats_private(struct stats_seat *ret_seat);

/* In a fork's child, for each seat of the parent's: replaces it by a zeroed one of the child's own.
 * The child must not touch the old one any more.  false: no memory. */
bool stats_fork(struct stats_seat *seat);

/* In the memfd of a command, the counts stay.  A zeroed seat is ignored. */
void stats_release(const struct stats_seat *seat);

/* The orders for the pagers of the seat's table; NULL: the seat is private. */
struct steering *stats_steering(const struct stats_seat *seat);
/* A descriptor that hears when the orders have changed, and that the caller closes; or -errno. */
int stats_listen(const struct stats_seat *seat);

/* How long threads waited for faults of this kind, in ns. */
uint64_t stats_waited(const struct stats *stats, enum latency_kind kind);

/* Adds counters and gauges, and the sums over the histograms. */
void stats_add_public(struct spill_stats *sum, const struct stats *stats);

/* -- the memfd ------------------------------------------------------------------- */

#define STATS_NAME "spill-stats"
#define STATS_MAGIC UINT64_C(0x367461747370730a) /* "\nspstat6": includes the version */
#define STATS_SLOTS 1024

struct stats_slot {
	_Atomic uint64_t mark;	/* its owner (process.h), set when the rest is valid; 0: nobody */
	_Atomic uint64_t since; /* ns, CLOCK_MONOTONIC: when it was claimed */
	char comm[16];		/* the name of the process then */
	uint32_t reserved[4];
	struct stats stats;
} __attribute__((aligned(64)));

#define STATS_CHANGING UINT64_MAX /* a mark: the slot is changing hands */

struct stats_table {
	uint64_t magic;
	uint32_t slot_size;	 /* sizeof(struct stats_slot) in this version */
	uint32_t slots;		 /* STATS_SLOTS, or 1 */
	_Atomic uint32_t taken;	 /* slots from here on were never claimed */
	_Atomic uint32_t closed; /* how many pagers gone covers */
	_Atomic uint32_t missed; /* how many pagers found no slot */
	uint32_t first;		 /* bytes: where the slots begin */
	struct stats gone;	 /* counters: sums; gauges: the highest of any */
	struct steering steering;
	struct stats_slot slot[];
};

/* Makes the memfd of a command, close-on-exec, whose processes hear this bell, and maps it as
 * *ret_table.  Returns its descriptor or -errno. */
int stats_table_create(int bell, struct stats_table **ret_table);

/* Maps a memfd of this version, with room for STATS_SLOTS whatever its size and header say.  NULL:
 * it is no such memfd, or there is no memory. */
struct stats_table *stats_table_map(int fd, bool writable);
void stats_table_unmap(struct stats_table *table);

/* For pagers one after the other: adds counters, and raises gauges to the higher value. */
void stats_fold(struct stats *sum, const struct stats *stats);
/* For pagers side by side: adds counters and gauges. */
void stats_add(struct stats *sum, const struct stats *stats);
void stats_add_counters(struct stats *sum, const struct stats *stats);

/* How many slots were ever claimed.  Those after them take no memory as long as nobody looks at
 * them. */
uint32_t stats_table_taken(const struct stats_table *table);
/* Adds the slots of the process with this mark (sum NULL: only looks); false: it has none. */
bool stats_table_add(const struct stats_table *table, uint64_t mark, struct stats *sum);

#endif
