/* SPDX-License-Identifier: MIT */
/* test-dma - what a device writes into managed memory arrives, however scattered the pages around
 * it are and however often they are evicted (pins.h)
 *
 * Without a check for pins this fails: of some ten thousand reads into pages that are being
 * evicted, some are lost.  Without MOVE, which sees pins, everything stays in memory until the file
 * is closed.
 *
 * Variants: default move
 */
#include "harness.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#define READERS 4
#define FILE_PAGES 64
#define SECONDS 3.0

struct reader {
	pthread_t thread;
	struct area *area;
	unsigned number;
	int fd;
	size_t reads;
};

static _Atomic bool stop;

static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char *page = malloc(test_page_size());

	CHECK(fd >= 0 && page, "%s: %s", path, strerror(errno));
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		stamp_write(page, 99, i, 1);
		CHECK(write(fd, page, test_page_size()) == (ssize_t)test_page_size(), "write: %s",
		      strerror(errno));
	}
	free(page);
	close(fd);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		test_skip("no O_DIRECT on this file system");
	CHECK_OK(unlink(path));
	return fd;
}

/* Reads into its own pages here and there, and looks at once. */
static void *read_into(void *argument)
{
	struct reader *reader = argument;
	struct dice dice = dice_new(reader->number);
	const struct area *area = reader->area;
	size_t size = test_page_size();

	while (!stop) {
		size_t i = dice_below(&dice, area->pages / (2 * READERS)) * (2 * READERS) +
			   2 * reader->number;
		uint64_t from = dice_below(&dice, FILE_PAGES);
		void *page = area_page(area, i);

		CHECK(pread(reader->fd, page, size, (off_t)(from * size)) == (ssize_t)size,
		      "pread: %s", strerror(errno));
		CHECK(stamp_holds(page, 99, from, 1),
		      "page %zu was read from page %llu of a file and holds %s", i,
		      (unsigned long long)from, stamp_explain(page));
		reader->reads++;
	}
	return NULL;
}

/* The odd pages are written and read back, so that the others are evicted. */
static void press(struct area *area)
{
	struct dice dice = dice_new(1000);
	double end = test_seconds() + SECONDS;

	while (test_seconds() < end)
		area_update(area, dice_below(&dice, area->pages / 2) * 2 + 1);
}

/* Without MOVE all was kept, as long as the file was open. */
static void back_to_the_budget(spill *s, struct area *area)
{
	double end = test_seconds() + 20;

	while (pager_stats(s).held > SPILL_BUDGET_MIN && test_seconds() < end)
		area_update(area, 1);
	CHECK(pager_stats(s).held <= SPILL_BUDGET_MIN, "%llu bytes are held",
	      (unsigned long long)pager_stats(s).held);
	for (size_t i = 1; i < area->pages; i += 2)
		area_update(area, i);
	CHECK(pager_stats(s).pages_evicted > 1000, "nothing was evicted");
}

int main(void)
{
	struct reader reader[READERS];
	char path[300];
	struct area area;
	size_t reads = 0;
	spill *s;
	int fd;

	test_begin("dma", 60);
	snprintf(path, sizeof(path), "%s/data", test_directory());
	case_begin("direct reads", M);
	fd = make_file(path);
	s = pager_open(SPILL_BUDGET_MIN);
	area = area_reserve(s, 1, 3 * SPILL_BUDGET_MIN);
	for (unsigned i = 0; i < READERS; i++) {
		reader[i] = (struct reader){ .area = &area, .number = i, .fd = fd };
		pthread_create(&reader[i].thread, NULL, read_into, &reader[i]);
	}
	press(&area);
	stop = true;
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(reader[i].thread, NULL);
		reads += reader[i].reads;
	}
	CHECK(reads > 1000, "only %zu reads in %g s", reads, SECONDS);
	CHECK(pager_stats(s).pages_evicted > 1000 || pager_stats(s).held > SPILL_BUDGET_MIN,
	      "nothing was evicted");
	if (pager_stats(s).held > SPILL_BUDGET_MIN)
		pager_may_exceed(s, 3 * SPILL_BUDGET_MIN);
	close(fd);
	back_to_the_budget(s, &area);
	area_forget(&area);
	pager_close(s);
	case_end();
	return test_end();
}
