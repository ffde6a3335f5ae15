/* SPDX-License-Identifier: MIT */
/* test-attach - whoever may read another process's counters reads exactly what it has counted, as
 * long as that process is there
 *
 * Time limit: 60
 */
#include "harness.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUDGET (8 * M)
#define SIZE (24 * M)

static struct spill_stats stats_of(const spill_attached *attached, int expected)
{
	struct spill_stats stats = { .size = sizeof(stats) };
	int got = spill_attached_stats(attached, &stats);

	CHECK(got == 0 ? expected == 0 : errno == expected, "spill_attached_stats: %d, errno %d",
	      got, errno);
	return stats;
}

static void check_same(const struct spill_stats *a, const struct spill_stats *b)
{
	CHECK(a->faults_major == b->faults_major && a->faults_zero == b->faults_zero &&
		      a->pages_read == b->pages_read && a->bytes_read == b->bytes_read &&
		      a->budget == b->budget && a->armed == b->armed,
	      "%lu major faults and %lu zero faults, not %lu and %lu", a->faults_major,
	      a->faults_zero, b->faults_major, b->faults_zero);
}

static struct area area_paged(unsigned number)
{
	struct area area = area_reserve(pager_open(BUDGET), number, SIZE);

	area_write_all(&area);
	area_check_all(&area);
	return area;
}

static void area_end(struct area *area)
{
	spill *s = area->pager;

	area_forget(area);
	pager_close(s);
}

/* This process itself: of two pagers the sum, less the one that is closed. */
static void try_own(void)
{
	struct spill_stats sum, one = { .size = sizeof(one) };
	struct area first, second;
	spill_attached *attached;

	case_begin("its own pagers", 0);
	errno = 0;
	CHECK(!spill_attach(getpid()) && errno == ENOENT, "without a pager: errno %d", errno);
	first = area_paged(1);
	second = area_paged(2);
	attached = spill_attach(getpid());
	CHECK(attached, "spill_attach: errno %d", errno);
	sum = stats_of(attached, 0);
	CHECK(sum.armed == 2, "%lu pagers", sum.armed);
	CHECK(sum.reserved >= 2 * SIZE, "%lu bytes are reserved", sum.reserved);
	area_end(&second);
	spill_get_stats(first.pager, &one);
	sum = stats_of(attached, 0);
	CHECK(sum.faults_major >= one.faults_major, "%lu major faults, and of one pager %lu",
	      sum.faults_major, one.faults_major);
	sum.size = 1;
	CHECK_ERRNO(spill_attached_stats(attached, &sum), EINVAL);
	spill_detach(attached);
	spill_detach(NULL);
	area_end(&first);
	case_end();
}

/* Touches memory beyond its budget, tells what it counted, and waits to be killed. */
static void be_child(int told)
{
	struct spill_stats stats = { .size = sizeof(stats) };
	struct area area = area_paged(1);

	spill_get_stats(area.pager, &stats);
	if (write(told, &stats, sizeof(stats)) != sizeof(stats))
		test_exit(1);
	for (;;)
		pause();
}

static void try_child(void)
{
	struct spill_stats told, seen;
	spill_attached *attached;
	int pipe_fd[2];
	pid_t child;

	case_begin("a child", 0);
	CHECK(pipe(pipe_fd) == 0, "pipe");
	child = test_fork();
	if (child == 0)
		be_child(pipe_fd[1]);
	CHECK(read(pipe_fd[0], &told, sizeof(told)) == sizeof(told), "the child says nothing");
	attached = spill_attach(child);
	CHECK(attached, "spill_attach: errno %d", errno);
	seen = stats_of(attached, 0);
	check_same(&seen, &told);
	kill(child, SIGKILL);
	test_wait(child, SIGKILL);
	seen = stats_of(attached, ESRCH);
	check_same(&seen, &told);
	spill_detach(attached);
	errno = 0;
	CHECK(!spill_attach(child) && errno == ESRCH, "it has ended: errno %d", errno);
	errno = 0;
	CHECK(!spill_attach(0) && errno == ESRCH, "0: errno %d", errno);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	case_end();
}

/* Another user's: only root can become one. */
static void try_stranger(void)
{
	pid_t child;
	int status;

	if (geteuid() != 0)
		return;
	case_begin("another user", 0);
	child = fork();
	if (child == 0) {
		if (setgid(65531) || setuid(65531))
			_exit(77);
		errno = 0;
		_exit(!spill_attach(getppid()) && errno == EACCES ? 0 : 1);
	}
	waitpid(child, &status, 0);
	CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77),
	      "a stranger is not refused: status %d", status);
	case_end();
}

int main(void)
{
	test_begin("attach", 60);
	try_own();
	try_child();
	try_stranger();
	return test_end();
}
