/* SPDX-License-Identifier: MIT */
/* test-generations - a parent that always has a child uses no more swap space than three times its
 * data.  A child goes on in the parent's swap space, and owns its pages' slots, for generation
 * after generation
 *
 * The bug: the parent's slots that were older than any fork were never freed.
 *
 * Variants: default move compress
 * Time limit: 120
 */
#include "harness.h"
#include "base/page.h"
#include "pager/pager.h"
#include <sys/wait.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BUDGET SPILL_BUDGET_MIN
#define DATA (20 * M)
#define OVERLAPPING 60
#define LINE 70

static struct area begin(const char *name)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	struct area area;

	case_begin(name, 0);
	options.budget = BUDGET;
	options.swap = test_directory();
	area = area_reserve(pager_open_with(&options), 1, DATA);
	area_write_all(&area);
	return area;
}

static uint64_t used(const struct area *area)
{
	return swap_used(&((struct pager *)area->pager)->paging.store.swap);
}

static void update(struct area *area, struct dice *dice, size_t pages)
{
	for (size_t n = 0; n < pages; n++)
		area_write(area, dice_below(dice, area->pages));
}

/* Checks some pages when it is told to end.  earlier: how another child is told, or -1. */
static pid_t have_child(struct area *area, struct dice *dice, int earlier, int *ret_end)
{
	int ends[2];
	pid_t pid;

	CHECK_OK(pipe(ends));
	pid = fork();
	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0) {
		char c;

		close(ends[1]);
		if (earlier >= 0)
			close(earlier);
		CHECK(read(ends[0], &c, 1) == 0, "the parent says something");
		for (unsigned n = 0; n < 200; n++)
			area_check(area, dice_below(dice, area->pages));
		test_exit(0);
	}
	close(ends[0]);
	*ret_end = ends[1];
	return pid;
}

static void end_child(pid_t pid, int end)
{
	int status;

	close(end);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "a child ends with %#x", status);
}

static void try_overlapping(void)
{
	struct area area = begin("overlapping");
	struct dice dice = dice_new(1);
	uint64_t most = 0;
	int end, next_end;
	pid_t pid = have_child(&area, &dice, -1, &end), next;

	for (unsigned n = 1; n < OVERLAPPING; n++) {
		update(&area, &dice, area.pages / 8);
		next = have_child(&area, &dice, end, &next_end);
		most = used(&area) > most ? used(&area) : most;
		end_child(pid, end);
		update(&area, &dice, area.pages / 8);
		most = used(&area) > most ? used(&area) : most;
		pid = next;
		end = next_end;
	}
	end_child(pid, end);
	printf("at most %lu MiB of swap space for %lu of data\n", (unsigned long)(most / M),
	       (unsigned long)(DATA / M));
	CHECK(most < 3 * DATA, "%lu MiB of swap space for %lu of data", (unsigned long)(most / M),
	      (unsigned long)(DATA / M));
	area_check_all(&area);
	pager_check(area.pager);
	area_forget(&area);
	pager_close(area.pager);
	case_end();
}

/* Each goes on in its child.  They are all there until the last has ended: what each reads lies in the
 * segments of many. */
static void go_on(struct area *area, struct dice *dice, unsigned left)
{
	int status;
	pid_t pid;

	update(area, dice, area->pages / 50);
	for (unsigned n = 0; n < 50; n++)
		area_check(area, dice_below(dice, area->pages));
	if (left == 0) {
		area_check_all(area);
		pager_check(area->pager);
		return;
	}
	pid = fork();
	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0) {
		go_on(area, dice, left - 1);
		test_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "%u from the end: status %#x", left,
	      status);
}

static void try_line(void)
{
	struct area area = begin("one after the other");
	struct dice dice = dice_new(2);

	go_on(&area, &dice, LINE);
	area_check_all(&area);
	pager_check(area.pager);
	area_forget(&area);
	pager_close(area.pager);
	case_end();
}

int main(void)
{
	test_begin("generations", 110);
	try_overlapping();
	try_line();
	return test_end();
}
