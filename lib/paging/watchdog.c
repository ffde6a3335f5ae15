/* SPDX-License-Identifier: MIT */
/* watchdog.c - reports a fault that waits too long: see watchdog.h */
#include "paging/watchdog.h"
#include "base/error.h"
#include "base/fork_near.h"

/* Shortest time between two looks. */
#define WATCH_NS 100000000

#define SECOND_NS 1000000000

/* NULL: not known, since the chunk is locked. */
static const char *state_of(struct chunk *chunk, uintptr_t address)
{
	static const char *const names[] = {
		[SPILL_ABSENT] = "absent",	[SPILL_RESIDENT] = "resident",
		[SPILL_CACHED] = "cached",	[SPILL_SWAPPED] = "swapped",
		[SPILL_FILLING] = "being read", [SPILL_POISONED] = "lost",
		[SPILL_COMPRESSED] = "compressed",
	};
	const char *ret;

	if (!chunk_try_lock(chunk))
		return NULL;
	ret = names[chunk_state(chunk, chunk_index(chunk, address))];
	chunk_unlock(chunk);
	return ret;
}

static bool is_late(const struct handler *handler, uint64_t since)
{
	return since && handler->round > since &&
	       handler->round - since > handler->paging->stall_ns;
}

static unsigned long seconds_since(const struct handler *handler, uint64_t since)
{
	return (unsigned long)((handler->round - since) / SECOND_NS);
}

/* The oldest of the handler's reads that somebody waits for; the oldest of its writes. */
static const struct fill *oldest_read(const struct handler *handler)
{
	const struct fill *ret = NULL;

	for (unsigned i = 0; i < FILLS_MAX; i++) {
		const struct fill *fill = &handler->fills.fill[i];

		if (fill->started && !fill->ahead && (!ret || fill->started < ret->started))
			ret = fill;
	}
	return ret;
}

static const struct write *oldest_write(const struct handler *handler)
{
	const struct write *ret = NULL;

	for (unsigned i = 0; i < WRITES_MAX; i++) {
		const struct write *write = &handler->writes.write[i];

		if (write->started && (!ret || write->started < ret->started))
			ret = write;
	}
	return ret;
}

static void look_at_reads(const struct handler *handler)
{
	const struct fill *fill = oldest_read(handler);
	char name[256];

	if (!fill || !is_late(handler, fill->started))
		return;
	error_report(EVENT_STALL,
		     "a fault waits for the page at %lx: a read from %s has not returned for %lu s",
		     (unsigned long)(uintptr_t)chunk_page(fill->chunk,
							  mask_first(fill->flight.all)),
		     store_name(&handler->paging->store, fill->place, name, sizeof(name)),
		     seconds_since(handler, fill->started));
}

static void look_at_writes(const struct handler *handler)
{
	const struct write *write = oldest_write(handler);
	char name[256];

	if (!write || !is_late(handler, write->started))
		return;
	error_report(EVENT_STALL, "a write of %u pages to %s has not returned for %lu s; %s",
		     write->pages,
		     store_name(&handler->paging->store, write->place, name, sizeof(name)),
		     seconds_since(handler, write->started),
		     fork_is_near() ? "a fork waits for it" : "its frames are not free meanwhile");
}

static void look_at_faults(const struct handler *handler)
{
	uintptr_t address = handler->faults[0].address;
	struct chunk *chunk;
	const char *state = "absent";

	if (!handler->fault_count || !is_late(handler, handler->waiting_since))
		return;
	chunk = pagetable_find(&handler->paging->pages.table, address);
	if (chunk)
		state = state_of(chunk, address);
	error_report(EVENT_STALL, "a fault on the page at %lx (%s) has waited for %lu s: %s",
		     (unsigned long)address, state ? state : "busy",
		     seconds_since(handler, handler->waiting_since),
		     handler->starved ? "no frame becomes free"
		     : !state	      ? "its chunk is locked"
				      : "it cannot be served");
}

static void look_at_others(const struct handler *handler)
{
	const struct paging *paging = handler->paging;

	for (unsigned i = 0; i < paging->handler_count; i++) {
		const struct handler *other = &paging->handlers[i];
		uint64_t round = other->round;

		if (other != handler && is_late(handler, round))
			error_report(EVENT_STALL,
				     "handler %u (thread %d) has not responded for %lu s; its "
				     "faults wait",
				     i, other->tid, seconds_since(handler, round));
	}
}

void watchdog_look(struct handler *handler)
{
	if (!handler->paging->stall_ns || handler->round - handler->watched < WATCH_NS)
		return;
	handler->watched = handler->round;
	look_at_reads(handler);
	look_at_writes(handler);
	look_at_faults(handler);
	look_at_others(handler);
}

uint64_t watchdog_sleep(const struct handler *handler)
{
	const struct paging *paging = handler->paging;

	if (!paging->stall_ns || !(fill_demanded(&handler->fills) || paging->writes))
		return UINT64_MAX;
	return paging->stall_ns / 4;
}
