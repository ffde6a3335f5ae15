/* SPDX-License-Identifier: MIT */
/* paged.c - memory that is paged out: see paged.h */
#include "paged.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BALLAST_SEED 77
#define OUT_SECONDS 20

static unsigned char *ballast;
static size_t ballast_size;
static _Atomic unsigned failures;

void paged_die(const char *where, const char *what, int line)
{
	fprintf(stderr, "%s, line %d: not so: %s: %s\n", where, line, what, strerror(errno));
	_exit(2);
}

void paged_expect(bool condition, const char *where, const char *what, int line)
{
	if (condition)
		return;
	failures++;
	fprintf(stderr, "%s, line %d: not so: %s (errno %d)\n", where, line, what, errno);
}

int paged_result(void)
{
	EXPECT(paged_holds(ballast, ballast_size, BALLAST_SEED, 0));
	if (failures == 0)
		printf("right\n");
	return failures != 0;
}

void paged_fill(void *addr, size_t size, unsigned seed, size_t from)
{
	for (size_t i = 0; i < size; i++)
		((unsigned char *)addr)[i] = paged_byte(seed, from + i);
}

bool paged_holds(const void *addr, size_t size, unsigned seed, size_t from)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char is = ((const unsigned char *)addr)[i];

		if (is == paged_byte(seed, from + i))
			continue;
		fprintf(stderr, "byte %zu of %zu is %02x, not %02x\n", i, size, is,
			paged_byte(seed, from + i));
		return false;
	}
	return true;
}

void *paged_map(size_t size)
{
	void *ret;

	if (size < 16 * PAGE)
		size = 16 * PAGE;
	ret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(ret != MAP_FAILED);
	return ret;
}

void paged_start(size_t size)
{
	ballast = paged_map(size);
	ballast_size = size;
	paged_fill(ballast, size, BALLAST_SEED, 0);
}

void paged_stir(void)
{
	for (size_t at = 0; at < ballast_size; at += PAGE)
		EXPECT(paged_holds(ballast + at, 16, BALLAST_SEED, at));
}

size_t paged_resident(const void *addr, size_t size)
{
	uintptr_t start = (uintptr_t)addr & ~(PAGE - 1);
	size_t n = ((uintptr_t)addr + size - start + PAGE - 1) / PAGE, count = 0;
	unsigned char there[1024];

	for (size_t i = 0; i < n; i += sizeof(there)) {
		size_t part = n - i < sizeof(there) ? n - i : sizeof(there);

		REQUIRE(mincore((void *)(start + i * PAGE), part * PAGE, there) == 0);
		for (size_t k = 0; k < part; k++)
			count += there[k] & 1;
	}
	return count;
}

void paged_out_for(const void *addr, size_t size, const char *where, int line)
{
	uintptr_t start = (uintptr_t)addr & ~(PAGE - 1);
	size_t whole = ((uintptr_t)addr + size - start + PAGE - 1) & ~(PAGE - 1);
	time_t end = time(NULL) + OUT_SECONDS;

	while (paged_resident(addr, size) > 0) {
		if (time(NULL) >= end)
			paged_die(where, "it is paged out", line);
		madvise((void *)start, whole, MADV_PAGEOUT);
		for (unsigned n = 0; n < 20 && paged_resident(addr, size) > 0; n++)
			usleep(1000);
	}
}

bool paged_stays(const void *addr, size_t size)
{
	size_t n = paged_resident(addr, size);

	madvise((void *)((uintptr_t)addr & ~(PAGE - 1)), (size + PAGE - 1) & ~(PAGE - 1),
		MADV_PAGEOUT);
	paged_stir();
	return n > 0 && paged_resident(addr, size) == n;
}
