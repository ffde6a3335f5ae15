/* SPDX-License-Identifier: MIT */
/* test-record - a recording of a running pager contains the touches from its beginning to its end,
 * and ends by itself if nobody reads it; whoever touches memory finds what was there
 *
 * Time limit: 120
 * Variants: default move move,uring
 */
#include "observe/fd_search.h"
#include "command/bell.h"
#include "harness.h"
#include "base/process.h"
#include "observe/trace.h"
#include "observe/view.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#define BUDGET (8 * M)
#define SIZE (16 * M)
#define THREADS 4
#define PIPE_LEAST 65536

static struct area area;
static struct view view;
static struct order *order;
static int bell;

/* -- the order ----------------------------------------------------------------------------- */

static int open_pipe(uint64_t number, int flags)
{
	struct fd_search search;
	int fd;

	CHECK(fd_search_open(&search, (uint32_t)getpid()) == 0, "fd_search_open");
	CHECK(fd_search_find_pipe(&search, number), "pipe %lu is not there", (unsigned long)number);
	fd = fd_search_get(&search, flags | O_NONBLOCK);
	fd_search_close(&search);
	CHECK(fd >= 0, "the pipe cannot be opened");
	return fd;
}

static void find_record(void)
{
	struct steering *steering;

	CHECK(view_open(&view, (uint32_t)getpid(), true) == 0, "view_open");
	CHECK(view.tables == 1, "%zu tables", view.tables);
	steering = &view.table[0]->steering;
	order = &steering->order;
	bell = open_pipe(steering->bell, O_RDWR);
}

static void place_order(uint32_t state)
{
	order->state = state;
	bell_ring(bell);
}

/* Gives the pipe. */
static int begin(unsigned sample)
{
	order->mark = process_mark_self();
	order->place = 0;
	order->sample = sample;
	place_order(ORDER_ASKED);
	CHECK(WAIT_FOR(order->state > ORDER_BEGINNING, 20), "state %u", order->state);
	CHECK(order->state == ORDER_RUNNING, "refused: %d", order->error);
	return open_pipe(order->pipe, O_RDONLY);
}

static void end(void)
{
	place_order(ORDER_ENOUGH);
	CHECK(WAIT_FOR(order->state == ORDER_DONE, 20), "state %u", order->state);
}

/* -- touches ------------------------------------------------------------------------------- */

static _Atomic bool enough;

/* Each its own part, now and then with a write. */
static void *touch(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg;
	size_t part = area.pages / THREADS, first = number * part;
	struct dice dice = dice_new(number);

	while (!enough) {
		size_t i = first + dice_below(&dice, part);

		if (dice_below(&dice, 4))
			area_check(&area, i);
		else
			area_update(&area, i);
	}
	return NULL;
}

static void start(pthread_t threads[THREADS])
{
	enough = false;
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, touch, (void *)i) == 0, "pthread_create");
}

static void stop(pthread_t threads[THREADS])
{
	enough = true;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* -- what is recorded ---------------------------------------------------------------------- */

struct counts {
	uint64_t kind[TRACE_KINDS];
	uint64_t gauge[GAUGES];
};

static void count(struct counts *counts, const struct trace_event *event)
{
	CHECK(event->kind < TRACE_KINDS, "kind %u", event->kind);
	counts->kind[event->kind]++;
	if (event->kind == TRACE_GAUGE) {
		CHECK(event->page < GAUGES, "gauge %lu", (unsigned long)event->page);
		counts->gauge[event->page] = event->mask;
		return;
	}
	CHECK(event->page >= (uintptr_t)area.base / test_page_size() &&
		      event->page <= (uintptr_t)area.base / test_page_size() + area.pages,
	      "page %lx", (unsigned long)event->page);
}

/* All that is there now; whole events. */
static void drain(int fd, struct counts *counts)
{
	static struct trace_event events[1024];
	ssize_t n;

	while ((n = read(fd, events, sizeof(events))) > 0) {
		CHECK(n % (ssize_t)sizeof(events[0]) == 0, "%zd bytes", n);
		for (size_t i = 0; i < (size_t)n / sizeof(events[0]); i++)
			count(counts, &events[i]);
	}
}

static void check_header(int fd)
{
	struct trace_header header = { 0 };

	CHECK(read(fd, &header, sizeof(header)) == sizeof(header), "no header");
	CHECK(header.magic == TRACE_MAGIC && header.event_size == sizeof(struct trace_event) &&
		      header.pid == (uint32_t)getpid() && header.budget == BUDGET,
	      "the header: magic %lx, process %u, budget %lu", (unsigned long)header.magic,
	      header.pid, (unsigned long)header.budget);
}

static void check_counts(const struct counts *counts)
{
	uint64_t faults = counts->kind[TRACE_SOFT] + counts->kind[TRACE_MAJOR];

	printf("  %lu soft, %lu major, %lu lost\n", (unsigned long)counts->kind[TRACE_SOFT],
	       (unsigned long)counts->kind[TRACE_MAJOR], (unsigned long)counts->gauge[GAUGE_LOST]);
	CHECK(faults > 1000, "%lu faults", (unsigned long)faults);
	CHECK(counts->gauge[GAUGE_FOUND] >= area.pages, "%lu pages were found",
	      (unsigned long)counts->gauge[GAUGE_FOUND]);
	CHECK(counts->gauge[GAUGE_THRESHOLD] > 0, "no threshold");
}

/* -- cases --------------------------------------------------------------------------------- */

static size_t pages_kept(void)
{
	struct spill_stats stats = pager_stats(area.pager);

	return (stats.resident + stats.cached + stats.swapped) / test_page_size();
}

static void set_up(const char *name)
{
	case_begin(name, 0);
	area = area_reserve(pager_open(BUDGET), 1, SIZE);
	area_write_all(&area);
	/* Whoever writes to a page may go on before the handler that brought it has counted it. */
	CHECK(WAIT_FOR(pages_kept() >= area.pages, 20), "%zu pages are kept", pages_kept());
	find_record();
}

static void tear_down(void)
{
	spill *s = area.pager;

	area_check_all(&area);
	close(bell);
	view_close(&view);
	area_forget(&area);
	pager_close(s);
	case_end();
}

/* Some thousand touches of a sample of so many chunks; then no more. */
static void record_some(unsigned sample)
{
	struct counts counts = { { 0 }, { 0 } }, after = { { 0 }, { 0 } };
	pthread_t threads[THREADS];
	int fd = begin(sample);

	check_header(fd);
	start(threads);
	CHECK(WAIT_FOR((drain(fd, &counts), counts.kind[TRACE_SOFT] > 2000), 60), "%lu soft faults",
	      (unsigned long)counts.kind[TRACE_SOFT]);
	end();
	drain(fd, &counts);
	check_counts(&counts);
	test_sleep_ms(200);
	drain(fd, &after);
	CHECK(!after.kind[TRACE_SOFT] && !after.kind[TRACE_MAJOR], "it goes on");
	stop(threads);
	close(fd);
}

static void try_some(void)
{
	set_up("two, one after the other");
	record_some(1024);
	record_some(64);
	tear_down();
}

static void try_forsaken(void)
{
	pthread_t threads[THREADS];
	int fd;

	set_up("nobody reads");
	fd = begin(4096);
	/* It is full soon, however slow the disk is. */
	CHECK(fcntl(fd, F_SETPIPE_SZ, PIPE_LEAST) > 0, "F_SETPIPE_SZ");
	start(threads);
	CHECK(WAIT_FOR(order->state == ORDER_DONE, 60), "it goes on: state %u", order->state);
	stop(threads);
	close(fd);
	record_some(1024);
	tear_down();
}

static void try_refused(void)
{
	set_up("another at the same time");
	close(begin(64));
	place_order(ORDER_ASKED);
	CHECK(WAIT_FOR(order->state > ORDER_BEGINNING, 20), "state %u", order->state);
	CHECK(order->state == ORDER_REFUSED && order->error == -EBUSY, "state %u, error %d",
	      order->state, order->error);
	tear_down();
}

int main(void)
{
	test_begin("record", 120);
	try_some();
	try_forsaken();
	try_refused();
	return test_end();
}
