/* SPDX-License-Identifier: MIT */
/* test-read-fails - a read from swap space that fails, or returns other contents than were written,
 * is tried again; if that does not help, the page is lost, but no other page, and whoever touches
 * it gets SIGBUS
 *
 * Variants: default move move,uring poison encrypt
 */
#include "harness.h"
#include "store/io.h"

/* What goes wrong; all pagers of this program are opened with it. */
static struct io_faulty_plan plan;

static void plan_nothing(void)
{
	plan.nth = 0;
}

static void plan_from_now_on(unsigned operations, enum io_faulty_kind kind, bool always)
{
	plan.operations = operations;
	plan.kind = kind;
	plan.error = EIO;
	plan.length = 100;
	plan.always = always;
	plan.seen = plan.hits = 0;
	plan.nth = 1;
}

/* A pager, and an area of four times its budget that was written. */
static struct area paged_area(const char *name)
{
	struct area area;

	plan_nothing();
	case_begin(name, 0);
	area = area_reserve(pager_open(SPILL_BUDGET_MIN), 1, 4 * SPILL_BUDGET_MIN);
	area_write_all(&area);
	pager_check(area.pager);
	return area;
}

static void close_area(struct area *area)
{
	spill *s = area->pager;

	area_forget(area);
	pager_close(s);
	case_end();
}

static void advise(const struct area *area, enum spill_advice advice)
{
	CHECK_OK(spill_advise(area->pager, area->base, area->pages * test_page_size(), advice));
}

static bool is_poisoned(const struct area *area, size_t i)
{
	return (area_state(area, i) & SPILL_STATE_MASK) == SPILL_POISONED;
}

/* -- once ----------------------------------------------------------------------- */

static void try_once(const char *name, enum io_faulty_kind kind)
{
	struct area area = paged_area(name);
	struct spill_stats stats;

	plan_from_now_on(IO_FAULTY_READS, kind, false);
	area_check(&area, area_swapped_page(&area));
	CHECK(plan.hits == 1, "%u reads went wrong, not 1", plan.hits);
	area_check_all(&area);
	stats = pager_stats(area.pager);
	CHECK(stats.read_errors == 1, "%llu reads failed, not 1",
	      (unsigned long long)stats.read_errors);
	CHECK(stats.pages_poisoned == 0, "a page is lost");
	close_area(&area);
}

/* -- for good -------------------------------------------------------------------- */

/* It stays lost until it is discarded; then it is as good as new. */
static void check_lost(struct area *area, size_t i)
{
	spill *s = area->pager;
	void *page = area_page(area, i);
	size_t size = test_page_size();

	CHECK(is_poisoned(area, i), "page %zu is in state %#x, not poisoned", i,
	      area_state(area, i));
	CHECK(!area_touch(area, i), "a lost page can be read the second time");
	CHECK_ERRNO(spill_pin(s, page, size), EIO);
	CHECK_OK(spill_advise(s, page, size, SPILL_DONT_NEED));
	area_zeroed(area, i, 1);
	area_check(area, i);
	area_write(area, i);
}

static void try_for_good(const char *name, enum io_faulty_kind kind)
{
	struct area area = paged_area(name);
	size_t i;

	advise(&area, SPILL_RANDOM); /* one page to a read */
	i = area_swapped_page(&area);
	plan_from_now_on(IO_FAULTY_READS, kind, true);
	CHECK(!area_touch(&area, i), "a page that cannot be read back can be touched");
	plan_nothing();
	for (size_t k = 0; k < area.pages; k++)
		if (k != i)
			area_check(&area, k);
	CHECK(pager_stats(area.pager).pages_poisoned == 1, "%llu pages are lost, not 1",
	      (unsigned long long)pager_stats(area.pager).pages_poisoned);
	check_lost(&area, i);
	pager_press(area.pager);
	area_check_all(&area);
	close_area(&area);
}

/* A lost page can be released with its neighbours, and the place be used again. */
static void try_release(void)
{
	struct area area = paged_area("released");
	size_t i;

	advise(&area, SPILL_RANDOM);
	i = area_swapped_page(&area);
	plan_from_now_on(IO_FAULTY_READS, IO_FAULTY_ERROR, true);
	CHECK(!area_touch(&area, i), "a page that cannot be read back can be touched");
	plan_nothing();
	close_area(&area);
}

/* -- on the disk ------------------------------------------------------------------- */

static void leave_for_good(const struct area *area)
{
	advise(area, SPILL_COLD);
	CHECK(WAIT_FOR(area_count(area, 0, area->pages, SPILL_RESIDENT) == 0, 20),
	      "pages stay resident");
	pager_check(area->pager); /* and all writes are done */
}

/* Each write leaves a page on the disk that is wrong by a bit: those pages are
 * lost, and none of those that are read together with them. */
static void try_disk(void)
{
	struct area area;
	size_t lost = 0;
	spill *s;

	plan_nothing();
	case_begin("wrong on the disk", 0);
	s = pager_open(SPILL_BUDGET_MIN);
	area = area_reserve(s, 1, 3 * M);
	spill_reserve(s, SPILL_BUDGET_MIN); /* arms it */
	area_write_all(&area);
	plan_from_now_on(IO_FAULTY_WRITES, IO_FAULTY_CORRUPT, true);
	leave_for_good(&area);
	plan_nothing();
	CHECK(plan.hits > 0, "nothing was written");
	pager_press(s);
	for (size_t i = 0; i < area.pages; i++) {
		if (area_touch(&area, i))
			area_check(&area, i);
		else
			lost++;
		CHECK(is_poisoned(&area, i) || area_touch(&area, i),
		      "page %zu raised SIGBUS and is not poisoned", i);
	}
	CHECK(lost == plan.hits, "%zu pages are lost, %u are wrong", lost, plan.hits);
	close_area(&area);
}

/* -- what is said of it ------------------------------------------------------------ */

static void check_log(const char *path)
{
	char line[300] = "";
	FILE *file = fopen(path, "re");
	unsigned long address;

	CHECK(file && fgets(line, sizeof(line), file), "a lost page is not told of");
	CHECK(sscanf(line, "spill: the page at %lx is lost: %*s", &address) == 1,
	      "a lost page is told of as: %s", line);
	CHECK(address && address % test_page_size() == 0, "%#lx is no page", address);
	CHECK(!fgets(line, sizeof(line), file), "there is a second line: %s", line);
	fclose(file);
	CHECK_OK(unlink(path));
}

int main(void)
{
	char log[300];

	snprintf(log, sizeof(log), "%s/log", test_directory());
	setenv("SPILL_LOG", log, 1);
	test_begin("read-fails", 110);
	io_faulty_plan_current = &plan;
	try_once("an error, once", IO_FAULTY_ERROR);
	try_once("other contents, once", IO_FAULTY_CORRUPT);
	try_once("a short read, once", IO_FAULTY_SHORT);
	CHECK(access(log, F_OK) < 0, "something is told of reads that went well in the end");
	try_for_good("errors for good", IO_FAULTY_ERROR);
	try_for_good("other contents for good", IO_FAULTY_CORRUPT);
	try_release();
	try_disk();
	check_log(log);
	return test_end();
}
