/* SPDX-License-Identifier: MIT */
/* last.c - when only our threads are left: see last.h */
#include "last.h"
#include "process.h"
#include "sys.h"
#include "thread.h"
#include <stdlib.h>

#define LOOK_NS 500000000

static void exit_main(void *arg)
{
	(void)arg;
	exit(0);
}

uint64_t last_check(void)
{
	static _Atomic uint64_t looked;
	static struct thread thread;
	uint64_t now = sys_now(), before = looked;

	if (now - before < LOOK_NS)
		return LOOK_NS - (now - before);
	looked = now;
	if (thread_ops->counted && process_has_only(thread_count))
		thread_start(&thread, "spill/exit", exit_main, NULL, NULL);
	return LOOK_NS;
}
