/* SPDX-License-Identifier: MIT */
/* stats.c - the counters of a pager: see stats.h */
#include "stats.h"
#include "bell.h"
#include "command.h"
#include "fd.h"
#include "meta.h"
#include "process.h"
#include "sys.h"
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

static struct stats_slot *slot_of(const struct stats *stats)
{
	return (struct stats_slot *)((uintptr_t)stats - offsetof(struct stats_slot, stats));
}

static struct stats_table *table_of(struct stats_slot *slot)
{
	return (struct stats_table *)((char *)(slot - slot->place) -
				      offsetof(struct stats_table, slot));
}

/* -- slots ----------------------------------------------------------------------- */

/* The process's name, not the thread's. */
static void read_comm(char comm[16])
{
	int fd = sys_open("/proc/self/comm", O_RDONLY | O_CLOEXEC, 0);
	long n = fd < 0 ? 0 : sys_read(fd, comm, 15);

	if (fd >= 0)
		fd_close(fd);
	n = n > 0 && comm[n - 1] == '\n' ? n - 1 : n;
	comm[n > 0 ? n : 0] = '\0';
}

/* The caller alone has it. */
static struct stats *slot_claim(struct stats_slot *slot, uint32_t place, int fd, int bell)
{
	memset(&slot->stats, 0, sizeof(slot->stats));
	slot->place = place;
	slot->fd = fd;
	slot->bell = bell;
	slot->since = sys_now();
	read_comm(slot->comm);
	atomic_store_explicit(&slot->mark, process_mark_self(), memory_order_release);
	return &slot->stats;
}

struct stats *stats_private(void)
{
	struct stats_slot *slot = meta_map(sizeof(*slot));

	return slot ? slot_claim(slot, STATS_PRIVATE, -1, -1) : NULL;
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
}

void stats_fold(struct stats *sum, const struct stats *stats)
{
	stats_add_counters(sum, stats);
	STATS_GAUGES(RAISE)
	RAISE(unmanaged_peak)
}

#undef RAISE
#undef ADD

/* Takes a slot from the pager of this mark, which is gone; false: somebody else did. */
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

/* Mapped, and open as *ret_fd; NULL: *ret_fd is -errno. */
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

/* Is it what it says, as far as it is there? */
static bool is_table(const struct stats_table *table, uint64_t size)
{
	return table->magic == STATS_MAGIC && table->slot_size == sizeof(struct stats_slot) &&
	       table->slots && table->slots <= STATS_SLOTS && size >= table_size(table->slots);
}

struct stats_table *stats_table_map(int fd, bool writable)
{
	size_t all = table_size(STATS_SLOTS);
	struct stats_table *table;
	struct stat st;

	if (sys_call2(SYS_fstat, fd, &st) || (size_t)st.st_size < table_size(1))
		return NULL;
	/* What lies beyond its end is not touched. */
	table = sys_mmap(NULL, all, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
			 0);
	if (sys_is_error(table))
		return NULL;
	if (is_table(table, (uint64_t)st.st_size))
		return table;
	sys_munmap(table, all);
	return NULL;
}

void stats_table_unmap(struct stats_table *table)
{
	if (table)
		sys_munmap(table, table_size(STATS_SLOTS));
}

/* -- claiming --------------------------------------------------------------------- */

static struct stats *take_new(struct stats_table *table)
{
	uint32_t place = table->taken;

	while (place < table->slots)
		if (atomic_compare_exchange_weak(&table->taken, &place, place + 1))
			return slot_claim(&table->slot[place], place, -1, -1);
	return NULL;
}

/* One whose pager was closed, or whose process has ended. */
static struct stats *take_over(struct stats_table *table)
{
	for (uint32_t place = 0; place < table->slots; place++) {
		struct stats_slot *slot = &table->slot[place];
		uint64_t mark = slot->mark;

		if (mark == STATS_CHANGING)
			continue;
		if (mark ? !process_is_alive(mark) && bury(table, slot, mark)
			 : atomic_compare_exchange_strong(&slot->mark, &mark, STATS_CHANGING))
			return slot_claim(slot, place, -1, -1);
	}
	atomic_fetch_add(&table->missed, 1);
	return NULL;
}

static struct stats *table_claim(struct stats_table *table)
{
	struct stats *stats = take_new(table);

	return stats ? stats : take_over(table);
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

/* Without a launcher: in a table of its own, which is seen as long as fd is open. */
static struct stats *claim_own(void)
{
	int fd, bell = open_bell();
	struct stats_table *table = create(1, bell, &fd);

	if (!table) {
		fd_close(bell);
		return NULL;
	}
	table->taken = 1;
	return slot_claim(&table->slot[0], 0, fd, bell);
}

/* NULL: there is no table but one of its own. */
static struct stats *claim_in(struct stats_table *table)
{
	struct stats *stats = table ? table_claim(table) : claim_own();

	if (!stats)
		stats_table_unmap(table);
	return stats ? stats : stats_private();
}

struct stats *stats_claim(void)
{
	return claim_in(open_table());
}

/* The mapping came along with the fork, and the descriptor of a table of its own. */
static struct stats_table *leave(struct stats_slot *slot)
{
	struct stats_table *table = table_of(slot);
	int fd = slot->fd, bell = slot->bell;

	if (fd < 0)
		return table;
	sys_munmap(table, table_size(1));
	fd_close(fd);
	fd_close(bell);
	return NULL;
}

struct stats *stats_fork(struct stats *inherited)
{
	struct stats_slot *slot = slot_of(inherited);

	if (slot->place == STATS_PRIVATE)
		return slot_claim(slot, STATS_PRIVATE, -1, -1);
	return claim_in(leave(slot));
}

void stats_release(struct stats *stats)
{
	struct stats_slot *slot;

	if (!stats)
		return;
	slot = slot_of(stats);
	if (slot->place == STATS_PRIVATE) {
		meta_unmap(slot, sizeof(*slot));
		return;
	}
	if (slot->fd < 0 && bury(table_of(slot), slot, slot->mark))
		atomic_store(&slot->mark, 0);
	stats_table_unmap(leave(slot));
}

/* -- steering ---------------------------------------------------------------------- */

struct steering *stats_steering(struct stats *stats)
{
	struct stats_slot *slot = slot_of(stats);

	return slot->place == STATS_PRIVATE ? NULL : &table_of(slot)->steering;
}

int stats_listen(struct stats *stats)
{
	const struct stats_slot *slot = slot_of(stats);
	int ear, bell;

	if (slot->bell >= 0)
		return bell_listen(slot->bell);
	/* That of the command is open as long as we have what we inherited. */
	bell = command_open_bell();
	if (bell < 0)
		return bell;
	ear = bell_listen(bell);
	fd_close(bell);
	return ear;
}

uint32_t stats_place(const struct stats *stats)
{
	return slot_of(stats)->place;
}

/* -- reading ----------------------------------------------------------------------- */

uint32_t stats_table_taken(const struct stats_table *table)
{
	uint32_t taken = table->taken;

	return taken < table->slots ? taken : table->slots;
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

void stats_add_public(struct spill_stats *sum, const struct stats *stats)
{
#define ADD(name) sum->name += stat_get(&stats->name);
	STATS_COUNTERS(ADD)
	STATS_GAUGES(ADD)
#undef ADD
}
