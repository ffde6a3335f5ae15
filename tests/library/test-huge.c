/* SPDX-License-Identifier: MIT */
/* test-huge - huge pages leave in parts, several handlers move them at once, and nothing is lost
 *
 * Linux 6.18 returns EEXIST from a MOVE that had to wait while another handler split the same huge
 * page, although it has moved everything.  The bug: whole chunks were then taken for discarded, and
 * read as zeros.
 *
 * Time limit: 60
 */
#include "harness.h"
#include <sys/mman.h>

#define ROUNDS 12

static void try_round(unsigned round)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	struct area huge, more;
	spill *s;

	options.budget = 40 * M;
	options.handlers = 4;
	s = pager_open_with(&options);
	huge = area_reserve(s, 2 * round, 32 * M);
	/* Without huge pages (EINVAL) it is an ordinary test. */
	if (madvise(huge.base, 32 * M, MADV_HUGEPAGE) < 0)
		CHECK(errno == EINVAL, "MADV_HUGEPAGE: %s", strerror(errno));
	area_write_all(&huge);
	more = area_reserve(s, 2 * round + 1, 32 * M);
	area_write_all(&more);
	area_check_all(&more);
	/* The last in memory: nothing is read ahead when it is over. */
	area_check_all(&huge);
	area_forget(&huge);
	area_forget(&more);
	pager_close(s);
}

int main(void)
{
	test_begin("huge", 50);
	for (unsigned round = 0; round < ROUNDS; round++) {
		case_begin("huge pages in parts", 0);
		try_round(round);
		case_end();
	}
	return test_end();
}
