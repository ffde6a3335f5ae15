/* SPDX-License-Identifier: MIT */
/* steer.c - changes what a command may have while it runs: see steer.h */
#include "steer.h"
#include "attach.h"
#include "bell.h"
#include "page.h"
#include "pool.h"
#include "survey.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

int steer_budget(uint32_t pid, uint64_t bytes)
{
	int bell, fd = survey_open_pool(pid, O_RDWR);
	struct pool *pool;

	if (fd < 0)
		return fd;
	pool = pool_map(fd);
	close(fd);
	if (!pool)
		return -ENOMEM;
	bell = open_bell(pid, pool->bell);
	if (bell >= 0) {
		pool->total = (int64_t)(bytes >> page_shift());
		pool->told = 0;
		bell_ring(bell);
		close(bell);
	}
	pool_unmap(pool);
	return bell < 0 ? bell : 0;
}
