/* SPDX-License-Identifier: MIT */
/* work_job.c - small programs: a shuffled list, quicksort, a blocked matrix transpose
 */
#include <math.h>
#include <stdlib.h>

#include "measure.h"

#define MB 1e6

/* -- the list: one node to a page, each naming the next, all in one random cycle ---------- */

struct node {
	uint64_t next, number;
	uint64_t noise[];
};

static size_t noise_words(const struct memory *memory)
{
	return (memory->page - sizeof(struct node)) / sizeof(uint64_t);
}

static void node_write(const struct memory *memory, size_t i, size_t next)
{
	struct node *node = (struct node *)memory_page(memory, i);

	node->next = next;
	node->number = i;
	for (size_t k = 0; k < noise_words(memory); k++)
		node->noise[k] = mix(i) + k * (mix(~i) | 1);
}

static size_t node_follow(const struct memory *memory, size_t i)
{
	const struct node *node = (const struct node *)memory_page(memory, i);
	uint64_t differs = node->number ^ i;

	for (size_t k = 0; k < noise_words(memory); k++)
		differs |= node->noise[k] ^ (mix(i) + k * (mix(~i) | 1));
	if (differs || node->next >= memory->pages)
		bench_fail("node %zu of the list is wrong", i);
	return node->next;
}

/* Sattolo's shuffle, which gives one cycle. */
static void list_write(const struct memory *memory, uint64_t random)
{
	uint32_t *next = malloc(memory->pages * sizeof(*next));

	if (!next)
		bench_fail("out of memory");
	for (size_t i = 0; i < memory->pages; i++)
		next[i] = (uint32_t)i;
	for (size_t i = memory->pages - 1; i > 0; i--) {
		size_t j = random_below(&random, i);
		uint32_t old = next[i];

		next[i] = next[j];
		next[j] = old;
	}
	for (size_t i = 0; i < memory->pages; i++)
		node_write(memory, i, next[i]);
	free(next);
}

/* Gives how many nodes it were. */
static uint64_t list_follow(const struct memory *memory, size_t *at, uint64_t most, double seconds)
{
	double end = seconds_now() + seconds;
	uint64_t n = 0;

	while (n < most && seconds_now() < end) {
		*at = node_follow(memory, *at);
		n++;
	}
	return n;
}

void run_list(const struct options *options)
{
	struct memory memory;
	struct measure measure;
	size_t at = 0;
	uint64_t n;

	memory_open(&memory, options, options->data, 1);
	list_write(&memory, options->seed);
	list_follow(&memory, &at, options->budget / memory.page, 2 * options->seconds);
	measure_begin(&measure, &memory);
	n = list_follow(&memory, &at, options->operations ? options->operations : memory.pages,
			options->seconds);
	measure_end(&measure);
	report_begin(options, &measure, "op/s", (double)n / measure.seconds, (double)n);
	report_end();
	memory_close(&memory);
}

/* -- quicksort of 64-bit keys ------------------------------------------------------------- */

/* Below, insertion is faster. */
#define SMALL 24

static void insertion_sort(uint64_t *key, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t k = key[i];
		size_t j = i;

		for (; j > 0 && key[j - 1] > k; j--)
			key[j] = key[j - 1];
		key[j] = k;
	}
}

static uint64_t median(uint64_t a, uint64_t b, uint64_t c)
{
	if (a < b)
		return b < c ? b : (a < c ? c : a);
	return a < c ? a : (b < c ? c : b);
}

/* Hoare's: gives where the second part begins. */
static size_t partition(uint64_t *key, size_t n)
{
	uint64_t pivot = median(key[0], key[n / 2], key[n - 1]);
	size_t i = 0, j = n - 1;

	for (;;) {
		while (key[i] < pivot)
			i++;
		while (key[j] > pivot)
			j--;
		if (i >= j)
			return j + 1;
		uint64_t k = key[i];
		key[i++] = key[j];
		key[j--] = k;
	}
}

static void quicksort(uint64_t *key, size_t n)
{
	while (n > SMALL) {
		size_t first = partition(key, n);

		/* The smaller part by a call: the stack stays small. */
		if (first < n - first) {
			quicksort(key, first);
			key += first;
			n -= first;
		} else {
			quicksort(key + first, n - first);
			n = first;
		}
	}
	insertion_sort(key, n);
}

static void check_sorted(const uint64_t *key, size_t n, uint64_t sum)
{
	for (size_t i = 0; i < n; i++) {
		sum -= key[i];
		if (i && key[i - 1] > key[i])
			bench_fail("key %zu is not in its place", i);
	}
	if (sum)
		bench_fail("the sorted keys are not those that were there");
}

static void run_quicksort(const struct options *options)
{
	struct memory memory;
	struct measure measure;
	size_t n = options->data / sizeof(uint64_t);
	uint64_t random = options->seed, sum = 0;
	uint64_t *key;

	memory_open(&memory, options, options->data, 1);
	key = (uint64_t *)memory.base[0];
	for (size_t i = 0; i < n; i++)
		sum += key[i] = random_next(&random);
	measure_begin(&measure, &memory);
	quicksort(key, n);
	measure_end(&measure);
	check_sorted(key, n, sum);
	report_begin(options, &measure, "MB/s", (double)options->data / MB / measure.seconds,
		     (double)n);
	report_check(sum);
	report_end();
	memory_close(&memory);
}

/* -- transpose: in place, by blocks ------------------------------------------------------- */

#define BLOCK ((size_t)64)

struct matrix {
	uint64_t *cell;
	size_t n;	  /* rows and columns, a multiple of BLOCK */
	uint64_t differs; /* a bit of it is set once a cell was wrong */
};

static uint64_t cell_value(const struct matrix *matrix, size_t row, size_t column)
{
	return mix(row * matrix->n + column);
}

static void swap_cells(struct matrix *matrix, size_t row, size_t column)
{
	uint64_t *a = &matrix->cell[row * matrix->n + column];
	uint64_t *b = &matrix->cell[column * matrix->n + row];
	uint64_t old = *a;

	matrix->differs |= old ^ cell_value(matrix, row, column);
	matrix->differs |= *b ^ cell_value(matrix, column, row);
	*a = *b;
	*b = old;
}

static void swap_blocks(struct matrix *matrix, size_t top, size_t left)
{
	for (size_t row = top; row < top + BLOCK; row++)
		for (size_t column = left; column < left + BLOCK; column++)
			if (column > row)
				swap_cells(matrix, row, column);
}

static void transpose(struct matrix *matrix)
{
	for (size_t top = 0; top < matrix->n; top += BLOCK)
		for (size_t left = top; left < matrix->n; left += BLOCK)
			swap_blocks(matrix, top, left);
}

static void matrix_fill(struct matrix *matrix)
{
	for (size_t row = 0; row < matrix->n; row++)
		for (size_t column = 0; column < matrix->n; column++)
			matrix->cell[row * matrix->n + column] = cell_value(matrix, row, column);
}

/* The cells were checked as they were swapped; afterwards every 16th row is. */
static void matrix_check(struct matrix *matrix)
{
	for (size_t row = 0; row < matrix->n; row += 16)
		for (size_t column = 0; column < matrix->n; column++)
			matrix->differs |= matrix->cell[row * matrix->n + column] ^
					   cell_value(matrix, column, row);
	if (matrix->differs)
		bench_fail("the transposed matrix is wrong");
}

static void run_transpose(const struct options *options)
{
	struct matrix matrix = { 0 };
	struct memory memory;
	struct measure measure;
	double bytes;

	memory_open(&memory, options, options->data, 1);
	matrix.cell = (uint64_t *)memory.base[0];
	matrix.n = (size_t)sqrt((double)options->data / sizeof(uint64_t)) / BLOCK * BLOCK;
	bytes = (double)(matrix.n * matrix.n * sizeof(uint64_t));
	matrix_fill(&matrix);
	measure_begin(&measure, &memory);
	transpose(&matrix);
	measure_end(&measure);
	matrix_check(&matrix);
	report_begin(options, &measure, "MB/s", bytes / MB / measure.seconds,
		     (double)(matrix.n * matrix.n));
	report_end();
	memory_close(&memory);
}

const struct workload job_workloads[] = {
	{ "list", "op/s", run_list },		{ "quicksort", "MB/s", run_quicksort },
	{ "hash", "op/s", run_hash },		{ "graph", "op/s", run_graph },
	{ "transpose", "MB/s", run_transpose }, { NULL, NULL, NULL },
};
