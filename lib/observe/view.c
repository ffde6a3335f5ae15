/* SPDX-License-Identifier: MIT */
/* view.c - the tables of counters in which one process has pagers: see view.h */
#include "observe/view.h"
#include "observe/fd_search.h"
#include "base/process.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The last number of NSpid is the process's id in its own namespace. */
bool view_identify(uint32_t pid, struct view_identity *ret)
{
	uint64_t inner = pid, mark = process_mark(pid);
	char path[40], line[256];
	FILE *file;

	*ret = (struct view_identity){ 0 };
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		const char *last = strrchr(line, '\t');

		sscanf(line, "Name:\t%15[^\n]", ret->name);
		sscanf(line, "Uid:\t%" SCNu32, &ret->user);
		if (strncmp(line, "NSpid:", 6) == 0 && last)
			inner = strtoul(last, NULL, 10);
	}
	fclose(file);
	ret->mark = mark ? inner << 32 | (uint32_t)mark : 0;
	return ret->mark;
}

/* Takes the table if the process has counters in it.  Until one such table is found, keeps the last
 * that the process has open: it would count there. */
static void consider(struct view *view, struct stats_table *table)
{
	bool counts = stats_table_add(table, view->mark, NULL);
	bool found = view->tables && stats_table_add(view->table[0], view->mark, NULL);

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
	struct fd_search search;
	int err = fd_search_open(&search, view->pid);

	if (err)
		return err;
	while (fd_search_next(&search, STATS_NAME)) {
		int fd = fd_search_get(&search, writable ? O_RDWR : O_RDONLY);
		struct stats_table *table = fd < 0 ? NULL : stats_table_map(fd, writable);

		if (fd >= 0)
			close(fd);
		if (table)
			consider(view, table);
	}
	view->paged = fd_search_has_pager(&search);
	fd_search_close(&search);
	return view->tables ? 0 : -ENOENT;
}

int view_open(struct view *view, uint32_t pid, bool writable)
{
	struct view_identity identity;
	int err = -ESRCH;

	*view = (struct view){ .pid = pid };
	if (view_identify(pid, &identity)) {
		view->mark = identity.mark;
		err = find_tables(view, writable);
	}
	/* A process that is ending has nothing open. */
	if (err == -ENOENT && process_is_ending(pid))
		err = -ESRCH;
	return err;
}

void view_close(struct view *view)
{
	while (view->tables)
		stats_table_unmap(view->table[--view->tables]);
}

void view_sum(const struct view *view, struct spill_stats *sum)
{
	for (size_t t = 0; t < view->tables; t++) {
		const struct stats_table *table = view->table[t];

		for (uint32_t i = 0; i < stats_table_taken(table); i++)
			if (table->slot[i].mark == view->mark)
				stats_add_public(sum, &table->slot[i].stats);
	}
}
