/* SPDX-License-Identifier: MIT */
/* stats.c - the counters of a pager: see stats.h */
#include "observe/stats.h"
#include "command/bell.h"
#include "command/command.h"
#include "base/fd.h"
#include "base/meta.h"
#include "base/process.h"
#include "base/sys.h"
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

static struct stats_slot *slot_of(struct stats *stats)
{
	return (struct stats_slot *)((uintptr_t)stats - offsetof(struct stats_slot, stats));
}

/* -- slots ----------------------------------------------------------------------- */

/* The caller owns the slot exclusively. */
static struct stats *slot_claim(struct stats_slot *slot)
{
	memset(&slot->stats, 0, sizeof(slot->stats));
	slot->since = sys_now();
	process_name_self(slot->comm);
	atomic_store_explicit(&slot->mark, process_mark_self(), memory_order_release);
	return &slot->stats;
}

bool stats_private(struct stats_seat *ret_seat)
{
	struct stats_slot *slot = meta_map(sizeof(*slot));

	if (slot)
		*ret_seat = (struct stats_seat){ slot_claim(slot), NULL, 0, -1, -1 };
	return slot != NULL;
}

#define ADD(name) stat_add(&sum->name, stat_get(&stats->name));
#define RAISE(name) stat_raise(&sum->name, stat_get(&stats->name));

void stats_add_counters(struct stats *sum, const struct stats *stats)
{
	STATS_COUNTERS(ADD)
	for (unsigned kind = 0; kind < LATENCY_KINDS; kind++)
		for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
			ADD(latency[kind].bucket[i])
}

void stats_add(struct stats *sum, const struct stats *stats)
{
	stats_add_counters(sum, stats);
	STATS_GAUGES(ADD)
	ADD(unmanaged_peak)
	STATS_CHOICES(RAISE)
}

void stats_fold(struct stats *sum, const struct stats *stats)
{
	stats_add_counters(sum, stats);
	STATS_GAUGES(RAISE)
	RAISE(unmanaged_peak)
	STATS_CHOICES(RAISE)
}

#undef RAISE
#undef ADD

/* Takes a slot from the pager with this mark, which is gone; false: somebody else did. */
static bool bury(struct stats_table *table, struct stats_slot *slot, uint64_t mark)
{
	if (!atomic_compare_exchange_strong(&slot->mark, &mark, STATS_CHANGING))
		return false;
	stats_fold(&table->gone, &slot->stats);
	atomic_fetch_add(&table->closed, 1);
	return true;
}

/* -- tables ----------------------------------------------------------------------- */

static size_t table_size(uint32_t slots)
{
	return sizeof(struct stats_table) + slots * sizeof(struct stats_slot);
}

/* Returns the table mapped, and its descriptor in *ret_fd; NULL: *ret_fd is -errno. */
static struct stats_table *create(uint32_t slots, int bell, int *ret_fd)
{
	int fd = fd_memory(STATS_NAME, table_size(slots));
	struct stats_table *table;

	*ret_fd = fd;
	if (fd < 0)
		return NULL;
	table = sys_mmap(NULL, table_size(slots), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (sys_is_error(table)) {
		fd_close(fd);
		*ret_fd = sys_error(table);
		return NULL;
	}
	table->magic = STATS_MAGIC;
	table->slot_size = sizeof(struct stats_slot);
	table->slots = slots;
	table->first = offsetof(struct stats_table, slot);
	table->steering.bell = fd_inode(bell);
	return table;
}

int stats_table_create(int bell, struct stats_table **ret_table)
{
	int fd;

	*ret_table = create(STATS_SLOTS, bell, &fd);
	return fd;
}

static bool is_table(const struct stats_table *table)
{
	return table->magic == STATS_MAGIC && table->slot_size == sizeof(struct stats_slot) &&
	       table->slots;
}

/* The header may say anything, now or later.  So beyond the end of the file we map zeros of our
 * own, up to the last slot that there can be. */
static struct stats_table *map_whole(int fd, int protection)
{
	size_t all = table_size(STATS_SLOTS);
	char *zeros =
		sys_mmap(NULL, all, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct stat st;
	void *table;

	if (sys_is_error(zeros))
		return NULL;
	if (!sys_call2(SYS_fstat, fd, &st)) {
		size_t there = (uint64_t)st.st_size < all ? (size_t)st.st_size : all;

		table = sys_mmap(zeros, there, protection, MAP_SHARED | MAP_FIXED, fd, 0);
		if (!sys_is_error(table))
			return table;
	}
	sys_munmap(zeros, all);
	return NULL;
}

struct stats_table *stats_table_map(int fd, bool writable)
{
	struct stats_table *table;

	if (!fd_is_memory(fd, table_size(1)))
		return NULL;
	table = map_whole(fd, writable ? PROT_READ | PROT_WRITE : PROT_READ);
	if (table && !is_table(table)) {
		stats_table_unmap(table);
		table = NULL;
	}
	return table;
}

void stats_table_unmap(struct stats_table *table)
{
	if (table)
		sys_munmap(table, table_size(STATS_SLOTS));
}

/* -- claiming --------------------------------------------------------------------- */

static uint32_t slots_of(const struct stats_table *table)
{
	uint32_t slots = *(const volatile uint32_t *)&table->slots;

	return slots < STATS_SLOTS ? slots : STATS_SLOTS;
}

/* Both return the slot's number, or STATS_SLOTS. */
static uint32_t take_new(struct stats_table *table)
{
	uint32_t place = table->taken;

	while (place < slots_of(table))
		if (atomic_compare_exchange_weak(&table->taken, &place, place + 1))
			return place;
	return STATS_SLOTS;
}

/* Takes a slot whose pager was closed, or whose process has ended. */
static uint32_t take_over(struct stats_table *table)
{
	for (uint32_t place = 0; place < slots_of(table); place++) {
		struct stats_slot *slot = &table->slot[place];
		uint64_t mark = slot->mark;

		if (mark == STATS_CHANGING)
			continue;
		if (mark ? !process_is_alive(mark) && bury(table, slot, mark)
			 : atomic_compare_exchange_strong(&slot->mark, &mark, STATS_CHANGING))
			return place;
	}
	atomic_fetch_add(&table->missed, 1);
	return STATS_SLOTS;
}

static bool table_claim(struct stats_table *table, struct stats_seat *ret_seat)
{
	uint32_t place = take_new(table);

	if (place >= STATS_SLOTS)
		place = take_over(table);
	if (place >= STATS_SLOTS)
		return false;
	*ret_seat = (struct stats_seat){ slot_claim(&table->slot[place]), table, place, -1, -1 };
	return true;
}

static struct stats_table *open_table(void)
{
	int fd = command_open_stats();
	struct stats_table *table;

	if (fd < 0)
		return NULL;
	table = stats_table_map(fd, true);
	fd_close(fd);
	return table;
}

static int open_bell(void)
{
	int bell = command_open_bell();

	return bell < 0 ? fd_pipe() : bell;
}

/* Without a launcher: claims a slot in a table of its own, which others can see while fd is
 * open. */
static bool claim_own(struct stats_seat *ret_seat)
{
	int fd, bell = open_bell();
	struct stats_table *table = create(1, bell, &fd);

	if (!table) {
		fd_close(bell);
		return false;
	}
	table->taken = 1;
	*ret_seat = (struct stats_seat){ slot_claim(&table->slot[0]), table, 0, fd, bell };
	return true;
}

/* table NULL: the only table is one of its own. */
static bool claim_in(struct stats_table *table, struct stats_seat *ret_seat)
{
	if (table ? table_claim(table, ret_seat) : claim_own(ret_seat))
		return true;
	stats_table_unmap(table);
	return stats_private(ret_seat);
}

bool stats_claim(struct stats_seat *ret_seat)
{
	return claim_in(open_table(), ret_seat);
}

/* The fork copied the mapping, and the descriptor of a table of its own. */
static struct stats_table *leave(const struct stats_seat *seat)
{
	if (seat->fd < 0)
		return seat->table;
	sys_munmap(seat->table, table_size(1));
	fd_close(seat->fd);
	fd_close(seat->bell);
	return NULL;
}

bool stats_fork(struct stats_seat *seat)
{
	if (seat->table)
		return claim_in(leave(seat), seat);
	slot_claim(slot_of(seat->stats));
	return true;
}

void stats_release(const struct stats_seat *seat)
{
	struct stats_slot *slot;

	if (!seat->stats)
		return;
	slot = slot_of(seat->stats);
	if (!seat->table) {
		meta_unmap(slot, sizeof(*slot));
		return;
	}
	if (seat->fd < 0 && bury(seat->table, slot, slot->mark))
		atomic_store(&slot->mark, 0);
	stats_table_unmap(leave(seat));
}

/* -- steering ---------------------------------------------------------------------- */

struct steering *stats_steering(const struct stats_seat *seat)
{
	return seat->table ? &seat->table->steering : NULL;
}

int stats_listen(const struct stats_seat *seat)
{
	return seat->bell >= 0 ? bell_listen(seat->bell) : command_listen();
}

/* -- reading ----------------------------------------------------------------------- */

uint32_t stats_table_taken(const struct stats_table *table)
{
	uint32_t taken = table->taken, slots = slots_of(table);

	return taken < slots ? taken : slots;
}

bool stats_table_add(const struct stats_table *table, uint64_t mark, struct stats *sum)
{
	uint32_t taken = stats_table_taken(table);
	bool any = false;

	for (uint32_t i = 0; i < taken; i++) {
		if (table->slot[i].mark != mark)
			continue;
		if (sum)
			stats_add(sum, &table->slot[i].stats);
		any = true;
	}
	return any;
}

uint64_t stats_waited(const struct stats *stats, enum latency_kind kind)
{
	uint64_t counts[LATENCY_BUCKETS];

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		counts[i] = stat_get(&stats->latency[kind].bucket[i]);
	return latency_sum(counts);
}

void stats_add_public(struct spill_stats *sum, const struct stats *stats)
{
#define ADD(name) sum->name += stat_get(&stats->name);
	STATS_COUNTERS(ADD)
	STATS_GAUGES(ADD)
#undef ADD
	sum->wait_zero += stats_waited(stats, LATENCY_ZERO);
	sum->wait_soft += stats_waited(stats, LATENCY_SOFT);
	sum->wait_major += stats_waited(stats, LATENCY_MAJOR);
	sum->wait_compressed += stats_waited(stats, LATENCY_COMPRESSED);
}
