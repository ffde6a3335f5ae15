/* SPDX-License-Identifier: MIT */
/* last.c - when only our threads are left: see last.h */
#include "kernel/last.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/thread.h"

#define LOOK_NS 500000000

uint64_t last_check(void)
{
	static _Atomic uint64_t looked;
	uint64_t now = sys_now(), before = looked;
	int status;

	if (now - before < LOOK_NS)
		return LOOK_NS - (now - before);
	looked = now;
	if (process_has_only(thread_count, &status))
		thread_ops->end_last(status);
	return LOOK_NS;
}
