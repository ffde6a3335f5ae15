/* SPDX-License-Identifier: MIT */
/* locked.c - memory that is locked where it is: locked HOW
 *
 *	onfault		mlock2(MLOCK_ONFAULT) of more than the pager may keep is refused, as mlock is;
 *			of less, it stays
 *	partly		a range that is managed in part is locked, more than the budget; other memory
 *			comes and goes
 */
#include "paged.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MIB ((size_t)1 << 20)

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

static void check_on_fault(void)
{
	unsigned char *large = paged_map(24 * MIB), *small = paged_map(2 * MIB);

	EXPECT(mlock2(large, 24 * MIB, MLOCK_ONFAULT) < 0 && errno == ENOMEM);
	EXPECT(mlock2(large, 24 * MIB, 0) < 0 && errno == ENOMEM);
	EXPECT(mlock2(small, 2 * MIB, MLOCK_ONFAULT) == 0);
	paged_fill(small, 2 * MIB, 1, 0);
	paged_fill(large, 24 * MIB, 2, 0);
	EXPECT(paged_stays(small, 2 * MIB));
	EXPECT(paged_holds(small, 2 * MIB, 1, 0) && paged_holds(large, 24 * MIB, 2, 0));
}

/* The last page of it is a file's. */
static void check_partly(void)
{
	size_t size = 24 * MIB;
	unsigned char *at = paged_map(size), *other = paged_map(32 * MIB);

	REQUIRE(mmap(at + size - PAGE, PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at + size - PAGE);
	REQUIRE(mlock2(at, size, MLOCK_ONFAULT) == 0);
	paged_fill(at, size - PAGE, 3, 0);
	for (unsigned turn = 4; turn < 6; turn++) {
		paged_fill(other, 32 * MIB, turn, 0);
		EXPECT(paged_holds(other, 32 * MIB, turn, 0));
	}
	EXPECT(paged_resident(at, size - PAGE) == size / PAGE - 1);
	EXPECT(paged_holds(at, size - PAGE, 3, 0));
}

/* Of memory that is not ours the kernel alone decides. */
static bool may_lock(void)
{
	void *at = mmap(NULL, 26 * MIB, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(at != MAP_FAILED);
	return mlock2(at, 26 * MIB, MLOCK_ONFAULT) == 0 && munmap(at, 26 * MIB) == 0;
}

int main(int argc, char **argv)
{
	if (!may_lock())
		return 77;
	paged_start(32 * MIB);
	if (argc > 1 && strcmp(argv[1], "onfault") == 0)
		check_on_fault();
	else
		check_partly();
	return paged_result();
}
