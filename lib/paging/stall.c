/* SPDX-License-Identifier: MIT */
/* stall.c - a handler that does not get its CPU: see stall.h */
#include "paging/stall.h"

/* How long a handler stays away from its CPU.  Not long: if that CPU was only busy, two handlers
 * now share one, and if a real-time thread takes that, nobody is left to help. */
#define ASTRAY_NS 10000000

static void set_affinity(const struct handler *handler, const cpu_set_t *cpus)
{
	sys_call3(SYS_sched_setaffinity, handler->tid, sizeof(*cpus), cpus);
}

/* Sends the handler to the CPU that the caller runs on, which is certainly available.  Not to all
 * CPUs: a thread that may stay where it waits to run is not moved at once, and a CPU with nothing
 * but a real-time thread on it looks empty to the load balancer. */
static void let_run_here(struct handler *handler, uint64_t now)
{
	uint64_t home = 0;
	unsigned cpu = 0;
	cpu_set_t here;

	if (!atomic_compare_exchange_strong(&handler->astray, &home, now))
		return;
	sys_call3(SYS_getcpu, &cpu, NULL, NULL);
	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	set_affinity(handler, &here);
}

uint64_t stall_check(struct handler *handler)
{
	struct paging *paging = handler->paging;
	uint64_t ret = UINT64_MAX;
	uint64_t now = 0;

	for (unsigned i = 0; i < paging->handler_count; i++) {
		struct handler *other = &paging->handlers[i];
		uint64_t round = atomic_load_explicit(&other->round, memory_order_acquire);

		if (other == handler || !round)
			continue;
		now = now ? now : sys_now();
		ret = STALL_NS;
		if (now > round && now - round > STALL_NS)
			let_run_here(other, now);
	}
	return ret;
}

void stall_note(struct handler *handler, bool at_work)
{
	uint64_t now = sys_now();
	uint64_t astray = handler->astray;

	if (now - handler->checked > STALL_NS) {
		handler->checked = now;
		stall_check(handler);
	}
	/* Release: after the first time, others see tid. */
	atomic_store_explicit(&handler->round, at_work ? now : 0, memory_order_release);
	if (astray && now - astray > ASTRAY_NS) {
		handler->astray = 0;
		set_affinity(handler, &handler->cpus);
	}
}
