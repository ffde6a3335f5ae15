/* SPDX-License-Identifier: MIT */
/* stats.c - the counters of a pager: see stats.h */
#include "stats.h"
#include "command.h"
#include "fd.h"
#include "meta.h"
#include "sys.h"
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

static struct stats_slot *slot_of(struct stats *stats)
{
	return (struct stats_slot *)((char *)stats - offsetof(struct stats_slot, stats));
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

static struct stats *slot_claim(struct stats_slot *slot, uint32_t place)
{
	memset(&slot->stats, 0, sizeof(slot->stats));
	slot->place = place;
	read_comm(slot->comm);
	atomic_store_explicit(&slot->pid, (uint32_t)sys_getpid(), memory_order_release);
	return &slot->stats;
}

static struct stats *table_claim(struct stats_table *table)
{
	uint32_t place = atomic_fetch_add(&table->taken, 1);

	return place < STATS_SLOTS ? slot_claim(&table->slot[place], place) : NULL;
}

struct stats *stats_private(void)
{
	struct stats_slot *slot = meta_map(sizeof(*slot));

	return slot ? slot_claim(slot, STATS_PRIVATE) : NULL;
}

/* -- the command's table ------------------------------------------------------------ */

static bool table_is_ours(const struct stats_table *table)
{
	return table->magic == STATS_MAGIC && table->slot_size == sizeof(struct stats_slot) &&
	       table->slots == STATS_SLOTS;
}

static struct stats_table *map_table(int fd)
{
	struct stats_table *table;
	struct stat st;

	if (sys_call2(SYS_fstat, fd, &st) || (size_t)st.st_size < sizeof(*table))
		return NULL;
	table = sys_mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (sys_is_error(table))
		return NULL;
	if (table_is_ours(table))
		return table;
	sys_munmap(table, sizeof(*table));
	return NULL;
}

static struct stats_table *open_table(void)
{
	int fd = command_open_stats();
	struct stats_table *table;

	if (fd < 0)
		return NULL;
	table = map_table(fd);
	fd_close(fd);
	return table;
}

struct stats *stats_claim(void)
{
	struct stats_table *table = open_table();
	struct stats *stats = table ? table_claim(table) : NULL;

	if (table && !stats)
		sys_munmap(table, sizeof(*table));
	return stats ? stats : stats_private();
}

/* The mapping of the table came along with the fork. */
struct stats *stats_fork(struct stats *inherited)
{
	struct stats_slot *slot = slot_of(inherited);
	struct stats_table *table;
	struct stats *stats;

	if (slot->place == STATS_PRIVATE)
		return slot_claim(slot, STATS_PRIVATE);
	table = table_of(slot);
	stats = table_claim(table);
	if (stats)
		return stats;
	sys_munmap(table, sizeof(*table));
	return stats_private();
}

void stats_release(struct stats *stats)
{
	struct stats_slot *slot;

	if (!stats)
		return;
	slot = slot_of(stats);
	if (slot->place == STATS_PRIVATE)
		meta_unmap(slot, sizeof(*slot));
	else
		sys_munmap(table_of(slot), sizeof(struct stats_table));
}

int stats_table_create(struct stats_table **ret_table)
{
	int fd = fd_memory("spill-stats", sizeof(struct stats_table));
	struct stats_table *table;

	if (fd < 0)
		return fd;
	table = sys_mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (sys_is_error(table)) {
		fd_close(fd);
		return sys_error(table);
	}
	table->magic = STATS_MAGIC;
	table->slot_size = sizeof(struct stats_slot);
	table->slots = STATS_SLOTS;
	*ret_table = table;
	return fd;
}

/* -- reading ----------------------------------------------------------------------- */

void stats_to_public(const struct stats *stats, struct spill_stats *ret)
{
#define COPY(name) ret->name = stat_get(&stats->name);
	STATS_COUNTERS(COPY)
	STATS_GAUGES(COPY)
#undef COPY
}
