/* SPDX-License-Identifier: MIT */
/* duty.c - which handlers watch for faults, and who evicts: see duty.h */
#include "duty.h"
#include "error.h"

/* Times in vain after which a handler goes off duty; faults from other CPUs. */
#define VAIN_MAX 8
#define STRANGE_MAX 2
/* The first nap, and the longest: nobody who faults on the CPU of a handler that is
 * off duty, or who needs one while the others do not get their CPUs, waits longer. */
#define NAP_MIN_NS 1000000
#define NAP_MAX_NS 16000000
/* One in so many faults is asked for, while threads are where they should be, and
 * while they are not. */
#define SAMPLE_MAX 64
#define STRANGE_SAMPLE 4

/* -- where a thread is -------------------------------------------------------------- */

/* In /proc/PID/stat, behind the name: its state is field 3, its CPU field 39. */
#define STAT_CPU_FIELD (39 - 2)

/* The number behind n spaces. */
static int field(const char *text, const char *end, unsigned n)
{
	int ret = 0;

	for (; text < end && n; text++)
		n -= *text == ' ';
	if (text == end || *text < '0' || *text > '9')
		return -1;
	for (; text < end && *text >= '0' && *text <= '9'; text++)
		ret = ret * 10 + (*text - '0');
	return ret;
}

/* The CPU that a thread ran on, or -1. */
static int cpu_of(int thread)
{
	char path[48], text[512];
	const char *end;
	long n = -1;
	int fd;

	error_format(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) {
		n = sys_read(fd, text, sizeof(text));
		sys_close(fd);
	}
	if (n <= 0)
		return -1;
	/* The name may have spaces and parentheses in it. */
	for (end = text + n; end > text && *end != ')'; end--)
		;
	return field(end, text + n, STAT_CPU_FIELD);
}

/* -- on and off ------------------------------------------------------------------------ */

static bool leave(struct pager *pager)
{
	unsigned on_duty = pager->on_duty;

	do {
		if (on_duty <= 1)
			return false;
	} while (!atomic_compare_exchange_weak(&pager->on_duty, &on_duty, on_duty - 1));
	return true;
}

static void call(struct handler *handler)
{
	if (handler->off_duty && !atomic_exchange(&handler->called, true))
		handler_wake(handler);
}

static void call_others(struct handler *handler)
{
	struct pager *pager = handler->pager;

	for (unsigned i = 0; i < pager->handler_count; i++)
		call(&pager->handlers[i]);
}

static void call_owner(struct pager *pager, int cpu)
{
	for (unsigned i = 0; i < pager->handler_count; i++)
		if (CPU_ISSET(cpu, &pager->handlers[i].cpus))
			call(&pager->handlers[i]);
}

/* Now and then: is the thread on a CPU of ours? */
static void sample(struct handler *handler, int thread)
{
	int cpu;

	if (handler->until_sample && --handler->until_sample)
		return;
	cpu = cpu_of(thread);
	if (cpu < 0 || CPU_ISSET(cpu, &handler->cpus)) {
		handler->strange = 0;
		handler->nap_ns = 0;
		if (handler->sample_every < SAMPLE_MAX)
			handler->sample_every = 2 * handler->sample_every + 1;
	} else {
		handler->strange++;
		handler->sample_every = STRANGE_SAMPLE;
		call_owner(handler->pager, cpu);
	}
	handler->until_sample = handler->sample_every;
}

void duty_note(struct handler *handler, unsigned got, int thread)
{
	struct pager *pager = handler->pager;

	if (pager->handler_count == 1)
		return;
	handler->vain = got ? 0 : handler->vain + 1;
	if (got)
		sample(handler, thread);
	if (handler->fault_count + handler_demanded(handler) > 1 &&
	    pager->on_duty < pager->handler_count)
		call_others(handler);
}

static void go_off_duty(struct handler *handler, uint64_t now)
{
	handler->called = false;
	handler->off_duty = true;
	handler->nap_ns = 2 * handler->nap_ns;
	if (handler->nap_ns < NAP_MIN_NS)
		handler->nap_ns = NAP_MIN_NS;
	if (handler->nap_ns > NAP_MAX_NS)
		handler->nap_ns = NAP_MAX_NS;
	handler->back_at = now + handler->nap_ns;
	io_watch(handler->io, WATCH_UFFD, false);
}

static void return_to_duty(struct handler *handler)
{
	handler->off_duty = false;
	handler->vain = 0;
	handler->strange = 0;
	handler->until_sample = 0;
	atomic_fetch_add(&handler->pager->on_duty, 1);
	io_watch(handler->io, WATCH_UFFD, true);
	/* What came meanwhile. */
	handler->more_faults = true;
}

uint64_t duty_rest(struct handler *handler, uint64_t timeout_ns)
{
	uint64_t now;

	if (!handler->off_duty && handler->vain < VAIN_MAX && handler->strange < STRANGE_MAX)
		return timeout_ns;
	now = sys_now();
	if (!handler->off_duty) {
		if (handler->reads_in_flight || !leave(handler->pager))
			return timeout_ns;
		go_off_duty(handler, now);
	} else if (handler->called || now >= handler->back_at) {
		return_to_duty(handler);
		return 0;
	}
	return handler->back_at - now < timeout_ns ? handler->back_at - now : timeout_ns;
}

/* -- evicting ------------------------------------------------------------------------- */

bool duty_evicts_another(struct handler *handler)
{
	struct pager *pager = handler->pager;

	if (!handler->fault_count && !handler_demanded(handler))
		return false;
	for (unsigned i = 0; i < pager->handler_count; i++) {
		struct handler *other = &pager->handlers[i];

		if (other != handler && (other->evicting || other->summoned))
			return true;
	}
	for (unsigned i = 0; i < pager->handler_count; i++) {
		struct handler *other = &pager->handlers[i];

		if (other == handler || other->round)
			continue;
		if (!atomic_exchange(&other->summoned, true))
			handler_wake(other);
		return true;
	}
	return false;
}
