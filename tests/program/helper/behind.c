/* SPDX-License-Identifier: MIT */
/* behind.c - a program that changes its address space by system calls which libc knows nothing of
 *
 * What it maps so, where memory that is paged had been, is its own; what it discards while it is in
 * memory is gone.
 */
#include "paged.h"
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE (64 * 64 * PAGE) /* 64 chunks */
#define RESIDENT (32 * PAGE)

#if defined(__x86_64__)
static long raw(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#else
static long raw(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b, x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#endif

static void map_raw(void *at)
{
	REQUIRE(raw(SYS_mmap, (long)at, SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (long)at);
}

/* Nothing of it is taken out, and lost. */
static void check_replaced(void)
{
	unsigned char *at = paged_map(SIZE);

	paged_fill(at, SIZE, 1, 0);
	REQUIRE(raw(SYS_munmap, (long)at, SIZE, 0, 0, 0, 0) == 0);
	map_raw(at);
	paged_fill(at, SIZE, 2, 0);
	paged_stir();
	paged_stir();
	EXPECT(paged_holds(at, SIZE, 2, 0));
	EXPECT(munmap(at, SIZE) == 0);
}

static void check_moved(void)
{
	unsigned char *from = paged_map(RESIDENT), *to = paged_map(SIZE);

	REQUIRE(munmap(to, SIZE) == 0);
	paged_fill(from, RESIDENT, 3, 0);
	REQUIRE(raw(SYS_mremap, (long)from, RESIDENT, RESIDENT, MREMAP_MAYMOVE | MREMAP_FIXED,
		    (long)to, 0) == (long)to);
	paged_stir();
	EXPECT(paged_holds(to, RESIDENT, 3, 0));
	EXPECT(munmap(to, RESIDENT) == 0);
}

static void check_discarded(void)
{
	unsigned char *at = paged_map(RESIDENT);

	for (unsigned turn = 0; turn < 8; turn++) {
		paged_fill(at, RESIDENT, 4, 0);
		REQUIRE(raw(SYS_madvise, (long)at, RESIDENT, MADV_DONTNEED, 0, 0, 0) == 0);
		for (size_t i = 0; i < RESIDENT; i += PAGE)
			EXPECT(at[i] == 0);
	}
	EXPECT(munmap(at, RESIDENT) == 0);
}

int main(void)
{
	paged_start(32 << 20);
	check_moved();
	check_discarded();
	/* Last: what it maps is not paged, so less of the budget is left, and the others need their pages
	 * in memory. */
	check_replaced();
	return paged_result();
}
