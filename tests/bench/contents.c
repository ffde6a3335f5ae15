/* SPDX-License-Identifier: MIT */
/* contents.c - see contents.h */
#include <sys/mman.h>

#include "contents.h"

/* The first two words: the page's number, and its version in front of a mark. */
#define MARK UINT64_C(0x6c6c6970736e6562)
#define HEAD_WORDS 2

/* Of the words of compressible data, two of eight are noise, and the others are all the same. */
#define PERIOD 8
#define SECOND 2

struct noise {
	uint64_t begin, step;
};

/* A row of numbers with a large odd step: as good as random for a compressor that looks for
 * repeated bytes, and made at the speed of memory. */
static struct noise noise_of(size_t i, uint8_t version)
{
	uint64_t begin = mix((uint64_t)i << 8 | version);

	return (struct noise){ begin, mix(begin) | 1 };
}

static uint64_t word_of(struct noise noise, size_t k, bool compressible)
{
	size_t rest = compressible ? k % PERIOD : 0;

	return rest == 0 || rest == SECOND ? noise.begin + k * noise.step : noise.begin;
}

static uint64_t head(uint8_t version)
{
	return MARK ^ (uint64_t)version << 56;
}

/* Plain memory of its own: it shall not be counted as data. */
void contents_open(struct contents *contents, const struct options *options)
{
	memory_open(&contents->memory, options, options->data, options->regions);
	contents->compressible = options->compressible;
	contents->version = mmap(NULL, contents->memory.pages, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (contents->version == MAP_FAILED)
		bench_fail_errno("mmap");
}

void contents_close(struct contents *contents)
{
	munmap(contents->version, contents->memory.pages);
	memory_close(&contents->memory);
}

void contents_write(struct contents *contents, size_t i)
{
	uint8_t version = ++contents->version[i];
	struct noise noise = noise_of(i, version);
	uint64_t *word = (uint64_t *)memory_page(&contents->memory, i);

	word[0] = i;
	word[1] = head(version);
	for (size_t k = HEAD_WORDS; k < contents->memory.page / sizeof(*word); k++)
		word[k] = word_of(noise, k, contents->compressible);
}

static _Noreturn void wrong(const struct contents *contents, size_t i)
{
	const uint64_t *word = (const uint64_t *)memory_page(&contents->memory, i);

	bench_fail("page %zu is wrong: it should have version %u, and begins with %#llx %#llx", i,
		   contents->version[i], (unsigned long long)word[0], (unsigned long long)word[1]);
}

void contents_check(const struct contents *contents, size_t i)
{
	uint8_t version = contents->version[i];
	struct noise noise = noise_of(i, version);
	const uint64_t *word = (const uint64_t *)memory_page(&contents->memory, i);
	uint64_t differs = (word[0] ^ i) | (word[1] ^ head(version));

	for (size_t k = HEAD_WORDS; k < contents->memory.page / sizeof(*word); k++)
		differs |= word[k] ^ word_of(noise, k, contents->compressible);
	if (differs)
		wrong(contents, i);
}

void contents_fill(struct contents *contents)
{
	for (size_t i = 0; i < contents->memory.pages; i++)
		contents_write(contents, i);
}
