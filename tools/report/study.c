/* SPDX-License-Identifier: MIT */
/* study.c - what a recording says: see study.h */
#include "report/study.h"
#include "paging/start.h"
#include "paging/watch.h"
#include "report/model.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* About how many regions a report has.  Chunks this far apart, as the sample has them, do not
 * belong together. */
#define REGIONS 64
#define REGION_GAP 32
/* A sample is never a smaller part than this, whatever a file says. */
#define PART_LEAST 1e-6
/* A program may well follow this many at once. */
#define STREAMS_LEAST 2
/* Steps that study_least tries. */
#define LEAST_STEPS 8

/* -- the sample ----------------------------------------------------------------------------- */

static void note_gauges(struct study *study)
{
	for (size_t i = 0; i < study->recording.count; i++) {
		const struct trace_event *event = &study->recording.event[i];

		if (event->kind != TRACE_GAUGE)
			continue;
		study->gauge[event->page] = event->mask;
		if (study->gauge_most[event->page] < event->mask)
			study->gauge_most[event->page] = event->mask;
	}
	study->sampled = study->gauge[GAUGE_THRESHOLD] != 0;
}

/* Touches of chunks that were given up when the sample became too large do not count. */
static bool is_touch(const struct study *study, const struct trace_event *event)
{
	if (!recording_is_fault(event) && event->kind != TRACE_DISCARD)
		return false;
	return !study->sampled ||
	       watch_hash(event->page / CHUNK_PAGES) < study->gauge[GAUGE_THRESHOLD];
}

static int find_chunks(struct study *study)
{
	const struct recording *recording = &study->recording;
	size_t n = 0, faults = 0;

	for (size_t i = 0; i < recording->count; i++) {
		n += is_touch(study, &recording->event[i]);
		faults += recording_is_fault(&recording->event[i]);
	}
	if (!faults || !n)
		return -ENODATA;
	study->chunks = malloc(n * sizeof(*study->chunks));
	study->touch = malloc(n * sizeof(*study->touch));
	if (!study->chunks || !study->touch)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < recording->count; i++)
		if (is_touch(study, &recording->event[i]))
			study->chunks[n++] = recording->event[i].page / CHUNK_PAGES;
	n = recording_sort(study->chunks, n);
	if (n > UINT32_MAX / CHUNK_PAGES)
		return -EINVAL;
	study->chunk_count = (uint32_t)n;
	study->seen = calloc(n, sizeof(*study->seen));
	study->touched = calloc(n, sizeof(*study->touched));
	return study->seen && study->touched ? 0 : -ENOMEM;
}

static uint32_t chunk_of(const struct study *study, const struct trace_event *event)
{
	return (uint32_t)recording_place(study->chunks, study->chunk_count,
					 event->page / CHUNK_PAGES);
}

static void enter_touches(struct study *study)
{
	for (size_t i = 0; i < study->recording.count; i++) {
		const struct trace_event *event = &study->recording.event[i];
		struct study_touch touch = { .kind = event->kind, .mask = event->mask };
		uint32_t chunk;

		if (!is_touch(study, event))
			continue;
		chunk = chunk_of(study, event);
		touch.page = chunk * CHUNK_PAGES + (uint32_t)(event->page % CHUNK_PAGES);
		if (event->kind != TRACE_DISCARD) {
			touch.mask |= mask_bit(event->page % CHUNK_PAGES);
			study->seen[chunk] |= touch.mask;
			study->touched[chunk] += mask_count(touch.mask);
			study->touches += mask_count(touch.mask);
		}
		study->touch[study->touch_count++] = touch;
	}
}

/* -- how much of all it is -------------------------------------------------------------------- */

static double pages_zeroed(const struct study *study)
{
	double ret = 0;

	for (size_t i = 0; i < study->touch_count; i++)
		if (study->touch[i].kind == TRACE_ZERO)
			ret += mask_count(study->touch[i].mask);
	return ret;
}

/* Did the recording begin in the middle of a run? */
static bool is_of_middle(const struct study *study)
{
	return study->gauge[GAUGE_FOUND] != 0;
}

static void find_part(struct study *study)
{
	double all = (double)study->gauge[GAUGE_ZEROED], ours = pages_zeroed(study);

	if (is_of_middle(study))
		study->part = (double)study->gauge[GAUGE_THRESHOLD] / WATCH_WHOLE;
	else
		study->part = study->sampled && all > ours && ours > 0 ? ours / all : 1;
	if (study->part < PART_LEAST)
		study->part = PART_LEAST;
	study->touches /= study->part;
}

static double find_seconds(const struct study *study)
{
	const struct recording *recording = &study->recording;
	uint64_t first = recording->event[0].time;

	return (double)(recording->event[recording->count - 1].time - first) / 1e9;
}

/* -- one budget ------------------------------------------------------------------------------ */

static struct model_reserve reserve_of(struct budget *budget, bool ample)
{
	budget_reserve(budget, ample);
	return (struct model_reserve){ .low = budget->low, .high = budget->high };
}

/* Frames of a budget that the command's pager may have, and what handlers take of them. */
static void find_size(const struct study *study, uint64_t budget, struct model_size *size)
{
	static struct paging paging;
	unsigned handlers = study->recording.header.handlers;
	uint64_t frames = budget >> page_shift();
	uint64_t beside = study->gauge[GAUGE_UNMANAGED] + (arena_tables(frames) >> page_shift());

	*size = (struct model_size){ .limit = frames > beside ? frames - beside : 0 };
	paging.crew = handlers < HANDLERS_MAX ? handlers : HANDLERS_MAX;
	readahead_init(&paging.readahead, READAHEAD_STREAMS, &paging.budget.limit);
	paging_set_budget(&paging, size->limit << page_shift());
	size->charge = paging.budget.charge;
	size->reserve = reserve_of(&paging.budget, false);
	size->ample = reserve_of(&paging.budget, true);
	size->window = readahead_most(&paging.readahead);
}

static uint64_t scale(const struct study *study, uint64_t frames)
{
	return (uint64_t)((double)frames * study->part + 0.5);
}

static unsigned at_most(unsigned n, unsigned most)
{
	return n < most ? n : most;
}

/* Returns how far apart the marks are beyond what they should be. */
static uint64_t scale_reserve(const struct study *study, struct model_reserve *reserve)
{
	uint64_t high = scale(study, reserve->high) + 2, least;

	reserve->low = scale(study, reserve->low) + 1;
	least = CHUNK_PAGES + reserve->low;
	reserve->high = high < least ? least : high;
	return reserve->high - high;
}

/* Chunks leave whole and are read ahead whole.  So, on average, half a chunk more than was wanted
 * is free, and the marks are at least a chunk apart.  That does not shrink with the budget, so the
 * model makes up for it. */
static void scale_size(const struct study *study, struct model_size *size)
{
	uint64_t over = CHUNK_PAGES / 2 - scale(study, CHUNK_PAGES / 2);

	scale_reserve(study, &size->ample);
	over += scale_reserve(study, &size->reserve) / 2;
	size->limit = scale(study, size->limit) + over;
	size->charge = scale(study, size->charge);
	size->ample_faults = (unsigned)scale(study, AMPLE_FAULTS) + 1;
	size->spent = at_most((unsigned)scale(study, SPENT_BATCH) + 1, SPENT_BATCH);
	/* With fewer pages any two are closer together, so all of the pager's streams would find
	 * false patterns more often than with all pages.  The model follows fewer. */
	size->streams = at_most((unsigned)scale(study, READAHEAD_STREAMS) + STREAMS_LEAST,
				READAHEAD_STREAMS);
}

/* What came along with a page counts as touched right after it, since nobody would see that. */
static int replay_touch(const struct study_touch *touch, struct model *model)
{
	uint32_t first = touch->page / CHUNK_PAGES * CHUNK_PAGES;
	uint64_t rest = touch->mask & ~mask_bit(touch->page % CHUNK_PAGES);
	int err = model_touch(model, touch->page, touch->mask);
	unsigned i;

	mask_for_each(i, rest)
		if (!err)
			err = model_touch(model, first + i, 0);
	return err;
}

static int replay(const struct study *study, struct model *model)
{
	int err = 0;

	for (size_t i = 0; i < study->touch_count && !err; i++) {
		const struct study_touch *touch = &study->touch[i];

		/* Zeros: it was discarded since, whatever the model knows of it. */
		if (touch->kind == TRACE_ZERO || touch->kind == TRACE_DISCARD)
			model_discard(model, touch->page / CHUNK_PAGES, touch->mask);
		if (touch->kind != TRACE_DISCARD)
			err = replay_touch(touch, model);
	}
	return err;
}

int study_predict(const struct study *study, uint64_t budget, struct study_point *ret_point)
{
	struct study_point point = { .budget = budget };
	struct model_counts counts, before = { 0 };
	struct model_size size;
	struct model *model;
	int err;

	find_size(study, budget, &size);
	if (budget < SPILL_BUDGET_MIN || size.limit < size.charge + 2 * size.reserve.high) {
		*ret_point = point;
		return 0;
	}
	scale_size(study, &size);
	model = model_new(study->chunk_count * CHUNK_PAGES, &size);
	if (!model)
		return -ENOMEM;
	err = replay(study, model);
	if (!err && is_of_middle(study)) {
		before = model_counts(model);
		err = replay(study, model);
	}
	counts = model_counts(model);
	model_free(model);
	point.possible = err == 0;
	point.read = (double)(counts.read - before.read) / study->part;
	point.major = (double)(counts.major - before.major) / study->part;
	point.soft = (double)(counts.soft - before.soft) / study->part;
	*ret_point = point;
	return 0;
}

int study_least(const struct study *study, const struct study_point *most, uint64_t *ret_budget)
{
	uint64_t low = SPILL_BUDGET_MIN, high = study->need + study->need / 4;
	struct study_point point;
	int err = 0;

	for (int i = 0; i < LEAST_STEPS && !err && low < high; i++) {
		uint64_t middle = page_round_down(low + (high - low) / 2);

		err = study_predict(study, middle, &point);
		if (point.possible && point.read <= most->read && point.major <= most->major)
			high = middle;
		else
			low = middle;
	}
	*ret_budget = high;
	return err;
}

/* -- time -------------------------------------------------------------------------------------- */

static unsigned slice_of(const struct study *study, uint64_t time)
{
	double at = (double)(time - study->recording.event[0].time) / 1e9;
	unsigned i = study->seconds > 0 ? (unsigned)(at / study->seconds * STUDY_SLICES) : 0;

	return i < STUDY_SLICES ? i : STUDY_SLICES - 1;
}

/* Fills value with how far a counter has come at the end of each slice. */
static void follow_gauge(const struct study *study, enum trace_gauge gauge,
			 double value[STUDY_SLICES])
{
	double latest = 0;
	unsigned at = 0;

	for (size_t i = 0; i < study->recording.count; i++) {
		const struct trace_event *event = &study->recording.event[i];
		unsigned slice = slice_of(study, event->time);

		for (; at < slice; at++)
			value[at] = latest;
		if (event->kind == TRACE_GAUGE && event->page == gauge)
			latest = (double)event->mask;
	}
	for (; at < STUDY_SLICES; at++)
		value[at] = latest;
}

/* Counts the pages touched in each slice: each page once, however often it was touched. */
static int follow_touched(struct study *study)
{
	uint64_t *mask = calloc(study->chunk_count, sizeof(*mask));
	unsigned now = 0;

	if (!mask)
		return -ENOMEM;
	for (size_t i = 0; i < study->recording.count; i++) {
		const struct trace_event *event = &study->recording.event[i];
		unsigned slice = slice_of(study, event->time);
		uint64_t more;

		if (!is_touch(study, event) || event->kind == TRACE_DISCARD)
			continue;
		if (slice != now)
			memset(mask, 0, study->chunk_count * sizeof(*mask));
		now = slice;
		more = (event->mask | mask_bit(event->page % CHUNK_PAGES)) &
		       ~mask[chunk_of(study, event)];
		mask[chunk_of(study, event)] |= more;
		study->slice[slice].touched += mask_count(more) / study->part * (double)page_size();
	}
	free(mask);
	return 0;
}

static int make_slices(struct study *study)
{
	double kept[STUDY_SLICES], read[STUDY_SLICES], evicted[STUDY_SLICES];

	follow_gauge(study, GAUGE_KEPT, kept);
	follow_gauge(study, GAUGE_READ, read);
	follow_gauge(study, GAUGE_EVICTED, evicted);
	for (unsigned i = 0; i < STUDY_SLICES; i++)
		study->slice[i] = (struct study_slice){
			.start = study->seconds * i / STUDY_SLICES,
			.kept = kept[i] * (double)page_size(),
			.read = read[i] - (i ? read[i - 1] : 0),
			.evicted = evicted[i] - (i ? evicted[i - 1] : 0),
		};
	return follow_touched(study);
}

/* -- space ------------------------------------------------------------------------------------ */

static bool goes_on(const struct study *study, const struct study_region *region, uint32_t i,
		    uint64_t most)
{
	uint64_t address = study->chunks[i] << chunk_shift();

	return address - region->end <= REGION_GAP / study->part * (double)chunk_size() &&
	       address + chunk_size() - region->start <= most;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* The most pages that it can have. */
static double room_of(const struct study_region *region)
{
	return (double)(region->end - region->start) / (double)page_size();
}

static int make_regions(struct study *study)
{
	uint64_t most = (uint64_t)(study->chunk_count / study->part) / REGIONS + 1;
	struct study_region *region = NULL;

	study->region = calloc(study->chunk_count, sizeof(*study->region));
	if (!study->region)
		return -ENOMEM;
	for (uint32_t i = 0; i < study->chunk_count; i++) {
		if (!study->seen[i])
			continue;
		if (!region || !goes_on(study, region, i, most << chunk_shift())) {
			region = &study->region[study->region_count++];
			region->start = study->chunks[i] << chunk_shift();
		}
		region->end = (study->chunks[i] + 1) << chunk_shift();
		region->pages += mask_count(study->seen[i]) / study->part;
		region->touches += study->touched[i] / study->part;
	}
	for (size_t i = 0; i < study->region_count; i++)
		study->region[i].pages = least(study->region[i].pages, room_of(&study->region[i]));
	return 0;
}

/* -- all of it -------------------------------------------------------------------------------- */

static void find_need(struct study *study)
{
	uint64_t pages = study->gauge_most[GAUGE_KEPT] + study->gauge[GAUGE_UNMANAGED];
	struct model_size size;

	study->need = pages << page_shift();
	find_size(study, study->need, &size);
	study->need += ((size.charge + size.reserve.high) << page_shift()) +
		       arena_tables(study->need >> page_shift());
}

int study_load(struct study *study, const char *path)
{
	int err;

	memset(study, 0, sizeof(*study));
	err = recording_load(&study->recording, path);
	if (!err) {
		note_gauges(study);
		err = find_chunks(study);
	}
	if (!err) {
		enter_touches(study);
		find_part(study);
		study->seconds = find_seconds(study);
		find_need(study);
		err = make_slices(study);
	}
	if (!err)
		err = make_regions(study);
	if (err)
		study_free(study);
	return err;
}

void study_free(struct study *study)
{
	recording_free(&study->recording);
	free(study->chunks);
	free(study->seen);
	free(study->touched);
	free(study->touch);
	free(study->region);
	memset(study, 0, sizeof(*study));
}
