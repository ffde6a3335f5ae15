/* SPDX-License-Identifier: MIT */
/* turn.c - one process at a time: see turn.h */
#include "processes/turn.h"
#include "base/process.h"
#include "base/sys.h"
#include <errno.h>
#include <time.h>

static bool take_from(_Atomic uint64_t *word, uint64_t mark)
{
	return atomic_compare_exchange_strong(word, &mark, process_mark_self());
}

int turn_take(_Atomic uint64_t *word, uint64_t wait_ns)
{
	static const struct timespec pause = { 0, 200000 };
	uint64_t end = sys_now() + wait_ns;

	for (;;) {
		uint64_t mark = *word;

		if ((!mark || !process_is_alive(mark)) && take_from(word, mark))
			return 0;
		if (sys_now() >= end)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
}

void turn_leave(_Atomic uint64_t *word)
{
	atomic_store(word, 0);
}
