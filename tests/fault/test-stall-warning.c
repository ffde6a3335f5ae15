/* SPDX-License-Identifier: MIT */
/* test-stall-warning - if a disk does not answer, one line says which page waits, and for what;
 * meanwhile other pages are served, statistics can be read, and the process can end
 *
 * Each case is a process of its own, since each kind of line is printed once.
 *
 * Variants: default move,uring
 */
#include "harness.h"
#include "base/fork_near.h"
#include "pager/fork.h"
#include "store/io.h"
#include "pager/pager.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#define BUDGET SPILL_BUDGET_MIN
#define DATA (3 * BUDGET)
#define WARN_SECONDS 1
#define SLOW_NS 2500000000

static struct io_faulty_plan plan;
static char log_path[300];

/* -- what was said ------------------------------------------------------------------------ */

/* The log; "" if there is none. */
static const char *said(void)
{
	static char text[4096];
	int fd = open(log_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static void check_said(const char *what)
{
	const char *text = said();
	const char *first = strstr(text, what);

	CHECK(first, "\"%s\" is not in \"%s\"", what, text);
	CHECK(!strstr(first + 1, what), "\"%s\" was said twice", what);
	CHECK(strstr(first, test_directory()), "\"%s\" does not name %s", text, test_directory());
}

/* -- the cases ---------------------------------------------------------------------------- */

static struct area begin_on(const char *swap, const char *name, unsigned operations)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	struct area area;

	plan = (struct io_faulty_plan){ .operations = operations,
					.kind = IO_FAULTY_DELAY,
					.delay_ns = SLOW_NS };
	case_begin(name, 0);
	options.budget = BUDGET;
	options.swap = swap;
	options.stall_warning = WARN_SECONDS;
	area = area_reserve(pager_open_with(&options), 1, DATA);
	CHECK_OK(spill_advise(area.pager, area.base, DATA, SPILL_RANDOM));
	return area;
}

static struct area begin(const char *name, unsigned operations)
{
	return begin_on(test_directory(), name, operations);
}

static void end(struct area *area)
{
	spill *s = area->pager;

	area_check_all(area);
	area_forget(area);
	pager_close(s);
	case_end();
}

struct touch {
	const struct area *area;
	size_t page;
	_Atomic bool done;
};

static void *touch(void *argument)
{
	struct touch *t = argument;

	area_check(t->area, t->page);
	t->done = true;
	return NULL;
}

static pthread_t begin_touch(struct touch *t)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, touch, t) == 0, "no thread");
	CHECK(WAIT_FOR(plan.hits == 1, 10), "the page was not read");
	return thread;
}

/* All other pages are served while one waits. */
static void try_read(void)
{
	struct area area = begin("a read", IO_FAULTY_READS);
	struct touch t = { .area = &area };
	pthread_t thread;

	area_write_all(&area);
	pager_check(area.pager);
	t.page = area_swapped_page(&area);
	plan.seen = 0;
	plan.nth = 1;
	thread = begin_touch(&t);
	for (size_t i = 0; i < area.pages; i += 64)
		if (i != t.page)
			area_check(&area, i);
	CHECK(pager_stats(area.pager).reads > 0, "no statistics");
	CHECK(!t.done, "the page that is slow came before the others");
	CHECK(WAIT_FOR(said()[0], 10), "nothing was said");
	pthread_join(thread, NULL);
	check_said(": a read from");
	end(&area);
}

static void try_write(void)
{
	struct area area = begin("a write", IO_FAULTY_WRITES);

	plan.nth = 1;
	plan.always = true;
	for (size_t i = 0; i < area.pages && !said()[0]; i++)
		area_write(&area, i);
	plan.nth = 0;
	check_said("pages to");
	end(&area);
}

static _Atomic bool signalled, forked;

static void on_signal(int number)
{
	(void)number;
	signalled = true;
}

/* What goes on while a thread of this process waits in fork. */
static void *look_on(void *argument)
{
	const struct area *area = argument;
	char *more;

	CHECK(WAIT_FOR(fork_is_near(), 10), "nobody forks");
	more = spill_reserve(area->pager, M);
	CHECK(more && spill_release(area->pager, more, M) == 0, "memory cannot be had");
	kill(getpid(), SIGUSR1);
	CHECK(WAIT_FOR(atomic_load(&signalled), 10), "the signal is not taken");
	CHECK(!atomic_load(&forked), "the fork did not wait");
	return NULL;
}

/* A fork waits for the writes, with signals let in, and does not keep others from the pager. */
static void try_fork(void)
{
	struct area area = begin("a fork", IO_FAULTY_WRITES);
	sigset_t usr1;
	pthread_t thread;
	pid_t pid;

	signal(SIGUSR1, on_signal);
	plan.nth = 1;
	plan.always = true;
	for (size_t i = 0; i < area.pages && !plan.hits; i++)
		area_write(&area, i);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL); /* the other thread does not take it */
	CHECK(pthread_create(&thread, NULL, look_on, &area) == 0, "no thread");
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	pid = test_fork();
	forked = true;
	if (!pid)
		test_exit(0);
	plan.nth = 0;
	test_wait(pid, 0);
	pthread_join(thread, NULL);
	CHECK(strstr(said(), "a fork waits for it"), "\"%s\" does not tell of the fork", said());
	area_write_all(&area);
	end(&area);
}

/* Nothing comes any more, and the process ends all the same. */
static void try_for_ever(void)
{
	struct area area = begin("for ever", IO_FAULTY_READS);
	struct touch t = { .area = &area };

	area_write_all(&area);
	pager_check(area.pager);
	t.page = area_swapped_page(&area);
	plan.delay_ns = UINT64_C(3600) * 1000000000;
	plan.seen = 0;
	plan.nth = 1;
	plan.always = true;
	begin_touch(&t);
	CHECK(WAIT_FOR(said()[0], 10), "nothing was said");
	check_said(": a read from");
}

/* In which swap space is the page, and nowhere else?  -1: it is here, or being written. */
static int space_of(const struct area *area, size_t i)
{
	const struct pager *pager = (const struct pager *)area->pager;
	uintptr_t address = (uintptr_t)area_page(area, i);
	struct chunk *chunk = pagetable_find(&pager->paging.pages.table, address);
	unsigned k = chunk_index(chunk, address);
	int ret;

	lock_guard_begin();
	lock_take(&chunk->lock, LOCK_CHUNK);
	ret = chunk_readable(chunk) & mask_bit(k)
		      ? (int)slot_space(place_number(chunk->page[k].place))
		      : -1;
	chunk_unlock(chunk);
	lock_guard_end();
	return ret;
}

static void check_all_but(const struct area *area, int space)
{
	size_t elsewhere = 0;

	for (size_t i = 0; i < area->pages; i++)
		if (space_of(area, i) != space) {
			area_check(area, i);
			elsewhere++;
		}
	CHECK(elsewhere > area->pages / 4, "only %zu of %zu pages are not on the disk that stops",
	      elsewhere, area->pages);
}

/* One disk of two stops, for ever: what is on the other is served, and takes all that comes. */
static void try_one_of_two(void)
{
	char swap[700], directory[2][300];
	struct area area, more;

	for (unsigned i = 0; i < 2; i++) {
		snprintf(directory[i], sizeof(directory[i]), "%s/%u", test_directory(), i);
		CHECK_OK(mkdir(directory[i], 0700));
	}
	snprintf(swap, sizeof(swap), "%s;%s", directory[0], directory[1]);
	area = begin_on(swap, "one of two", IO_FAULTY_READS | IO_FAULTY_WRITES);
	area_write_all(&area);
	plan.delay_ns = UINT64_C(3600) * 1000000000;
	plan.fd = ((const struct pager *)area.pager)->paging.store.swap.space[0].file.fd;
	plan.always = true;
	plan.nth = 1;
	more = area_reserve(area.pager, 2, DATA);
	CHECK_OK(spill_advise(area.pager, more.base, DATA, SPILL_RANDOM));
	area_write_all(&more);
	check_all_but(&area, 0);
	check_all_but(&more, 0);
	CHECK(plan.hits > 0, "nothing went to the disk that stops");
	check_said("pages to");
	for (unsigned i = 0; i < 2; i++)
		rmdir(directory[i]);
}

static void try_alone(void (*function)(void))
{
	pid_t pid = test_fork();

	if (pid == 0) {
		io_faulty_plan_current = &plan;
		function();
		test_exit(0);
	}
	test_wait(pid, 0);
	unlink(log_path);
}

int main(void)
{
	snprintf(log_path, sizeof(log_path), "%s/log", test_directory());
	setenv("SPILL_LOG", log_path, 1);
	test_begin("stall-warning", 110);
	try_alone(try_read);
	try_alone(try_write);
	try_alone(try_fork);
	try_alone(try_for_ever);
	try_alone(try_one_of_two);
	return test_end();
}
