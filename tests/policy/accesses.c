/* SPDX-License-Identifier: MIT */
/* accesses.c - generated traces: see accesses.h */
#include "accesses.h"
#include "collected.h"
#include "report/recording.h"
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The exponent of YCSB, and of most measurements since. */
#define ZIPF_EXPONENT 0.99
/* Touches for each page, where the trace does not end by itself. */
#define ROUNDS 60
/* Objects of a page that lie on a linked list each on its own. */
#define NODES 4
/* Rows of a page, each looked up in the hash table. */
#define ROWS 16

struct maker {
	struct accesses *accesses;
	size_t room;
	uint64_t random;
	uint32_t *shuffled; /* the pages, in no order */
	double *zipf;	    /* the share of the first pages */
};

static void *allocate(void *old, size_t n, size_t size)
{
	void *ret = realloc(old, n * size);

	if (!ret)
		err(EXIT_FAILURE, "out of memory");
	return ret;
}

/* splitmix64 */
static uint64_t random_next(struct maker *maker)
{
	uint64_t z = maker->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t random_below(struct maker *maker, uint32_t n)
{
	return (uint32_t)(random_next(maker) % n);
}

/* Touches that follow one another on a page are one. */
static void touch(struct maker *maker, uint32_t page)
{
	struct accesses *accesses = maker->accesses;

	if (accesses->count && accesses->page[accesses->count - 1] == page)
		return;
	if (accesses->count == maker->room) {
		maker->room = maker->room ? 2 * maker->room : 1 << 20;
		accesses->page = allocate(accesses->page, maker->room, sizeof(*accesses->page));
	}
	accesses->page[accesses->count++] = page;
}

static uint32_t *shuffle(struct maker *maker, uint32_t n)
{
	uint32_t *ret = allocate(NULL, n, sizeof(*ret));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = random_below(maker, i + 1);

		ret[i] = ret[k];
		ret[k] = i;
	}
	return ret;
}

static double *zipf_shares(uint32_t n)
{
	double *ret = allocate(NULL, n, sizeof(*ret));
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		ret[i] = sum += pow(i + 1, -ZIPF_EXPONENT);
	return ret;
}

/* The rank of a page, of n. */
static uint32_t zipf_rank(struct maker *maker, uint32_t n)
{
	double at = (double)(random_next(maker) >> 11) * 0x1p-53 * maker->zipf[n - 1];
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (maker->zipf[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* -- what programs do ------------------------------------------------------------ */

static void make_zipf(struct maker *maker, uint32_t pages)
{
	for (size_t i = 0; i < (size_t)ROUNDS * pages; i++)
		touch(maker, maker->shuffled[zipf_rank(maker, pages)]);
}

/* Every fourth touch is the next page of a scan; the others stay in the first half,
 * which the scan passes too. */
static void make_scan(struct maker *maker, uint32_t pages)
{
	uint32_t *half = shuffle(maker, pages / 2);
	uint32_t at = 0;

	for (size_t i = 0; i < (size_t)ROUNDS * pages; i++) {
		if (i % 4 == 0)
			touch(maker, at = (at + 1) % pages);
		else
			touch(maker, half[zipf_rank(maker, pages / 2)]);
	}
	free(half);
}

static void make_random(struct maker *maker, uint32_t pages)
{
	for (size_t i = 0; i < (size_t)ROUNDS * pages; i++)
		touch(maker, random_below(maker, pages));
}

static void make_loop(struct maker *maker, uint32_t pages)
{
	for (size_t i = 0; i < (size_t)ROUNDS / 3 * pages; i++)
		touch(maker, (uint32_t)(i % pages));
}

/* A working set of a fifth of the pages, wherever they lie, that becomes another one
 * little by little. */
static void make_shift(struct maker *maker, uint32_t pages)
{
	uint32_t set = pages / 5, first = 0;

	for (size_t i = 0; i < (size_t)ROUNDS * pages; i++) {
		if (i % 20 == 0)
			first = (first + 1) % pages;
		touch(maker, maker->shuffled[(first + random_below(maker, set)) % pages]);
	}
}

/* Partitions [first, end) from both sides, then each part, the smaller one first. */
static void quicksort(struct maker *maker, uint32_t first, uint32_t end)
{
	while (end - first > 1) {
		uint32_t low = first, high = end - 1;
		uint32_t pivot = first + random_below(maker, end - first - 1) + 1;

		touch(maker, pivot);
		while (low < high) {
			touch(maker, low);
			touch(maker, high);
			if (low < pivot)
				low++;
			if (high > pivot)
				high--;
			if (low >= pivot && high <= pivot)
				break;
		}
		if (pivot - first < end - pivot) {
			quicksort(maker, first, pivot);
			first = pivot;
		} else {
			quicksort(maker, pivot, end);
			end = pivot;
		}
	}
}

static void make_quicksort(struct maker *maker, uint32_t pages)
{
	for (int i = 0; i < 3; i++)
		quicksort(maker, 0, pages);
}

/* A table of three eighths of the pages is built from one of an eighth, and asked for
 * each row of one of a half. */
static void make_join(struct maker *maker, uint32_t pages)
{
	uint32_t build = pages / 8, table = build + pages * 3 / 8;

	for (uint32_t scan = 0; scan < pages; scan++) {
		if (scan >= build && scan < table)
			continue;
		for (int row = 0; row < ROWS; row++) {
			touch(maker, scan);
			touch(maker, build + random_below(maker, table - build));
		}
	}
}

/* Walks a list whose nodes lie where they were allocated by turns. */
static void make_list(struct maker *maker, uint32_t pages)
{
	uint32_t *node = shuffle(maker, pages * NODES);

	for (int round = 0; round < 5; round++)
		for (uint32_t i = 0; i < pages * NODES; i++)
			touch(maker, node[i] / NODES);
	free(node);
}

/* Three loops over parts of an eighth, a quarter and five eighths, each a page at a time. */
static void make_loops(struct maker *maker, uint32_t pages)
{
	const uint32_t length[] = { pages / 8, pages / 4, pages * 5 / 8 };
	const uint32_t first[] = { 0, pages / 8, pages * 3 / 8 };

	for (size_t i = 0; i < (size_t)ROUNDS / 3 * pages; i++)
		touch(maker, first[i % 3] + (uint32_t)(i / 3 % length[i % 3]));
}

/* A loop over three quarters; in between as many touches of the last quarter, at random. */
static void make_loop_and_set(struct maker *maker, uint32_t pages)
{
	uint32_t set = pages / 4, loop = pages - set;

	for (size_t i = 0; i < (size_t)ROUNDS / 2 * pages; i++)
		touch(maker, i % 2 ? (uint32_t)(i / 2 % loop) : loop + random_below(maker, set));
}

/* A loop over five eighths ends, and one over another five eighths begins. */
static void make_two_loops(struct maker *maker, uint32_t pages)
{
	uint32_t loop = pages * 5 / 8;

	for (size_t i = 0; i < (size_t)ROUNDS / 3 * pages; i++)
		touch(maker,
		      (i < (size_t)ROUNDS / 6 * pages ? 0 : pages - loop) + (uint32_t)(i % loop));
}

/* A program with a garbage collector: objects are made one after the other in a nursery of an
 * eighth, and old ones are used by Zipf's law.  Now and then the collector goes through all that
 * lives, in the order in which objects point to each other: mostly to what was made next. */
static void make_collector(struct maker *maker, uint32_t pages)
{
	uint32_t nursery = pages / 8, old = pages - nursery, at = 0, walk = 0;

	for (size_t i = 0; i < (size_t)ROUNDS / 2 * pages; i++) {
		if (i % 4 == 0)
			at = (at + 1) % nursery;
		touch(maker,
		      i % 4 == 0 ? at : nursery + maker->shuffled[zipf_rank(maker, old)] % old);
		if (i % (4 * (size_t)pages) != 0)
			continue;
		for (uint32_t n = 0; n < pages; n++) {
			walk = random_below(maker, 8) ? (walk + 1) % pages
						      : random_below(maker, pages);
			touch(maker, walk);
		}
	}
}

/* The conjugate gradient method: each iteration reads a matrix of three quarters in order, and for
 * each of its pages a page of each of four vectors; then it goes through the vectors. */
static void make_solver(struct maker *maker, uint32_t pages)
{
	uint32_t matrix = pages * 3 / 4, vector = (pages - matrix) / 4;

	for (int iteration = 0; iteration < 20; iteration++) {
		for (uint32_t i = 0; i < matrix; i++) {
			uint32_t row = (uint32_t)((uint64_t)i * vector / matrix);

			touch(maker, i);
			touch(maker, matrix + (row + random_below(maker, 16)) % vector);
			touch(maker, matrix + vector + row);
		}
		for (uint32_t i = 0; i < vector; i++)
			for (uint32_t v = 0; v < 4; v++)
				touch(maker, matrix + v * vector + i);
	}
}

/* Two tables of three eighths and a quarter are sorted in runs, merged into the rest, and joined; five
 * times. */
static void make_merge_join(struct maker *maker, uint32_t pages)
{
	enum { RUNS = 16 };
	uint32_t first = pages * 3 / 8, both = pages * 5 / 8, run = both / RUNS;

	for (int query = 0; query < 5; query++) {
		for (uint32_t i = 0; i < both; i += run)
			for (int pass = 0; pass < 3; pass++)
				for (uint32_t k = 0; k < run; k++)
					touch(maker, i + k);
		for (uint32_t k = 0; k < both; k++) {
			touch(maker, random_below(maker, RUNS) * run + k / RUNS % run);
			touch(maker, both + k * 3 / 5 % (pages - both));
		}
		for (uint32_t i = 0; i < first; i++) {
			touch(maker, i);
			touch(maker, first + (uint32_t)((uint64_t)i * (both - first) / first));
			touch(maker, both + i % (pages - both));
		}
	}
}

static void touch_for(void *maker, uint32_t page)
{
	touch(maker, page);
}

static uint32_t random_for(void *maker, uint32_t n)
{
	return random_below(maker, n);
}

static void make_hash_map(struct maker *maker, uint32_t pages)
{
	collected_run(pages, touch_for, random_for, maker);
}

static const struct {
	const char *name;
	void (*make)(struct maker *maker, uint32_t pages);
} kinds[ACCESSES_KINDS] = {
	{ "zipf", make_zipf },		 { "zipf and scan", make_scan },
	{ "random", make_random },	 { "loop", make_loop },
	{ "shifting set", make_shift },	 { "quicksort", make_quicksort },
	{ "hash join", make_join },	 { "linked list", make_list },
	{ "loops", make_loops },	 { "loop and set", make_loop_and_set },
	{ "two loops", make_two_loops }, { "collector", make_collector },
	{ "solver", make_solver },	 { "merge join", make_merge_join },
	{ "hash map", make_hash_map },
};

void accesses_generate(struct accesses *accesses, unsigned kind, uint32_t pages, uint64_t seed)
{
	struct maker maker = { .accesses = accesses, .random = seed };

	*accesses = (struct accesses){ .pages = pages };
	snprintf(accesses->name, sizeof(accesses->name), "%s", kinds[kind].name);
	maker.shuffled = shuffle(&maker, pages);
	maker.zipf = zipf_shares(pages);
	kinds[kind].make(&maker, pages);
	free(maker.shuffled);
	free(maker.zipf);
}

void accesses_free(struct accesses *accesses)
{
	free(accesses->page);
	accesses->page = NULL;
}

/* -- recorded ------------------------------------------------------------------------ */

/* Numbers the chunks anew: those of number, which is sorted. */
static uint32_t page_of(const struct trace_event *event, const uint64_t *number, size_t n)
{
	return (uint32_t)(recording_place(number, n, event->page / 64) * 64 + event->page % 64);
}

static void load(struct accesses *accesses, const struct recording *recording)
{
	struct maker maker = { .accesses = accesses };
	uint64_t *number = allocate(NULL, recording->count + 1, sizeof(*number));
	size_t n = 0;

	for (size_t i = 0; i < recording->count; i++)
		if (recording_is_fault(&recording->event[i]))
			number[n++] = recording->event[i].page / 64;
	n = recording_sort(number, n);
	accesses->pages = (uint32_t)n * 64;
	for (size_t i = 0; i < recording->count; i++)
		if (recording_is_fault(&recording->event[i]))
			touch(&maker, page_of(&recording->event[i], number, n));
	free(number);
}

int accesses_load(struct accesses *accesses, const char *path)
{
	const char *name = strrchr(path, '/');
	struct recording recording;
	int err = recording_load(&recording, path);

	if (err)
		return err;
	*accesses = (struct accesses){ 0 };
	snprintf(accesses->name, sizeof(accesses->name), "%.15s", name ? name + 1 : path);
	load(accesses, &recording);
	recording_free(&recording);
	return accesses->count ? 0 : -EINVAL;
}
