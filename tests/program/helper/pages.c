/* SPDX-License-Identifier: MIT */
/* pages.c - eight threads that write and check every page of 128 MiB: pages SECONDS
 *
 * Each page holds its number, a version and words that follow from both; a
 * thread owns every eighth page.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS 8
#define PAGES 32768
#define WORDS 512

static uint64_t (*page)[WORDS];
static uint32_t version[PAGES];
static time_t end;

static uint64_t word_of(unsigned i, uint32_t v, unsigned k)
{
	return (i * UINT64_C(0x9E3779B97F4A7C15)) ^ (v * UINT64_C(0xC2B2AE3D27D4EB4F)) ^ k;
}

static void write_page(unsigned i)
{
	for (unsigned k = 0; k < WORDS; k++)
		page[i][k] = word_of(i, version[i], k);
}

static void check_page(unsigned i)
{
	for (unsigned k = 0; k < WORDS; k++)
		if (page[i][k] != word_of(i, version[i], k)) {
			fprintf(stderr, "page %u is wrong at word %u\n", i, k);
			exit(1);
		}
}

static void *work(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	unsigned seed = me + 1;

	for (unsigned i = me; i < PAGES; i += THREADS)
		write_page(i);
	do {
		for (unsigned n = 0; n < 64; n++) {
			unsigned i = (unsigned)rand_r(&seed) % (PAGES / THREADS) * THREADS + me;

			check_page(i);
			if (n % 3 == 0) {
				version[i]++;
				write_page(i);
			}
		}
	} while (time(NULL) < end);
	for (unsigned i = me; i < PAGES; i += THREADS)
		check_page(i);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[THREADS];

	page = malloc(sizeof(page[0]) * PAGES);
	end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 20);
	if (!page)
		return 2;
	for (uintptr_t t = 0; t < THREADS; t++)
		if (pthread_create(&thread[t], NULL, work, (void *)t))
			return 2;
	for (unsigned t = 0; t < THREADS; t++)
		pthread_join(thread[t], NULL);
	return 0;
}
