/* SPDX-License-Identifier: MIT */
/* view.c - the tables of counters in which one process has pagers: see view.h */
#include "view.h"
#include "attach.h"
#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Its number there is the last of NSpid. */
static uint64_t inner_number(uint32_t pid)
{
	uint64_t inner = pid;
	char path[40], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		const char *last = strrchr(line, '\t');

		if (strncmp(line, "NSpid:", 6) == 0 && last)
			inner = strtoul(last, NULL, 10);
	}
	fclose(file);
	return inner;
}

uint64_t view_mark(uint32_t pid)
{
	uint64_t inner = inner_number(pid), mark = process_mark(pid);

	return inner && mark ? inner << 32 | (uint32_t)mark : 0;
}

static bool add_slots(const struct stats_table *table, uint64_t mark, struct stats *sum)
{
	bool any = false;

	for (uint32_t i = 0; i < table->slots; i++) {
		if (atomic_load(&table->slot[i].mark) != mark)
			continue;
		if (sum)
			stats_add(sum, &table->slot[i].stats);
		any = true;
	}
	return any;
}

/* Takes the table if the process counts there; until one is found, the last that it has open:
 * it would count there. */
static void consider(struct view *view, struct stats_table *table)
{
	bool counts = add_slots(table, view->mark, NULL);
	bool found = view->tables && add_slots(view->table[0], view->mark, NULL);

	if (view->tables == VIEW_TABLES || (found && !counts)) {
		stats_table_unmap(table);
		return;
	}
	if (view->tables && !found)
		stats_table_unmap(view->table[--view->tables]);
	view->table[view->tables++] = table;
}

static int find_tables(struct view *view, bool writable)
{
	struct attach attach;
	int err = attach_open(&attach, view->pid);

	if (err)
		return err;
	while (attach_next(&attach, ATTACH_MEMFD(STATS_NAME))) {
		int fd = attach_get(&attach, writable ? O_RDWR : O_RDONLY);
		struct stats_table *table = fd < 0 ? NULL : stats_table_map(fd, writable);

		if (fd >= 0)
			close(fd);
		if (table)
			consider(view, table);
	}
	view->paged = attach_has_pager(&attach);
	attach_close(&attach);
	return view->tables ? 0 : -ENOENT;
}

int view_open(struct view *view, uint32_t pid, bool writable)
{
	int err;

	*view = (struct view){ .pid = pid, .mark = view_mark(pid) };
	err = view->mark ? find_tables(view, writable) : -ESRCH;
	/* A zombie has nothing open. */
	if (err == -ENOENT && !process_is_alive(process_mark(pid)))
		err = -ESRCH;
	return err;
}

void view_close(struct view *view)
{
	while (view->tables)
		stats_table_unmap(view->table[--view->tables]);
}

bool view_sum(const struct view *view, struct stats *ret_sum)
{
	bool any = false;

	*ret_sum = (struct stats){ 0 };
	for (size_t i = 0; i < view->tables; i++)
		any |= add_slots(view->table[i], view->mark, ret_sum);
	return any;
}
