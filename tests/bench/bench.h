/* SPDX-License-Identifier: MIT */
/* bench.h - one workload on one kind of memory, measured
 *
 * A run is one process: it makes its memory, fills it, brings it into the state
 * that the workload has after a while ("warms" it), measures, and prints one line
 * of JSON.  The driver, tests/bench/run, puts many of them side by side.
 *
 * Whatever is not as it should be ends the program with a line on stderr and
 * status 1, a wrong page above all.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

enum memory_kind {
	MEMORY_LIBRARY, /* spill_reserve */
	MEMORY_PLAIN,	/* an anonymous private mapping */
	MEMORY_FILE,	/* a file, mapped MAP_SHARED */
};

enum huge_pages {
	HUGE_DEFAULT, /* as the machine is set */
	HUGE_YES,     /* MADV_HUGEPAGE */
	HUGE_NO,      /* MADV_NOHUGEPAGE */
};

struct options {
	const char *workload;
	enum memory_kind memory;
	enum huge_pages huge;
	const char *path;  /* MEMORY_FILE: the file, which is overwritten */
	const char *swap;  /* MEMORY_LIBRARY: the targets; device: a directory */
	size_t budget;	   /* bytes; without the library, it tells how long to warm */
	size_t data;	   /* bytes */
	size_t regions;	   /* that the data is made of */
	unsigned threads;  /* that do the work */
	unsigned handlers; /* 0: the library's default */
	uint64_t seed;
	uint64_t operations; /* most of them; 0: what suits the workload */
	double seconds;	     /* longest measured part of what has no fixed amount of work */
	double slow_us;	     /* a touch that takes longer counts as slow */
	double scan_rate;    /* MB/s at most of the scan in zipf-scan */
	unsigned hogs;	     /* processes that keep CPUs busy meanwhile */
	unsigned readers;    /* processes that read the pager's statistics meanwhile */
	bool compressible;   /* contents.h */
	bool count;	     /* what the kernel does meanwhile (count.h) */
	unsigned cpus;	     /* of those that it may use, it uses so many; 0: all */
	int fifo_cpu;	     /* a CPU that a SCHED_FIFO thread keeps busy meanwhile; -1: none */
};

struct workload {
	const char *name;
	const char *unit;
	void (*run)(const struct options *options);
};

/* In four tables, each ended by a NULL name. */
extern const struct workload stream_workloads[]; /* work_stream.c */
extern const struct workload random_workloads[]; /* work_random.c */
extern const struct workload job_workloads[];	 /* work_job.c, work_search.c */
extern const struct workload other_workloads[];	 /* device.c, work_fit.c, work_malloc.c,
							    work_scale.c */

void run_device(const struct options *options);
void run_age(const struct options *options);
void run_fork(const struct options *options);
void run_malloc(const struct options *options);
void run_first_touch(const struct options *options);
void run_repeat_read(const struct options *options);
void run_repeat_update(const struct options *options);
void run_idle(const struct options *options);
void run_ranges(const struct options *options);
void run_sparse(const struct options *options);
void run_hash(const struct options *options);
void run_graph(const struct options *options);
void run_list(const struct options *options);

_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* In other words: with the reason that errno has. */
_Noreturn void bench_fail_errno(const char *what);

/* -- random numbers ----------------------------------------------------------------------- */

/* splitmix64: the finalizer is also used as a hash. */
static inline uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static inline uint64_t random_next(uint64_t *state)
{
	return mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* Below n, which is less than 2^32. */
static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
	return (random_next(state) >> 32) * n >> 32;
}

#endif /* BENCH_H */
