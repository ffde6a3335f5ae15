/* SPDX-License-Identifier: MIT */
/* steer.c - looks into pagers and changes what they may do: see steer.h */
#include "steer.h"
#include "attach.h"
#include "bell.h"
#include "page.h"
#include "pool.h"
#include "survey.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static bool counts_in(const struct stats_table *table, uint64_t mark)
{
	for (uint32_t i = 0; i < table->slots; i++)
		if (atomic_load(&table->slot[i].mark) == mark)
			return true;
	return false;
}

/* Takes the table if the process counts there; until one is found, the last that it has open:
 * it would count there. */
static void consider(struct steer *steer, struct stats_table *table)
{
	bool counts = counts_in(table, steer->mark);

	if (steer->tables == STEER_TABLES ||
	    (steer->tables && !counts && counts_in(steer->table[0], steer->mark))) {
		stats_table_unmap(table);
		return;
	}
	if (steer->tables && !counts_in(steer->table[0], steer->mark))
		stats_table_unmap(steer->table[--steer->tables]);
	steer->table[steer->tables++] = table;
}

static int find_mark(struct steer *steer)
{
	struct survey survey = { 0 };
	int err = survey_take(&survey, steer->pid);

	if (!err)
		steer->mark = survey.process[0].mark;
	survey_free(&survey);
	return err;
}

static int open_bell(uint32_t pid, uint64_t number)
{
	struct attach attach;
	int bell, err = attach_open(&attach, pid);

	if (err)
		return err;
	bell = attach_find_pipe(&attach, number) ? attach_get(&attach, O_RDWR | O_NONBLOCK)
						 : -ENOENT;
	attach_close(&attach);
	return bell;
}

static void open_bells(struct steer *steer)
{
	for (size_t i = 0; i < steer->tables; i++)
		steer->bell[i] = open_bell(steer->pid, steer->table[i]->steering.bell);
}

int steer_open(struct steer *steer, uint32_t pid)
{
	struct attach attach;
	int err;

	*steer = (struct steer){ .pid = pid };
	err = find_mark(steer);
	if (!err)
		err = attach_open(&attach, pid);
	if (err)
		return err;
	while (attach_next(&attach, ATTACH_MEMFD(STATS_NAME))) {
		int fd = attach_get(&attach, O_RDWR);
		struct stats_table *table = fd < 0 ? NULL : stats_table_map(fd, true);

		if (fd >= 0)
			close(fd);
		if (table)
			consider(steer, table);
	}
	attach_close(&attach);
	open_bells(steer);
	return steer->tables ? 0 : -ENOENT;
}

void steer_close(struct steer *steer)
{
	while (steer->tables) {
		stats_table_unmap(steer->table[--steer->tables]);
		if (steer->bell[steer->tables] >= 0)
			close(steer->bell[steer->tables]);
	}
}
int steer_ring(const struct steer *steer)
{
	int err = -ENOENT;

	for (size_t i = 0; i < steer->tables; i++) {
		if (steer->bell[i] < 0)
			continue;
		bell_ring(steer->bell[i]);
		err = 0;
	}
	return err;
}

/* -- the budget ---------------------------------------------------------------------------- */

int steer_budget(const struct steer *steer, uint64_t bytes)
{
	int fd = survey_open_pool(steer->pid, O_RDWR);
	struct pool *pool;

	if (fd < 0)
		return fd;
	pool = pool_map(fd);
	close(fd);
	if (!pool)
		return -ENOMEM;
	pool->total = (int64_t)(bytes >> page_shift());
	pool->told = 0;
	pool_unmap(pool);
	return steer_ring(steer);
}
