/* SPDX-License-Identifier: MIT */
/* gauges.c - what is not counted as it happens: see gauges.h */
#include "paging/gauges.h"
#include "base/process.h"
#include "observe/trace.h"
#include "paging/watch.h"

/* gauges_sample does nothing more often than this. */
#define SAMPLE_NS 100000000
/* gauges_publish_soon does nothing more often than this: a fault may come every few
 * microseconds. */
#define PUBLISH_NS 2000000
/* How often a recording gets the gauges. */
#define GAUGE_NS 50000000

/* The three counts change one after the other, so the difference may be off for a moment. */
static uint64_t pages_swapped(const struct paging *paging)
{
	uint64_t here = paging->pages.resident + paging->pages.cached, kept = paging->pages.kept;

	return kept > here ? kept - here : 0;
}

/* Notes how much private memory the process has besides our frames: its stacks, its small mappings,
 * our tables. */
static void sample_unmanaged(struct paging *paging)
{
	int64_t anonymous = process_anonymous((uint32_t)sys_getpid());
	int64_t held = budget_held(&paging->budget);

	if (anonymous > held)
		stat_raise(&paging->stats->unmanaged_peak, (uint64_t)(anonymous - held)
								   << page_shift());
}

void gauges_sample(struct paging *paging)
{
	uint64_t now = sys_now();
	uint64_t last = paging->sampled;

	if (now - last < SAMPLE_NS || !atomic_compare_exchange_strong(&paging->sampled, &last, now))
		return;
	sample_unmanaged(paging);
	gauges_publish(paging);
}

uint64_t gauges_publish_soon(struct paging *paging)
{
	uint64_t now = sys_now();
	uint64_t last = paging->published;

	if (now - last < PUBLISH_NS)
		return PUBLISH_NS - (now - last);
	paging->published = now;
	gauges_publish(paging);
	return UINT64_MAX;
}

void gauges_publish(struct paging *paging)
{
	struct stats *stats = paging->stats;

	stat_set(&stats->budget, paging_command_budget(paging));
	stat_set(&stats->held, (uint64_t)budget_held(&paging->budget) << page_shift());
	stat_set(&stats->peak, (uint64_t)paging->budget.peak << page_shift());
	stat_set(&stats->reserved, paging->regions->reserved);
	stat_set(&stats->resident, paging->pages.resident << page_shift());
	stat_set(&stats->cached, paging->pages.cached << page_shift());
	stat_set(&stats->swapped, pages_swapped(paging) << page_shift());
	stat_set(&stats->compressed, paging->store.compressed.pages << page_shift());
	stat_set(&stats->compressed_size, (uint64_t)paging->budget.compressed << page_shift());
	stat_set(&stats->swap_used, store_used(&paging->store));
	stat_set(&stats->swap_size, store_size(&paging->store));
	stat_set(&stats->metadata, pages_tables(&paging->pages));
	stat_set(&stats->spinning, paging->spinning.verdict);
	stat_set(&stats->on_duty, paging->on_duty);
}

/* -- the recording ---------------------------------------------------------------------------- */

static void note_gauge(struct trace *trace, enum trace_gauge gauge, uint64_t value)
{
	trace_append(trace, TRACE_GAUGE, gauge, value);
}

static uint64_t pages_unmanaged(const struct paging *paging)
{
	size_t tables = arena_bytes(&paging->pages.arena);
	int64_t unmanaged = process_anonymous((uint32_t)sys_getpid()) -
			    budget_held(&paging->budget) - (int64_t)(tables >> page_shift());

	return unmanaged > 0 ? (uint64_t)unmanaged : 0;
}

static void append_gauges(struct paging *paging, struct trace *trace)
{
	const struct stats *stats = paging->stats;
	const struct watch *watch = paging->watch;

	note_gauge(trace, GAUGE_KEPT, paging->pages.kept);
	note_gauge(trace, GAUGE_HELD, (uint64_t)budget_held(&paging->budget));
	note_gauge(trace, GAUGE_UNMANAGED, pages_unmanaged(paging));
	note_gauge(trace, GAUGE_ZEROED, stat_get(&stats->pages_zeroed));
	note_gauge(trace, GAUGE_FAULTS_ZERO, stat_get(&stats->faults_zero));
	note_gauge(trace, GAUGE_FAULTS_SOFT, stat_get(&stats->faults_soft));
	note_gauge(trace, GAUGE_FAULTS_MAJOR, stat_get(&stats->faults_major));
	note_gauge(trace, GAUGE_READ, stat_get(&stats->pages_read));
	note_gauge(trace, GAUGE_EVICTED, stat_get(&stats->pages_evicted));
	note_gauge(trace, GAUGE_THRESHOLD, watch ? watch->threshold : 0);
	note_gauge(trace, GAUGE_LOST, trace_lost());
}

void gauges_record(struct paging *paging, struct trace *trace, bool now)
{
	uint64_t time = sys_now(), last = paging->gauged;

	if ((now || time - last >= GAUGE_NS) &&
	    atomic_compare_exchange_strong(&paging->gauged, &last, time))
		append_gauges(paging, trace);
}
