/* SPDX-License-Identifier: MIT */
/* test-many - several pagers work side by side, each with its own budget, and pagers can be opened
 * and closed without end
 *
 * Time limit: 60
 */
#include "harness.h"
#include <pthread.h>

#define PAGERS 5
#define CYCLES 200

struct user {
	pthread_t thread;
	spill *pager;
	struct area area;
	struct dice dice;
	unsigned number;
};

/* Each in a way of its own. */
static size_t next_page(struct user *u, size_t n)
{
	size_t pages = u->area.pages;

	switch (u->number) {
	case 0:
		return n % pages;
	case 1:
		return pages - 1 - n % pages;
	case 2:
		return n * 37 % pages;
	default:
		return dice_below(&u->dice, pages);
	}
}

static void *use(void *arg)
{
	struct user *u = arg;

	area_write_all(&u->area);
	for (size_t n = 0; n < 8000; n++)
		if (n % (u->number + 2) == 0)
			area_update(&u->area, next_page(u, n));
		else
			area_check(&u->area, next_page(u, n));
	area_check_all(&u->area);
	return NULL;
}

static void try_side_by_side(void)
{
	static const size_t budgets[PAGERS] = { 8 * M, 10 * M, 12 * M, 16 * M, 24 * M };
	struct user user[PAGERS];

	case_begin("side by side", 0);
	for (unsigned i = 0; i < PAGERS; i++) {
		user[i].pager = pager_open(budgets[i]);
		user[i].area = area_reserve(user[i].pager, i, 2 * budgets[i]);
		user[i].dice = dice_new(i);
		user[i].number = i;
	}
	for (unsigned i = 0; i < PAGERS; i++)
		CHECK(pthread_create(&user[i].thread, NULL, use, &user[i]) == 0, "pthread_create");
	for (unsigned i = 0; i < PAGERS; i++)
		pthread_join(user[i].thread, NULL);
	/* Some go, the others stay as they are. */
	for (unsigned i = 0; i < PAGERS; i += 2) {
		area_forget(&user[i].area);
		pager_close(user[i].pager);
	}
	for (unsigned i = 1; i < PAGERS; i += 2) {
		area_check_all(&user[i].area);
		area_forget(&user[i].area);
		pager_close(user[i].pager);
	}
	case_end();
}

/* What belongs to one pager is nothing to another. */
static void try_strangers(void)
{
	struct area area, other;
	size_t page = test_page_size();
	unsigned char state;
	spill *a, *b;

	case_begin("each its own", 0);
	a = pager_open(8 * M);
	b = pager_open(8 * M);
	area = area_reserve(a, 1, 16 * M);
	other = area_reserve(b, 2, 16 * M);
	area_write_all(&area);
	area_write_all(&other);
	CHECK_ERRNO(spill_get_states(b, area.base, page, &state), ENOMEM);
	CHECK_ERRNO(spill_pin(b, area.base, page), ENOMEM);
	CHECK_ERRNO(spill_advise(a, other.base, page, SPILL_DONT_NEED), ENOMEM);
	CHECK_OK(spill_release(b, area.base, 16 * M));
	area_check_all(&area);
	area_check_all(&other);
	area_forget(&area);
	area_forget(&other);
	pager_close(a);
	pager_close(b);
	case_end();
}

/* Half of them are closed without releasing anything, with writes in flight. */
static void try_cycles(void)
{
	size_t before = 0;

	case_begin("opened and closed", 0);
	for (unsigned cycle = 0; cycle < CYCLES; cycle++) {
		spill *s = pager_open(8 * M);
		struct area area = area_reserve(s, cycle, 12 * M);

		for (size_t i = cycle % 8; i < area.pages; i += cycle % 3 ? 1 : 8)
			area_write(&area, i);
		area_check(&area, area.pages - 1);
		area_forget(&area);
		if (cycle % 2)
			pager_drop(s);
		else
			pager_close(s);
		if (cycle == CYCLES / 4)
			before = test_status("VmSize");
	}
	CHECK(test_status("VmSize") <= before + M || !test_memory_is_ours(),
	      "%zu KiB of address space were lost", (test_status("VmSize") - before) / K);
	case_end();
}

/* A pager that never arms has no thread and no descriptor. */
static void try_unarmed(void)
{
	case_begin("never armed", 0);
	for (unsigned cycle = 0; cycle < 2 * CYCLES; cycle++) {
		spill *s = pager_open(8 * M);
		struct area area = area_reserve(s, cycle, 64 * K);

		area_write_all(&area);
		area_check_all(&area);
		area_forget(&area);
		CHECK(!pager_stats(s).armed, "it armed");
		pager_drop(s);
	}
	case_end();
}

int main(void)
{
	test_begin("many", 50);
	try_unarmed();
	try_side_by_side();
	try_strangers();
	try_cycles();
	return test_end();
}
