/* SPDX-License-Identifier: MIT */
/* test-swap-grows - fallocate(2) may take as long as it likes, and soft faults go on; and a disk
 * that was full for a moment is tried again
 *
 * The bugs: the handler that needed blocks called fallocate itself, with a chunk locked; swap
 * space, once full, stayed full for good; and a new page was given up after 300 ms, though the
 * disk had not been asked again meanwhile.
 *
 * The test counts and delays the calls in the threads of the engine without io_uring; with io_uring
 * the kernel's own threads make them.
 *
 * Variants: move,uring
 * Time limit: 120
 */
#include "system_faults.h"
#include "harness.h"
#include "pager/pager.h"
#include <errno.h>

#define BUDGET SPILL_BUDGET_MIN
/* It has to be more than a budget below a first step of 64 MiB, and once rewritten beyond it. */
#define DATA (52 * M)
#define MORE (120 * M)
#define UPDATES 12000
#define SOFT_ENOUGH 100

static spill *begin(const char *name)
{
	struct spill_options options = SPILL_OPTIONS_INIT;

	case_begin(name, 0);
	options.budget = BUDGET;
	options.swap = test_directory();
	options.handlers = 1;
	options.overcommit = 0;
	return pager_open_with(&options);
}

static void plan_second(enum fault_way way, bool always)
{
	struct fault_plan plan = {
		.kind = fault_kind("fallocate"),
		.error = ENOSPC,
		.way = way,
		.nth = 2,
		.always = always,
	};

	fault_begin(&plan);
}

static void try_slow(void)
{
	spill *s = begin("slow");
	struct area area;
	struct dice dice = dice_new(1);
	uint64_t soft;

	plan_second(FAULT_WAIT, false);
	area = area_reserve(s, 1, DATA);
	area_write_all(&area);
	while (!fault_hits())
		area_write(&area, dice_below(&dice, area.pages));
	soft = pager_stats(s).faults_soft;
	for (unsigned n = 0; n < UPDATES; n++) {
		size_t i = dice_below(&dice, area.pages);

		area_check(&area, i);
		area_write(&area, i);
	}
	soft = pager_stats(s).faults_soft - soft;
	printf("%lu soft faults while the file grew\n", (unsigned long)soft);
	CHECK(soft >= SOFT_ENOUGH, "only %lu soft faults", (unsigned long)soft);
	fault_end();
	area_check_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

static void try_full_for_a_moment(void)
{
	spill *s = begin("full for a moment");
	struct area area, more;
	struct dice dice = dice_new(2);

	plan_second(FAULT_INSTEAD, true);
	area = area_reserve(s, 1, DATA);
	area_write_all(&area);
	/* Each step is tried, and each half of it, down to a MiB; then again after 100 ms, 200 and
	 * 400.  When there is room the next 800 ms have begun, for which no fault waits. */
	while (fault_hits() < 28)
		area_write(&area, dice_below(&dice, area.pages));
	fault_end();
	more = area_reserve(s, 2, MORE);
	area_write_all(&more);
	area_check_all(&more);
	area_check_all(&area);
	CHECK(pager_stats(s).pages_poisoned == 0, "%llu pages are lost",
	      (unsigned long long)pager_stats(s).pages_poisoned);
	area_forget(&area);
	area_forget(&more);
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("swap-grows", 110);
	try_slow();
	try_full_for_a_moment();
	return test_end();
}
