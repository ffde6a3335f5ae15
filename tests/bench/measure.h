/* SPDX-License-Identifier: MIT */
/* measure.h - time, CPU time, latencies and the pager's counters; the line of JSON
 *
 *	struct measure measure;
 *	measure_begin(&measure, &memory);
 *	...
 *	measure_end(&measure);
 *	report_begin(options, &measure, "MB/s", value, operations);
 *	report_number("scan", rate);
 *	report_end();
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "memory.h"

/* Seconds of the monotonic clock; the same in ns. */
double seconds_now(void);
uint64_t ns_now(void);

struct measure {
	const struct memory *memory; /* NULL: none */
	double seconds;
	double user, system; /* CPU seconds of the process */
	double reading;	     /* and of those who read the statistics */
	uint64_t major;	     /* page faults that the kernel calls major */
	struct spill_stats stats;
};

void measure_begin(struct measure *measure, const struct memory *memory);
void measure_end(struct measure *measure);

/* -- a histogram of latencies ------------------------------------------------------------- */

/* Buckets are an eighth of an octave wide: percentiles are right within 9 %. */
#define LATENCY_STEPS 8
#define LATENCY_BUCKETS (64 * LATENCY_STEPS)

struct latency {
	uint64_t slow_ns; /* what takes no longer is only counted */
	uint64_t count;	  /* all */
	uint64_t slow;	  /* of them, in buckets */
	uint64_t most_ns;
	uint64_t bucket[LATENCY_BUCKETS];
};

void latency_init(struct latency *latency, double slow_us);
void latency_add(struct latency *latency, uint64_t ns);
void latency_merge(struct latency *into, const struct latency *from);
/* Of the slow ones, in us; 0 if there were none. */
double latency_percentile(const struct latency *latency, double percent);

/* -- the result --------------------------------------------------------------------------- */

void report_begin(const struct options *options, const struct measure *measure, const char *unit,
		  double value, double operations);
void report_number(const char *name, double value);
/* A number that follows from the work, the same for every kind of memory. */
void report_check(uint64_t check);
void report_latency(const struct latency *latency);
void report_end(void);

#endif /* MEASURE_H */
