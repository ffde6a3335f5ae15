/* SPDX-License-Identifier: MIT */
/* touches.c - touches the pages of so much memory in some order: touches PATTERN MIB TOUCHES
 *
 *	random	any page, each as likely
 *	zipf	the page of rank k with a probability of about 1 / k, wherever it lies
 *	loop	one after the other, round and round
 *	phases	any page of a quarter; then of the next one, ten times round
 *
 * Each fourth touch writes.  The same numbers at each run.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PHASES 40
#define QUARTERS 4

static uint64_t state = 1;

/* splitmix64 */
static uint64_t random_next(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t random_page(size_t pages)
{
	return random_next() % pages;
}

/* Ranks are spread by a multiplication with a number that is prime to all powers of two. */
static size_t zipf_page(size_t pages)
{
	double u = (double)(random_next() >> 11) * 0x1p-53;
	size_t rank = (size_t)exp(u * log((double)pages + 1)) - 1;

	return rank * UINT64_C(0x9e3779b1) % pages;
}

static size_t page_of(const char *pattern, size_t i, size_t touches, size_t pages)
{
	if (strcmp(pattern, "random") == 0)
		return random_page(pages);
	if (strcmp(pattern, "zipf") == 0)
		return zipf_page(pages);
	if (strcmp(pattern, "loop") == 0)
		return i % pages;
	return i * PHASES / touches % QUARTERS * (pages / QUARTERS) + random_page(pages / QUARTERS);
}

int main(int argc, char **argv)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = argc == 4 ? (strtoul(argv[2], NULL, 10) << 20) / size : 0;
	size_t touches = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	uint64_t sum = 0;
	char *memory;

	if (!pages || !touches) {
		fprintf(stderr, "usage: touches random|zipf|loop|phases MIB TOUCHES\n");
		return 2;
	}
	memory = malloc(pages * size);
	if (!memory)
		return 1;
	for (size_t i = 0; i < pages; i++)
		memset(memory + i * size, (int)(i % 255 + 1), size);
	for (size_t i = 0; i < touches; i++) {
		size_t page = page_of(argv[1], i, touches, pages);
		char *at = memory + page * size;

		if (*at != (char)(page % 255 + 1)) {
			fprintf(stderr, "page %zu is wrong\n", page);
			return 1;
		}
		sum += (unsigned char)*at;
		if (i % 4 == 0)
			at[size / 2] = (char)i;
	}
	printf("%lu\n", (unsigned long)sum);
	free(memory);
	return 0;
}
