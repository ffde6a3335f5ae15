/* SPDX-License-Identifier: MIT */
/* duty.c - which handlers watch for faults, and who evicts: see duty.h */
#include "paging/duty.h"

/* After this many vain wake-ups a handler goes off duty.  Getting a fault makes up for two of them:
 * a handler on the wrong CPU gets some faults too, while it is awake. */
#define VAIN_MAX 8
#define VAIN_REDEEMED 2
/* A handler that has not gone round its loop for this long may not be getting its CPU. */
#define RESPONSIVE_NS 1000000
/* The first nap and the longest.  They bound how long a thread waits that faults on the CPU of a
 * handler off duty, or needs one because the others do not get their CPUs. */
#define NAP_MIN_NS 1000000
#define NAP_MAX_NS 16000000

/* -- on and off ------------------------------------------------------------------------ */

static bool leave(struct paging *paging)
{
	unsigned on_duty = paging->on_duty;

	do {
		if (on_duty <= 1)
			return false;
	} while (!atomic_compare_exchange_weak(&paging->on_duty, &on_duty, on_duty - 1));
	return true;
}

static void call(struct handler *handler)
{
	if (handler->off_duty && !atomic_exchange(&handler->called, true))
		handler_wake(handler);
}

static void call_others(struct handler *handler)
{
	struct paging *paging = handler->paging;

	for (unsigned i = 0; i < paging->handler_count; i++)
		call(&paging->handlers[i]);
}

void duty_note(struct handler *handler, unsigned got)
{
	struct paging *paging = handler->paging;

	if (!got)
		handler->vain++;
	else if (handler->vain > VAIN_REDEEMED)
		handler->vain -= VAIN_REDEEMED;
	else
		handler->vain = 0;
	if (handler->vain == 0)
		handler->nap_ns = 0;
	if (handler->fault_count + fill_demanded(&handler->fills) > 1 &&
	    paging->on_duty < paging->handler_count)
		call_others(handler);
}

static void go_off_duty(struct handler *handler, uint64_t until)
{
	handler->called = false;
	handler->off_duty = true;
	handler->back_at = until;
	io_listen(handler->lane.io, EAR_UFFD, false);
}

static void return_to_duty(struct handler *handler)
{
	handler->off_duty = false;
	handler->vain = VAIN_MAX / 2;
	atomic_fetch_add(&handler->paging->on_duty, 1);
	io_listen(handler->lane.io, EAR_UFFD, true);
	/* Faults may have come meanwhile. */
	handler->more_faults = true;
}

/* The pager is paused.  Whoever resumes it wakes all handlers, and they return at once. */
static void stand_by(struct handler *handler)
{
	if (handler->off_duty)
		return;
	atomic_fetch_sub(&handler->paging->on_duty, 1);
	go_off_duty(handler, 0);
}

uint64_t duty_rest(struct handler *handler, uint64_t timeout_ns)
{
	uint64_t now;

	if (handler->paging->paused) {
		stand_by(handler);
		return timeout_ns;
	}
	if (!handler->off_duty && handler->vain < VAIN_MAX)
		return timeout_ns;
	now = sys_now();
	if (!handler->off_duty) {
		if (handler->fills.in_flight || !leave(handler->paging))
			return timeout_ns;
		handler->nap_ns = handler_back_off(handler->nap_ns, NAP_MIN_NS, NAP_MAX_NS);
		go_off_duty(handler, now + handler->nap_ns);
	} else if (handler->called || now >= handler->back_at) {
		return_to_duty(handler);
		return 0;
	}
	return handler->back_at - now < timeout_ns ? handler->back_at - now : timeout_ns;
}

/* A handler that sleeps will wake up; one at work should show it. */
static bool is_responsive(const struct handler *handler, uint64_t now)
{
	uint64_t round = atomic_load_explicit(&handler->round, memory_order_relaxed);

	return !handler->off_duty && (!round || now < round + RESPONSIVE_NS);
}

bool duty_is_done_by_another(const struct handler *handler)
{
	const struct paging *paging = handler->paging;
	uint64_t now;

	if (paging->on_duty + handler->off_duty < 2)
		return false;
	now = sys_now();
	for (unsigned i = 0; i < paging->handler_count; i++) {
		const struct handler *other = &paging->handlers[i];

		if (other != handler && !other->evicting && is_responsive(other, now))
			return true;
	}
	return false;
}

/* -- evicting ------------------------------------------------------------------------- */

bool duty_evicts_another(struct handler *handler)
{
	struct paging *paging = handler->paging;

	for (unsigned i = 0; i < paging->handler_count; i++) {
		struct handler *other = &paging->handlers[i];

		if (other != handler && (other->evicting || other->summoned))
			return true;
	}
	if (handler->summoned || (!handler->fault_count && !fill_demanded(&handler->fills)))
		return false;
	for (unsigned i = 0; i < paging->handler_count; i++) {
		struct handler *other = &paging->handlers[i];

		if (other == handler || other->round)
			continue;
		if (!atomic_exchange(&other->summoned, true))
			handler_wake(other);
		return true;
	}
	return false;
}
