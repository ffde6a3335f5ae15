/* SPDX-License-Identifier: MIT */
/* work_random.c - pages in an order that cannot be foreseen, by one thread or by several
 *
 * An operation touches a page (that is what is timed for the latencies), checks all
 * of it, and may write its next version.  Where there are updates each thread has
 * pages of its own, every n-th one.
 *
 * Warming exchanges the whole budget by the same operations, by more threads, so
 * that the pages that are there lie scattered as they do after a while.
 */
#include <stdlib.h>

#include "contents.h"
#include "crew.h"
#include "measure.h"
#include "zipf.h"

#define WARM_THREADS 16
/* Of how many operations of zipf one is an update. */
#define ZIPF_UPDATE 4
#define US 1000
#define MB 1e6

struct pattern {
	unsigned update; /* one of so many operations is one; 0: none */
	bool zipf;
	bool soft; /* only pages that are evicted but still in memory */
};

struct job {
	const struct options *options;
	struct contents contents;
	struct pattern pattern;
	unsigned threads;
	uint64_t operations; /* for each thread, at most */
	uint64_t end_ns;     /* until when, at the latest */
	uint64_t phase;	     /* so that no two have the same random numbers */
	struct zipf zipf;
	struct scatter scatter;
	struct latency *latency; /* of each thread */
	/* The scan of zipf-scan. */
	bool stop;
	size_t scanned;
};

/* How many pages a thread draws from, and the i-th one of thread t. */
static size_t share(const struct job *job)
{
	return job->pattern.update ? job->contents.memory.pages / job->threads
				   : job->contents.memory.pages;
}

static size_t page_of(const struct job *job, size_t i, unsigned t)
{
	return job->pattern.update ? i * job->threads + t : i;
}

static size_t draw(const struct job *job, uint64_t *random, unsigned t)
{
	size_t i = job->pattern.zipf ? scatter_of(&job->scatter, zipf_next(&job->zipf, random))
				     : random_below(random, share(job));

	return page_of(job, i, t);
}

static bool is_cached(const struct job *job, size_t i)
{
	const struct memory *memory = &job->contents.memory;
	unsigned char state = 0;

	if (spill_get_states(memory->pager, memory_page(memory, i), memory->page, &state))
		bench_fail_errno("spill_get_states");
	return (state & SPILL_STATE_MASK) == SPILL_CACHED;
}

/* Gives the time after the touch. */
static uint64_t timed_touch(struct job *job, size_t i, struct latency *latency)
{
	uint64_t before = ns_now(), after;

	contents_touch(&job->contents, i);
	after = ns_now();
	latency_add(latency, after - before);
	return after;
}

/* What soft needs: that pages go on being evicted. */
static void press(struct job *job, uint64_t *random)
{
	contents_check(&job->contents, random_below(random, job->contents.memory.pages));
}

static void work(void *arg, unsigned t)
{
	struct job *job = arg;
	uint64_t random = mix(job->options->seed ^ job->phase << 32) + t;
	uint64_t now = 0;

	for (uint64_t k = 0; k < job->operations && now < job->end_ns; k++) {
		size_t i = draw(job, &random, t);

		if (job->pattern.soft && !is_cached(job, i)) {
			press(job, &random);
			now = ns_now();
			continue;
		}
		now = timed_touch(job, i, &job->latency[t]);
		contents_check(&job->contents, i);
		if (job->pattern.update && k % job->pattern.update == 0)
			contents_write(&job->contents, i);
	}
}

static void phase(struct job *job, unsigned threads, uint64_t operations, double seconds)
{
	job->phase++;
	job->threads = threads;
	if (job->pattern.zipf) {
		zipf_init(&job->zipf, share(job));
		scatter_init(&job->scatter, share(job), job->options->seed);
	}
	job->latency = calloc(threads, sizeof(*job->latency));
	if (!job->latency)
		bench_fail("out of memory");
	for (unsigned t = 0; t < threads; t++)
		latency_init(&job->latency[t], job->options->slow_us);
	job->operations = operations / threads;
	job->end_ns = ns_now() + (uint64_t)(seconds * 1e9);
}

static void warm(struct job *job)
{
	const struct options *options = job->options;
	size_t bytes = options->budget < options->data ? options->budget : options->data;
	unsigned threads = options->threads > WARM_THREADS ? options->threads : WARM_THREADS;

	/* Of what zipf touches, about as much again is there already. */
	phase(job, threads, bytes / job->contents.memory.page * (job->pattern.zipf ? 2 : 1),
	      2 * options->seconds);
	crew_run(threads, work, job);
	free(job->latency);
}

/* -- the scan ----------------------------------------------------------------------------- */

/* No faster than scan_rate: who lets it run faster shall not be disturbed more by it. */
static void scan(struct job *job)
{
	const struct memory *memory = &job->contents.memory;
	double ns_a_page = (double)memory->page / job->options->scan_rate * 1e9 / MB;
	uint64_t begin = ns_now();

	while (!__atomic_load_n(&job->stop, __ATOMIC_RELAXED)) {
		uint64_t due = begin + (uint64_t)((double)job->scanned * ns_a_page);

		while (ns_now() < due && !__atomic_load_n(&job->stop, __ATOMIC_RELAXED))
			crew_sleep_us(US);
		contents_check(&job->contents, job->scanned++ % memory->pages);
	}
}

/* Thread 0 is measured. */
static void work_or_scan(void *arg, unsigned t)
{
	struct job *job = arg;

	if (t) {
		scan(job);
		return;
	}
	work(job, 0);
	__atomic_store_n(&job->stop, true, __ATOMIC_RELAXED);
}

/* -- the runs ----------------------------------------------------------------------------- */

static void report(struct job *job, const struct measure *measure, bool scanned)
{
	struct latency *all = &job->latency[0];

	for (unsigned t = 1; t < job->threads; t++)
		latency_merge(all, &job->latency[t]);
	report_begin(job->options, measure, "op/s", (double)all->count / measure->seconds,
		     (double)all->count);
	report_latency(all);
	if (scanned)
		report_number("scan_mb_s", (double)(job->scanned * job->contents.memory.page) / MB /
						   measure->seconds);
	report_end();
}

static void run(const struct options *options, struct pattern pattern, bool with_scan)
{
	struct job job = { .options = options, .pattern = pattern };
	uint64_t operations = options->operations ? options->operations : UINT64_MAX;
	struct measure measure;

	contents_open(&job.contents, options);
	contents_fill(&job.contents);
	neighbours_avoid(options);
	warm(&job);
	phase(&job, options->threads, operations, options->seconds);
	measure_begin(&measure, &job.contents.memory);
	crew_run(options->threads + with_scan, with_scan ? work_or_scan : work, &job);
	measure_end(&measure);
	report(&job, &measure, with_scan);
	free(job.latency);
	contents_close(&job.contents);
}

static void run_random_read(const struct options *options)
{
	run(options, (struct pattern){ 0 }, false);
}

static void run_random_update(const struct options *options)
{
	run(options, (struct pattern){ .update = 1 }, false);
}

static void run_zipf(const struct options *options)
{
	run(options, (struct pattern){ .zipf = true, .update = ZIPF_UPDATE }, false);
}

/* Reads only: the scan reads the same pages. */
static void run_zipf_scan(const struct options *options)
{
	if (options->threads != 1)
		bench_fail("zipf-scan has one thread, and one that scans");
	run(options, (struct pattern){ .zipf = true }, true);
}

/* What is timed are touches of pages in the second-chance queue. */
static void run_soft(const struct options *options)
{
	if (options->memory != MEMORY_LIBRARY)
		bench_fail("soft needs --memory=library");
	run(options, (struct pattern){ .soft = true }, false);
}

const struct workload random_workloads[] = {
	{ "random-read", "op/s", run_random_read },
	{ "random-update", "op/s", run_random_update },
	{ "zipf", "op/s", run_zipf },
	{ "zipf-scan", "op/s", run_zipf_scan },
	{ "soft", "op/s", run_soft },
	{ NULL, NULL, NULL },
};
