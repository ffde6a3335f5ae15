/* SPDX-License-Identifier: MIT */
/* work_stream.c - every page once, in an order that can be foreseen
 *
 * Warming goes through the data once in the same order, so that what is measured
 * is the state in which every page has to come from somewhere: without it a
 * backward read would begin with what the fill has left in memory.  If warming
 * takes too long it is cut off, and measuring goes on from there.
 */
#include <stddef.h>

#include "contents.h"
#include "crew.h"
#include "measure.h"

#define MB 1e6

/* The k-th page of n. */
typedef size_t order_fn(size_t k, size_t n);

static size_t forward(size_t k, size_t n)
{
	(void)n;
	return k;
}

static size_t backward(size_t k, size_t n)
{
	return n - 1 - k;
}

/* Every 17th page, then the same from the next one on. */
#define STRIDE 17

static size_t strided(size_t k, size_t n)
{
	size_t rows = n / STRIDE;

	return k % rows * STRIDE + k / rows;
}

#define STREAMS 4

static size_t interleaved(size_t k, size_t n)
{
	return k % STREAMS * (n / STREAMS) + k / STREAMS;
}

struct walk {
	struct contents *contents;
	order_fn *order;
	bool update;
	size_t n;  /* pages in a round */
	size_t at; /* where it is in it */
};

/* How often the clock is looked at, in pages. */
#define CLOCK_PAGES 64

/* So many pages further, or until the time is over; gives how many it were. */
static size_t walk_on(struct walk *walk, size_t pages, double seconds)
{
	double end = seconds_now() + seconds;
	size_t k;

	for (k = 0; k < pages; k++) {
		size_t i = walk->order(walk->at, walk->n);

		if (k % CLOCK_PAGES == 0 && seconds_now() > end)
			break;
		contents_check(walk->contents, i);
		if (walk->update)
			contents_write(walk->contents, i);
		walk->at = (walk->at + 1) % walk->n;
	}
	return k;
}

static void run_walk(const struct options *options, order_fn *order, bool update, size_t divisor)
{
	struct contents contents;
	struct walk walk = { &contents, order, update, 0, 0 };
	struct measure measure;
	size_t pages;

	contents_open(&contents, options);
	walk.n = contents.memory.pages / divisor * divisor;
	contents_fill(&contents);
	walk_on(&walk, walk.n, 2 * options->seconds);
	measure_begin(&measure, &contents.memory);
	pages = walk_on(&walk, options->operations ? options->operations : walk.n,
			options->seconds);
	measure_end(&measure);
	report_begin(options, &measure, "MB/s",
		     (double)(pages * contents.memory.page) / MB / measure.seconds, (double)pages);
	report_end();
	contents_close(&contents);
}

static void run_fill(const struct options *options)
{
	struct contents contents;
	struct measure measure;

	contents_open(&contents, options);
	measure_begin(&measure, &contents.memory);
	contents_fill(&contents);
	measure_end(&measure);
	report_begin(options, &measure, "MB/s",
		     (double)(contents.memory.pages * contents.memory.page) / MB / measure.seconds,
		     (double)contents.memory.pages);
	report_end();
	for (size_t i = 0; i < contents.memory.pages; i++)
		contents_check(&contents, i);
	contents_close(&contents);
}

static void run_read(const struct options *options)
{
	run_walk(options, forward, false, 1);
}

static void run_update(const struct options *options)
{
	run_walk(options, forward, true, 1);
}

static void run_backward(const struct options *options)
{
	run_walk(options, backward, false, 1);
}

static void run_stride(const struct options *options)
{
	run_walk(options, strided, false, STRIDE);
}

static void run_streams(const struct options *options)
{
	run_walk(options, interleaved, false, STREAMS);
}

const struct workload stream_workloads[] = {
	{ "fill", "MB/s", run_fill },
	{ "sequential-read", "MB/s", run_read },
	{ "sequential-update", "MB/s", run_update },
	{ "backward-read", "MB/s", run_backward },
	{ "stride-17", "MB/s", run_stride },
	{ "streams-4", "MB/s", run_streams },
	{ NULL, NULL, NULL },
};
