/* SPDX-License-Identifier: MIT */
/* steer.c - looks into pagers and changes what they may do: see steer.h */
#include "processes/steer.h"
#include "base/page.h"
#include "base/process.h"
#include "command/bell.h"
#include "command/pool.h"
#include "kernel/probe.h"
#include "observe/fd_search.h"
#include "processes/survey.h"
#include "spill.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_bell(uint32_t pid, uint64_t number)
{
	struct fd_search search;
	int bell, err = fd_search_open(&search, pid);

	if (err)
		return err;
	bell = fd_search_find_pipe(&search, number) ? fd_search_get(&search, O_RDWR | O_NONBLOCK)
						    : -ENOENT;
	fd_search_close(&search);
	return bell;
}

int steer_open(struct steer *steer, uint32_t pid)
{
	int err = view_open(&steer->view, pid, true);

	for (size_t i = 0; i < steer->view.tables; i++)
		steer->bell[i] = open_bell(pid, steer->view.table[i]->steering.bell);
	return err;
}

void steer_close(struct steer *steer)
{
	for (size_t i = 0; i < steer->view.tables; i++)
		if (steer->bell[i] >= 0)
			close(steer->bell[i]);
	view_close(&steer->view);
}

int steer_ring(const struct steer *steer)
{
	bool any = false;

	for (size_t i = 0; i < steer->view.tables; i++) {
		if (steer->bell[i] < 0)
			continue;
		bell_ring(steer->bell[i]);
		any = true;
	}
	return any ? 0 : process_is_ending(steer->view.pid) ? -ESRCH : -ENOENT;
}

/* -- the budget ---------------------------------------------------------------------------- */

uint64_t steer_budget_most(void)
{
	return probe_memory_whole();
}

bool steer_budget_fits(uint64_t bytes)
{
	return bytes >= SPILL_BUDGET_MIN && bytes <= steer_budget_most();
}

int steer_budget(const struct steer *steer, uint64_t bytes)
{
	int fd = survey_open_pool(steer->view.pid, O_RDWR);
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
