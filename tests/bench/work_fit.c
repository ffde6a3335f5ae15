/* SPDX-License-Identifier: MIT */
/* work_fit.c - data that fits: the first touch, and then words at random
 *
 * The driver gives a budget that is larger than the data, and compares with plain
 * memory of the same page size.  With the library the result says whether the pager
 * armed, which it should not have.
 */
#include "measure.h"

#define MB 1e6
#define FIT_OPERATIONS 20000000

static uint64_t word_value(size_t w)
{
	return w * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t words_of(const struct memory *memory)
{
	return memory->pages * memory->page / sizeof(uint64_t);
}

/* A word in each page, from the first to the last. */
void run_first_touch(const struct options *options)
{
	struct memory memory;
	struct measure measure;

	memory_open(&memory, options, options->data, 1);
	measure_begin(&measure, &memory);
	for (size_t i = 0; i < memory.pages; i++)
		*(volatile uint64_t *)(memory.base[0] + i * memory.page) = i;
	measure_end(&measure);
	report_begin(options, &measure, "MB/s", (double)options->data / MB / measure.seconds,
		     (double)memory.pages);
	report_end();
	memory_close(&memory);
}

static void fill_words(uint64_t *word, size_t words)
{
	for (size_t w = 0; w < words; w++)
		word[w] = word_value(w);
}

static uint64_t operations_of(const struct options *options)
{
	return options->operations ? options->operations : FIT_OPERATIONS;
}

static void report_fit(const struct options *options, const struct measure *measure, uint64_t check)
{
	double n = (double)operations_of(options);

	report_begin(options, measure, "op/s", n / measure->seconds, n);
	report_check(check);
	report_end();
}

void run_repeat_read(const struct options *options)
{
	struct memory memory;
	struct measure measure;
	uint64_t random = options->seed, differs = 0;
	const uint64_t *word;
	size_t words;

	memory_open(&memory, options, options->data, 1);
	word = (const uint64_t *)memory.base[0];
	words = words_of(&memory);
	fill_words((uint64_t *)memory.base[0], words);
	measure_begin(&measure, &memory);
	for (uint64_t k = operations_of(options); k > 0; k--) {
		size_t w = random_below(&random, words);

		differs |= word[w] ^ word_value(w);
	}
	measure_end(&measure);
	if (differs)
		bench_fail("a word is wrong");
	report_fit(options, &measure, differs);
	memory_close(&memory);
}

/* Adds one to words at random; in the end the sum tells. */
void run_repeat_update(const struct options *options)
{
	struct memory memory;
	struct measure measure;
	uint64_t random = options->seed, sum = 0;
	uint64_t *word;
	size_t words;

	memory_open(&memory, options, options->data, 1);
	word = (uint64_t *)memory.base[0];
	words = words_of(&memory);
	fill_words(word, words);
	measure_begin(&measure, &memory);
	for (uint64_t k = operations_of(options); k > 0; k--)
		word[random_below(&random, words)]++;
	measure_end(&measure);
	for (size_t w = 0; w < words; w++)
		sum += word[w] - word_value(w);
	if (sum != operations_of(options))
		bench_fail("the words add up to %llu updates", (unsigned long long)sum);
	report_fit(options, &measure, sum);
	memory_close(&memory);
}
