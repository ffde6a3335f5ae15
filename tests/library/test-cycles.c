/* SPDX-License-Identifier: MIT */
/* test-cycles - a pager that is opened and closed again and again leaves nothing behind: no
 * descriptor, thread, mapping or byte
 *
 * SPILL_CYCLES says how often (make check-stress: 10,000).
 *
 * Variants: default move,uring encrypt
 */
#include "harness.h"

#define CYCLES 200
/* What is made once and kept (a thread's stack that libc caches ...) is there after so many. */
#define WARM 20
/* libc and the kernel round, and free in lumps. */
#define SLACK (256 * K)

static unsigned cycles(void)
{
	const char *given = getenv("SPILL_CYCLES");

	return given && atoi(given) > 0 ? (unsigned)atoi(given) : CYCLES;
}

/* It arms, pages, and serves faults from swap space. */
static void live(unsigned number)
{
	spill *s = pager_open(SPILL_BUDGET_MIN);
	struct area area = area_reserve(s, number, SPILL_BUDGET_MIN + 2 * M);

	area_write_all(&area);
	area_check(&area, 0);
	if (number % 2)
		area_release(&area);
	else
		area_forget(&area);
	pager_drop(s);
}

static void try_many(void)
{
	unsigned n = cycles();
	size_t before = 0, size = 0;

	case_begin("open and close", 0);
	for (unsigned i = 0; i < WARM + n; i++) {
		live(i);
		if (i == WARM) {
			before = test_mappings();
			size = test_status("VmSize");
		}
	}
	/* AddressSanitizer keeps what was freed for a while. */
	if (test_memory_is_ours()) {
		CHECK(test_mappings() <= before + 2, "%zu mappings, there were %zu",
		      test_mappings(), before);
		CHECK(test_status("VmSize") <= size + SLACK, "%zu KiB of addresses, there were %zu",
		      test_status("VmSize") / K, size / K);
	}
	case_end();
}

int main(void)
{
	test_begin("cycles", 170);
	try_many();
	return test_end();
}
