/* SPDX-License-Identifier: MIT */
/* work_scale.c - what takes long, or much: age, idleness, many ranges, a sparse terabyte
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "contents.h"
#include "crew.h"
#include "measure.h"

#define MB 1e6

/* -- age: the rate of sequential reading, fresh and after random updates ------------------ */

#define TURNOVERS 20

struct age {
	const struct options *options;
	struct contents contents;
};

static void update_share(void *arg, unsigned t)
{
	struct age *age = arg;
	unsigned threads = age->options->threads;
	size_t share = age->contents.memory.pages / threads;
	uint64_t random = mix(age->options->seed) + t;

	for (size_t k = 0; k < TURNOVERS * share; k++) {
		size_t i = random_below(&random, share) * threads + t;

		contents_check(&age->contents, i);
		contents_write(&age->contents, i);
	}
}

static double read_rate(const struct age *age)
{
	const struct memory *memory = &age->contents.memory;
	double begin = seconds_now();

	for (size_t i = 0; i < memory->pages; i++)
		contents_check(&age->contents, i);
	return (double)(memory->pages * memory->page) / MB / (seconds_now() - begin);
}

/* After the updates half of the data is in memory, here and there: the first reading
 * finds it, the second one finds all of it on swap. */
void run_age(const struct options *options)
{
	struct age age = { .options = options };
	struct measure measure;
	double fresh, first, aged;

	contents_open(&age.contents, options);
	contents_fill(&age.contents);
	read_rate(&age);
	fresh = read_rate(&age);
	measure_begin(&measure, &age.contents.memory);
	crew_run(options->threads, update_share, &age);
	measure_end(&measure);
	first = read_rate(&age);
	aged = read_rate(&age);
	report_begin(options, &measure, "aged/fresh", aged / fresh,
		     (double)(age.contents.memory.pages * TURNOVERS));
	report_number("fresh_mb_s", fresh);
	report_number("first_mb_s", first);
	report_number("aged_mb_s", aged);
	report_end();
	contents_close(&age.contents);
}

/* -- idle: how often the process wakes while its program does nothing --------------------- */

static uint64_t switches_in(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long n, sum = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
			sum += n;
	if (file)
		fclose(file);
	return sum;
}

static uint64_t switches(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	uint64_t sum = 0;
	char path[300];

	while (tasks && (task = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		sum += switches_in(path);
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

void run_idle(const struct options *options)
{
	struct contents contents;
	struct measure measure;
	uint64_t before;

	contents_open(&contents, options);
	contents_fill(&contents);
	sleep(1); /* what is still to be written is written */
	before = switches();
	measure_begin(&measure, &contents.memory);
	sleep((unsigned)options->seconds);
	measure_end(&measure);
	report_begin(options, &measure, "wake-ups/s",
		     (double)(switches() - before) / measure.seconds, 0);
	report_end();
	contents_close(&contents);
}

/* -- ranges: many small regions at the same time ------------------------------------------ */

#define RANGES 100000
#define RANGE_BYTES ((size_t)64 << 10)

static size_t mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t lines = 0;
	int c;

	while (maps && (c = getc(maps)) != EOF)
		lines += c == '\n';
	if (maps)
		fclose(maps);
	return lines;
}

static void *range_reserve(spill *pager)
{
	void *base = pager ? spill_reserve(pager, RANGE_BYTES)
			   : mmap(NULL, RANGE_BYTES, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!base || base == MAP_FAILED)
		bench_fail_errno("reserving a range");
	return base;
}

static void range_release(spill *pager, uint64_t *base, uint64_t r)
{
	if (*base != r)
		bench_fail("range %llu at %p has lost its contents, and holds %#llx",
			   (unsigned long long)r, (void *)base, (unsigned long long)*base);
	if (pager ? spill_release(pager, base, RANGE_BYTES) : munmap(base, RANGE_BYTES))
		bench_fail_errno("releasing a range");
}

void run_ranges(const struct options *options)
{
	struct memory memory = { .kind = options->memory };
	uint64_t n = options->operations ? options->operations : RANGES;
	uint64_t **base = malloc(n * sizeof(*base));
	struct measure measure;
	size_t most;

	if (!base)
		bench_fail("out of memory");
	memory.pager = options->memory == MEMORY_LIBRARY ? memory_pager(options) : NULL;
	measure_begin(&measure, &memory);
	for (uint64_t r = 0; r < n; r++) {
		base[r] = range_reserve(memory.pager);
		*base[r] = r;
	}
	most = mappings();
	for (uint64_t r = 0; r < n; r++)
		range_release(memory.pager, base[r], r);
	measure_end(&measure);
	report_begin(options, &measure, "op/s", (double)n / measure.seconds, (double)n);
	report_number("mappings", (double)most);
	report_end();
	free(base);
	spill_close(memory.pager);
}

/* -- sparse: a few pages here and there in a very large region ---------------------------- */

#define SPARSE_BYTES ((size_t)1 << 40)
#define SPARSE_PAGES 20000

static uint64_t *sparse_word(const struct memory *memory, uint64_t *random)
{
	return (uint64_t *)(memory->base[0] + random_below(random, memory->pages) * memory->page);
}

void run_sparse(const struct options *options)
{
	uint64_t n = options->operations ? options->operations : SPARSE_PAGES;
	uint64_t random = options->seed;
	struct memory memory;
	struct measure measure;

	memory_open(&memory, options, SPARSE_BYTES, 1);
	measure_begin(&measure, &memory);
	for (uint64_t k = 0; k < n; k++) {
		uint64_t *word = sparse_word(&memory, &random);

		*word = (uint64_t)(uintptr_t)word;
	}
	random = options->seed;
	for (uint64_t k = 0; k < n; k++) {
		uint64_t *word = sparse_word(&memory, &random);

		if (*word != (uint64_t)(uintptr_t)word)
			bench_fail("a page of the sparse region is wrong");
	}
	measure_end(&measure);
	report_begin(options, &measure, "op/s", 2 * (double)n / measure.seconds, 2 * (double)n);
	report_end();
	memory_close(&memory);
}
