/* SPDX-License-Identifier: MIT */
/* test-room.c - paging.h: is there room for more pages?  And who is asked */
#include "unit.h"
#include "base/page.h"
#include "command/pool.h"
#include "command/share.h"
#include "paging/paging.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TOTAL 1000
#define OWN 100

static struct paging paging;
static struct share share;

/* A process of a command of many: 100 frames are its own, and 900 nobody has yet. */
static void begin(void)
{
	int fd = pool_create(TOTAL);

	page_init();
	memset(&paging, 0, sizeof(paging));
	memset(&share, 0, sizeof(share));
	ck_assert_int_ge(fd, 0);
	share.pool = pool_map(fd);
	close(fd);
	ck_assert_ptr_nonnull(share.pool);
	share.pool->entries = POOL_ENTRIES;
	share.pool->entry[0].granted = OWN;
	paging.share = &share;
	paging.budget.limit = OWN;
}

static void end(void)
{
	pool_unmap(share.pool);
}

START_TEST(what_nobody_has_counts)
{
	ck_assert(paging_has_room(&paging, TOTAL));
	ck_assert(!paging_has_room(&paging, TOTAL + 1));
	share.pool->entry[POOL_ENTRIES - 1].granted = 300;
	ck_assert(paging_has_room(&paging, TOTAL - 300));
	ck_assert(!paging_has_room(&paging, TOTAL - 299));
	paging.share = NULL;
	ck_assert(paging_has_room(&paging, OWN));
	ck_assert(!paging_has_room(&paging, OWN + 1));
	paging.pages.kept = OWN;
	ck_assert(paging_has_room(&paging, 0));
	ck_assert(!paging_has_room(&paging, 1));
}
END_TEST

/* Each fill asks whether there is room.  It summed up what thousands of processes had. */
START_TEST(other_processes_are_asked_only_when_room_is_short)
{
	char *others = (char *)share.pool + page_size();
	size_t size = sizeof(struct pool) - page_size();

	/* Whoever looks at their entries dies. */
	ck_assert_int_eq(mprotect(others, size / page_size() * page_size(), PROT_NONE), 0);
	ck_assert(paging_has_room(&paging, OWN));
	ck_assert_int_eq(mprotect(others, size / page_size() * page_size(), PROT_READ | PROT_WRITE),
			 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("room");
	TCase *tcase = unit_case(suite, "room", 10);

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, what_nobody_has_counts);
	tcase_add_test(tcase, other_processes_are_asked_only_when_room_is_short);
	return unit_main(suite, NULL);
}
