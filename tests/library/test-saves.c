/* SPDX-License-Identifier: MIT */
/* test-saves - pages that have left are saved late: those that come back before are not written; but
 * a fork's child has the right bytes of those that were not
 *
 * Time limit: 60
 */
#include "harness.h"
#include "pager/pager.h"

#define BUDGET (16 * M)
/* Of the budget, in tenths. */
#define DATA 14
#define UPDATES 200000
#define FORKS 6

/* The lower of three numbers: low pages are used the most. */
static size_t skewed(struct dice *dice, size_t pages)
{
	size_t ret = pages;

	for (unsigned n = 0; n < 3; n++) {
		size_t i = dice_below(dice, pages);

		ret = i < ret ? i : ret;
	}
	return ret;
}

static void update(struct area *area, struct dice *dice, unsigned n)
{
	while (n--)
		area_update(area, skewed(dice, area->pages));
}

static void try_writes(struct area *area, struct dice *dice)
{
	struct spill_stats before, after;
	uint64_t written, unread;

	update(area, dice, UPDATES / 4);
	before = pager_stats(area->pager);
	update(area, dice, UPDATES);
	after = pager_stats(area->pager);
	written = (after.bytes_written - before.bytes_written) / test_page_size();
	unread = after.pages_unread - before.pages_unread;
	printf("  %llu pages written, %llu of them came back unread; %llu soft faults, %llu major\n",
	       (unsigned long long)written, (unsigned long long)unread,
	       (unsigned long long)(after.faults_soft - before.faults_soft),
	       (unsigned long long)(after.faults_major - before.faults_major));
	CHECK(written > 1000, "only %llu pages were written", (unsigned long long)written);
	CHECK(unread < written / 8, "%llu of %llu pages came back and need not have been written",
	      (unsigned long long)unread, (unsigned long long)written);
}

static void try_forks(struct area *area, struct dice *dice)
{
	unsigned unsaved = 0;

	for (unsigned n = 0; n < FORKS; n++) {
		pid_t pid;

		update(area, dice, 2000);
		unsaved += ((struct pager *)area->pager)->paging.pages.unsaved > 0;
		pid = test_fork();
		if (pid == 0) {
			area_check_all(area);
			test_exit(0);
		}
		update(area, dice, 2000);
		test_wait(pid, 0);
	}
	printf("  before %u of %d forks some pages were unsaved\n", unsaved, FORKS);
	CHECK(unsaved > 0, "no page was ever unsaved before a fork");
}

int main(void)
{
	struct dice dice = dice_new(1);
	struct area area;
	spill *s;

	test_begin("saves", 55);
	case_begin("what comes back", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, BUDGET / 10 * DATA);
	area_write_all(&area);
	try_writes(&area, &dice);
	try_forks(&area, &dice);
	area_check_all(&area);
	area_forget(&area);
	pager_check(s);
	pager_close(s);
	case_end();
	return test_end();
}
