/* SPDX-License-Identifier: MIT */
/* measure.c - see measure.h */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "count.h"
#include "crew.h"
#include "measure.h"

#define NS_PER_SECOND 1000000000

uint64_t ns_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

double seconds_now(void)
{
	return (double)ns_now() / NS_PER_SECOND;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* What there is now. */
static void take(struct measure *measure)
{
	struct rusage usage;

	measure->stats = (struct spill_stats){ .size = sizeof(measure->stats) };
	if (measure->memory && measure->memory->pager &&
	    spill_get_stats(measure->memory->pager, &measure->stats))
		bench_fail_errno("spill_get_stats");
	getrusage(RUSAGE_SELF, &usage);
	measure->user = seconds_of(usage.ru_utime);
	measure->system = seconds_of(usage.ru_stime);
	measure->reading = neighbours_reading();
	measure->major = (uint64_t)usage.ru_majflt;
	measure->seconds = seconds_now();
}

void measure_begin(struct measure *measure, const struct memory *memory)
{
	measure->memory = memory;
	count_begin();
	take(measure);
}

/* The counters of spill_stats that only grow. */
#define COUNTERS(X)          \
	X(faults_zero)       \
	X(faults_soft)       \
	X(faults_major)      \
	X(faults_other)      \
	X(pages_zeroed)      \
	X(pages_read)        \
	X(pages_evicted)     \
	X(pages_clean)       \
	X(bytes_read)        \
	X(bytes_written)     \
	X(reads)             \
	X(writes)            \
	X(read_errors)       \
	X(write_errors)      \
	X(pages_poisoned)    \
	X(pages_unread)      \
	X(wait_zero)         \
	X(wait_soft)         \
	X(wait_major)        \
	X(faults_compressed) \
	X(wait_compressed)   \
	X(pages_compressed)  \
	X(pages_passed)      \
	X(bytes_packed)

#define GAUGES(X)          \
	X(compressed)      \
	X(compressed_size) \
	X(resident)        \
	X(peak)            \
	X(swap_used)       \
	X(metadata)        \
	X(armed)

void measure_end(struct measure *measure)
{
	struct measure before = *measure;

	measure->seconds = seconds_now(); /* reading the counters is not measured */
	count_end();
	before.seconds = measure->seconds - before.seconds;
	take(measure);
	measure->seconds = before.seconds;
	measure->user -= before.user;
	measure->system -= before.system;
	measure->reading -= before.reading;
	measure->major -= before.major;
#define SUBTRACT(name) measure->stats.name -= before.stats.name;
	COUNTERS(SUBTRACT)
#undef SUBTRACT
}

/* -- a histogram of latencies ------------------------------------------------------------- */

void latency_init(struct latency *latency, double slow_us)
{
	memset(latency, 0, sizeof(*latency));
	latency->slow_ns = (uint64_t)(slow_us * 1000);
}

/* The octave, and the three bits below the first one. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned octave = 63 - (unsigned)__builtin_clzll(ns | LATENCY_STEPS);

	return octave * LATENCY_STEPS + (ns >> (octave - 3) & (LATENCY_STEPS - 1));
}

static double middle_of(unsigned bucket)
{
	unsigned octave = bucket / LATENCY_STEPS;
	double width = (double)(UINT64_C(1) << octave) / LATENCY_STEPS;

	return (double)(UINT64_C(1) << octave) + (bucket % LATENCY_STEPS + 0.5) * width;
}

void latency_add(struct latency *latency, uint64_t ns)
{
	latency->count++;
	if (ns <= latency->slow_ns)
		return;
	latency->slow++;
	latency->bucket[bucket_of(ns)]++;
	if (ns > latency->most_ns)
		latency->most_ns = ns;
}

void latency_merge(struct latency *into, const struct latency *from)
{
	into->count += from->count;
	into->slow += from->slow;
	if (from->most_ns > into->most_ns)
		into->most_ns = from->most_ns;
	for (unsigned b = 0; b < LATENCY_BUCKETS; b++)
		into->bucket[b] += from->bucket[b];
}

double latency_percentile(const struct latency *latency, double percent)
{
	double wanted = (double)latency->slow * percent / 100;
	uint64_t seen = 0;

	if (!latency->slow)
		return 0;
	for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
		seen += latency->bucket[b];
		if ((double)seen >= wanted && seen)
			return middle_of(b) / 1000;
	}
	return (double)latency->most_ns / 1000;
}

/* -- the result --------------------------------------------------------------------------- */

static const char *kind_name(enum memory_kind kind)
{
	static const char *const names[] = { "library", "plain", "file" };

	return names[kind];
}

static void report_stats(const struct spill_stats *stats)
{
	printf(", \"stats\": {\"held\": %llu", (unsigned long long)stats->held);
#define PRINT(name) printf(", \"" #name "\": %llu", (unsigned long long)stats->name);
	COUNTERS(PRINT)
	GAUGES(PRINT)
#undef PRINT
	printf("}");
}

void report_begin(const struct options *options, const struct measure *measure, const char *unit,
		  double value, double operations)
{
	printf("{\"workload\": \"%s\", \"memory\": \"%s\", \"budget\": %zu, \"data\": %zu, "
	       "\"threads\": %u, \"regions\": %zu, \"seed\": %llu, \"unit\": \"%s\", "
	       "\"value\": %.6g, \"seconds\": %.6f, \"operations\": %.0f, "
	       "\"user_seconds\": %.6f, \"system_seconds\": %.6f, \"reading_seconds\": %.6f, "
	       "\"major_faults\": %llu",
	       options->workload, kind_name(options->memory), options->budget, options->data,
	       options->threads, options->regions, (unsigned long long)options->seed, unit, value,
	       measure->seconds, operations, measure->user, measure->system, measure->reading,
	       (unsigned long long)measure->major);
	if (measure->memory && measure->memory->pager)
		report_stats(&measure->stats);
	report_counts();
}

void report_number(const char *name, double value)
{
	printf(", \"%s\": %.6g", name, value);
}

void report_check(uint64_t check)
{
	printf(", \"check\": \"%016llx\"", (unsigned long long)check);
}

void report_latency(const struct latency *latency)
{
	printf(", \"touches\": %llu, \"slow\": %llu, \"slow_us\": {\"over\": %g, \"p50\": %.4g, "
	       "\"p99\": %.4g, \"p99.9\": %.4g, \"most\": %.6g}",
	       (unsigned long long)latency->count, (unsigned long long)latency->slow,
	       (double)latency->slow_ns / 1000, latency_percentile(latency, 50),
	       latency_percentile(latency, 99), latency_percentile(latency, 99.9),
	       (double)latency->most_ns / 1000);
}

void report_end(void)
{
	puts("}");
	if (fflush(stdout))
		bench_fail_errno("stdout");
}
