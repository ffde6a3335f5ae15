/* SPDX-License-Identifier: MIT */
/* test-write-fails - pages are not lost when their write to swap space fails, falls short or takes
 * long: they go back, and are written elsewhere
 */
#include "harness.h"
#include "base/fork_near.h"
#include "store/io.h"
#include "pager/pager.h"

#define DATA (4 * SPILL_BUDGET_MIN)

static struct io_faulty_plan plan;

static spill *begin(const char *name)
{
	plan = (struct io_faulty_plan){ .operations = IO_FAULTY_WRITES };
	case_begin(name, 0);
	return pager_open(SPILL_BUDGET_MIN);
}

static void end(struct area *area)
{
	spill *s = area->pager;

	area_check_all(area);
	area_forget(area);
	pager_close(s);
	case_end();
}

/* From write number nth on, so many go wrong. */
static void try_some(const char *name, enum io_faulty_kind kind, unsigned nth, unsigned count)
{
	spill *s = begin(name);
	struct area area;

	plan.kind = kind;
	plan.error = EIO;
	plan.length = test_page_size();
	plan.always = true;
	plan.most = count;
	plan.nth = nth;
	area = area_reserve(s, 1, DATA);
	area_write_all(&area);
	CHECK(plan.hits >= count, "%u writes went wrong, not %u", plan.hits, count);
	/* Some may be on their way. */
	CHECK(WAIT_FOR(pager_stats(s).write_errors == plan.hits, 10),
	      "%llu failed writes are counted, not %u",
	      (unsigned long long)pager_stats(s).write_errors, plan.hits);
	end(&area);
}

/* Pages that wait for their write can be read and written to. */
static void try_slow(void)
{
	spill *s = begin("slow");
	struct area area;
	struct dice dice = dice_new(1);

	plan.kind = IO_FAULTY_DELAY;
	plan.delay_ns = 3000000;
	plan.always = true;
	plan.nth = 1;
	area = area_reserve(s, 1, DATA);
	area_write_all(&area);
	for (size_t n = 0; n < area.pages / 4; n++)
		area_update(&area, dice_below(&dice, area.pages));
	CHECK(plan.hits > 0, "no write was slow");
	end(&area);
}

static void lock_chunks(const struct area *area, bool on)
{
	struct pager *pager = (struct pager *)area->pager;
	uintptr_t start = (uintptr_t)area_page(area, 0);
	struct chunk *chunk;

	lock_guard_begin();
	pagetable_for_each(chunk, &pager->paging.pages.table, start,
			   start + area->pages * test_page_size()) {
		if (on)
			lock_take(&chunk->lock, LOCK_CHUNK);
		else
			chunk_unlock(chunk);
	}
	lock_guard_end();
}

/* A write that fails while its chunk is locked is looked at again and again, and counted once. */
static void try_locked(void)
{
	spill *s = begin("while it is locked");
	struct area area = area_reserve(s, 1, DATA);

	plan.kind = IO_FAULTY_ERROR;
	plan.error = EIO;
	plan.delay_ns = 200000000;
	plan.always = false;
	plan.nth = 1;
	for (size_t i = 0; i < area.pages && !plan.hits; i++)
		area_write(&area, i);
	lock_chunks(&area, true);
	usleep(400000);
	lock_chunks(&area, false);
	CHECK(WAIT_FOR(pager_stats(s).write_errors > 0, 10), "no failed write is counted");
	area_write_all(&area);
	CHECK(plan.hits == 1 && pager_stats(s).write_errors == 1,
	      "%llu failed writes are counted, %u went wrong",
	      (unsigned long long)pager_stats(s).write_errors, plan.hits);
	end(&area);
}

/* A page that could neither be written nor be put back is in its tray alone.  false: no page is
 * in a tray and written. */
static bool strand_page(struct area *area, size_t *ret_page)
{
	struct pager *pager = (struct pager *)area->pager;

	for (size_t i = 0; i < area->pages; i++) {
		uintptr_t address = (uintptr_t)area_page(area, i);
		struct chunk *chunk = pagetable_find(&pager->paging.pages.table, address);
		uint64_t bit = chunk ? mask_bit(chunk_index(chunk, address)) : 0;
		bool stranded = false;

		if (!bit)
			continue;
		lock_guard_begin();
		lock_take(&chunk->lock, LOCK_CHUNK);
		if (chunk->cached & chunk->swapped & bit) {
			chunk_drop_copies(&pager->paging.pages, chunk, bit);
			stranded = true;
		}
		chunk_unlock(chunk);
		lock_guard_end();
		if (stranded) {
			*ret_page = i;
			return true;
		}
	}
	return false;
}

/* It does not keep those behind it in the queue from giving up their frames, and is written at
 * last. */
static void try_stranded(void)
{
	spill *s = begin("stranded");
	struct area area = area_reserve(s, 1, DATA);
	size_t stranded = 0;
	bool done = false;

	plan.nth = 0;
	area_write_all(&area);
	CHECK(WAIT_FOR(done || (done = strand_page(&area, &stranded)), 10), "no page is cached");
	for (unsigned pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < area.pages; i++)
			if (i != stranded)
				area_check(&area, i);
	CHECK((area_state(&area, stranded) & SPILL_STATE_MASK) == SPILL_SWAPPED,
	      "page %zu is in state %#x", stranded, area_state(&area, stranded));
	end(&area);
}

/* A fork's child has not got it, and says so; its parent has.  The page is stranded while nothing is
 * evicted, or it might be written again before the fork. */
static void try_fork(void)
{
	spill *s = begin("stranded, and a fork");
	struct pager *pager = (struct pager *)s;
	struct area area = area_reserve(s, 1, DATA);
	size_t stranded = 0;
	bool done = false;
	pid_t pid;

	plan.nth = 0;
	area_write_all(&area);
	fork_announce();
	CHECK(WAIT_FOR(!pager->paging.evicting, 10), "evictions under way do not end");
	CHECK(WAIT_FOR(done || (done = strand_page(&area, &stranded)), 10), "no page is cached");
	pid = test_fork();
	fork_withdraw();
	if (pid == 0) {
		CHECK(!area_touch(&area, stranded), "page %zu can be read", stranded);
		for (size_t i = 0; i < area.pages; i++)
			if (i != stranded)
				area_check(&area, i);
		test_exit(0);
	}
	test_wait(pid, 0);
	end(&area);
}

int main(void)
{
	test_begin("write-fails", 110);
	io_faulty_plan_current = &plan;
	try_some("one fails", IO_FAULTY_ERROR, 3, 1);
	try_some("many fail", IO_FAULTY_ERROR, 1, 8);
	try_some("some fall short", IO_FAULTY_SHORT, 2, 3);
	try_slow();
	try_locked();
	try_stranded();
	try_fork();
	return test_end();
}
