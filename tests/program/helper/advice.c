/* SPDX-License-Identifier: MIT */
/* advice.c - what a program says of its memory holds for pages that are paged out: advice [small]
 *
 *	small	does not page: what a process that pages is refused works
 */
#include "base/newer.h"
#include "paged.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (64 * PAGE)

static unsigned char *area;

static void prepare(unsigned seed)
{
	paged_fill(area, SIZE, seed, 0);
	paged_out(area, SIZE);
}

static bool is_zero(const unsigned char *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

/* -- touching what must not be touched ------------------------------------------------------- */

static sigjmp_buf away;
static void *volatile fault_address;

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	fault_address = info->si_addr;
	siglongjmp(away, 1);
}

static bool is_refused(unsigned char *at, bool write)
{
	fault_address = NULL;
	if (sigsetjmp(away, 1))
		return fault_address == at;
	if (write)
		*(volatile unsigned char *)at = 1;
	else
		(void)*(volatile unsigned char *)at;
	return false;
}

/* -- what is here ------------------------------------------------------------------------------ */

/* Nothing keeps a page that has been read from leaving at once, so it may take a few tries. */
static bool is_there_once_read(size_t i)
{
	unsigned char there = 0;

	for (unsigned tries = 0; tries < 1000 && !(there & 1); tries++) {
		EXPECT(paged_holds(area + i * PAGE, PAGE, 1, i * PAGE));
		REQUIRE(mincore(area + i * PAGE, PAGE, &there) == 0);
	}
	return there & 1;
}

static void check_mincore(void)
{
	paged_fill(area, SIZE, 1, 0);
	EXPECT(paged_resident(area + SIZE - PAGE, PAGE) == 1);
	paged_out(area, SIZE);
	for (size_t i = 0; i < SIZE / PAGE; i += 20)
		EXPECT(is_there_once_read(i));
	EXPECT(paged_holds(area, SIZE, 1, 0));
}

static void check_msync(void)
{
	prepare(1);
	EXPECT(msync(area, SIZE, MS_SYNC) == 0);
	EXPECT(msync(area, SIZE, MS_ASYNC) == 0);
	EXPECT(paged_holds(area, SIZE, 1, 0));
	prepare(1);
	EXPECT(madvise(area, SIZE, MADV_WILLNEED) == 0);
	EXPECT(madvise(area, SIZE, MADV_POPULATE_READ) == 0 && paged_resident(area, SIZE) > 0);
	EXPECT(paged_holds(area, SIZE, 1, 0));
}

/* -- protection --------------------------------------------------------------------------------- */

/* Odd pages can be read only, and every fourth not even that. */
static void check_protection(void)
{
	prepare(1);
	for (size_t i = 1; i < 32; i += 2)
		REQUIRE(mprotect(area + i * PAGE, PAGE, PROT_READ) == 0);
	for (size_t i = 0; i < 32; i += 4)
		REQUIRE(mprotect(area + i * PAGE, PAGE, PROT_NONE) == 0);
	for (size_t i = 0; i < 32; i++) {
		if (i % 2)
			EXPECT(is_refused(area + i * PAGE, true));
		else if (i % 4 == 0)
			EXPECT(is_refused(area + i * PAGE, false));
	}
	for (unsigned turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < 32; i++)
			if (i % 4)
				EXPECT(paged_holds(area + i * PAGE, PAGE, 1, i * PAGE));
		paged_out(area, SIZE);
		EXPECT(is_refused(area + 5 * PAGE, true));
		EXPECT(is_refused(area + 7 * PAGE, true));
		EXPECT(is_refused(area + 8 * PAGE, true));
	}
	REQUIRE(mprotect(area, SIZE, PROT_READ | PROT_WRITE) == 0);
	EXPECT(paged_holds(area, SIZE, 1, 0));
	paged_fill(area, SIZE, 2, 0);
	paged_out(area, SIZE);
	EXPECT(paged_holds(area, SIZE, 2, 0));
}

static void check_key(void)
{
	int key = pkey_alloc(0, 0);

	if (key < 0) {
		printf("no protection keys: not tested\n");
		return;
	}
	prepare(1);
	REQUIRE(pkey_mprotect(area, 32 * PAGE, PROT_READ | PROT_WRITE, key) == 0);
	EXPECT(paged_holds(area, 32 * PAGE, 1, 0));
	paged_out(area, SIZE);
	pkey_set(key, PKEY_DISABLE_WRITE);
	EXPECT(is_refused(area + 3 * PAGE, true));
	/* The kernel takes all rights away for a signal handler, and that one jumps out. */
	pkey_set(key, PKEY_DISABLE_WRITE);
	EXPECT(paged_holds(area, 32 * PAGE, 1, 0));
	pkey_set(key, 0);
	paged_fill(area, SIZE, 2, 0);
	paged_out(area, SIZE);
	EXPECT(paged_holds(area, SIZE, 2, 0));
	REQUIRE(pkey_mprotect(area, 32 * PAGE, PROT_READ | PROT_WRITE, 0) == 0);
	pkey_free(key);
	EXPECT(paged_holds(area, SIZE, 2, 0));
}

/* -- discarding ------------------------------------------------------------------------------- */

static void check_discarding(void)
{
	prepare(1);
	EXPECT(madvise(area + 3 * PAGE, 7 * PAGE, MADV_DONTNEED) == 0);
	EXPECT(is_zero(area + 3 * PAGE, 7 * PAGE));
	EXPECT(paged_holds(area, 3 * PAGE, 1, 0));
	EXPECT(paged_holds(area + 10 * PAGE, SIZE - 10 * PAGE, 1, 10 * PAGE));
}

static void check_process_madvise(void)
{
	struct iovec iov[2] = { { area + 3 * PAGE, 7 * PAGE }, { area + 20 * PAGE, 2 * PAGE } };
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	REQUIRE(pidfd >= 0);
	prepare(1);
	if (process_madvise(pidfd, iov, 2, MADV_DONTNEED, 0) != 9 * (ssize_t)PAGE) {
		printf("no process_madvise with MADV_DONTNEED: not tested\n");
		close(pidfd);
		return;
	}
	EXPECT(is_zero(area + 3 * PAGE, 7 * PAGE) && is_zero(area + 20 * PAGE, 2 * PAGE));
	EXPECT(paged_holds(area, 3 * PAGE, 1, 0));
	EXPECT(paged_holds(area + 10 * PAGE, 10 * PAGE, 1, 10 * PAGE));
	EXPECT(paged_holds(area + 22 * PAGE, SIZE - 22 * PAGE, 1, 22 * PAGE));
	close(pidfd);
}

/* -- what a child has ---------------------------------------------------------------------------- */

static bool child_is_right(bool (*look)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(look() ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* The first half is not there. */
static bool half_is_gone(void)
{
	return is_refused(area, false) && is_refused(area + SIZE / 2 - PAGE, true) &&
	       paged_holds(area + SIZE / 2, SIZE / 2, 1, SIZE / 2);
}

static bool all_is_there(void)
{
	return paged_holds(area, SIZE, 1, 0);
}

/* The first half is zeros in a child, and in its child, whatever was written there. */
static bool half_is_zero(void)
{
	return is_zero(area, SIZE / 2) && paged_holds(area + SIZE / 2, SIZE / 2, 1, SIZE / 2);
}

static bool half_is_zero_again(void)
{
	if (!half_is_zero())
		return false;
	paged_fill(area, SIZE / 2, 3, 0);
	paged_out(area, SIZE);
	return child_is_right(half_is_zero) && paged_holds(area, SIZE / 2, 3, 0);
}

/* So it is in a child of the first half, whether it is paged out or not, until the advice is taken
 * back; other advice does not take it back. */
static void check_inherited(int advice, int other, int back, bool (*in_child)(void))
{
	prepare(1);
	EXPECT(madvise(area, SIZE / 2, advice) == 0);
	EXPECT(child_is_right(in_child));
	EXPECT(paged_holds(area, SIZE, 1, 0));
	paged_out(area, SIZE);
	EXPECT(child_is_right(in_child));
	EXPECT(paged_holds(area, SIZE, 1, 0));
	EXPECT(madvise(area, SIZE / 2, other) == 0);
	EXPECT(child_is_right(in_child));
	EXPECT(madvise(area, SIZE / 2, back) == 0);
	paged_out(area, SIZE);
	EXPECT(child_is_right(all_is_there));
	EXPECT(paged_holds(area, SIZE, 1, 0));
}

/* -- locking ----------------------------------------------------------------------------------- */

static void check_locking(void)
{
	prepare(1);
	REQUIRE(mlock(area + 100, 10 * PAGE) == 0);
	EXPECT(paged_stays(area, 11 * PAGE));
	EXPECT(paged_holds(area, SIZE, 1, 0));
	paged_fill(area, SIZE, 2, 0);
	paged_out(area + 11 * PAGE, SIZE - 11 * PAGE);
	REQUIRE(munlock(area + 100, 10 * PAGE) == 0);
	paged_out(area, SIZE);
	EXPECT(paged_holds(area, SIZE, 2, 0));
	paged_out(area, SIZE);
	REQUIRE(mlock2(area, 10 * PAGE, 0) == 0);
	EXPECT(paged_resident(area, 10 * PAGE) == 10 && paged_stays(area, 10 * PAGE));
	REQUIRE(munlock(area, 10 * PAGE) == 0);
	paged_out(area, SIZE);
	/* As they are touched: which is at once. */
	REQUIRE(mlock2(area, 10 * PAGE, MLOCK_ONFAULT) == 0);
	EXPECT(paged_resident(area, 10 * PAGE) == 10);
	EXPECT(paged_holds(area, SIZE, 2, 0));
	EXPECT(paged_stays(area, 10 * PAGE));
	REQUIRE(munlock(area, 10 * PAGE) == 0);
	paged_out(area, SIZE);
	EXPECT(paged_holds(area, SIZE, 2, 0));
}

static void check_locking_all(void)
{
	prepare(1);
	EXPECT(mlockall(MCL_CURRENT) == -1 && errno == ENOMEM);
	EXPECT(mlockall(MCL_CURRENT | MCL_FUTURE) == -1 && errno == ENOMEM);
	EXPECT(munlockall() == 0);
	EXPECT(paged_holds(area, SIZE, 1, 0));
}

static int main_small(void)
{
	unsigned char *more;

	paged_fill(area, SIZE, 1, 0);
	EXPECT(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	more = paged_map(SIZE);
	EXPECT(paged_resident(area, SIZE) == SIZE / PAGE);
	EXPECT(paged_resident(more, SIZE) == SIZE / PAGE);
	EXPECT(munlockall() == 0);
	return paged_result();
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	(void)argv;
	area = paged_map(SIZE);
	if (argc > 1)
		return main_small();
	paged_start(32 << 20);
	sigaction(SIGSEGV, &action, NULL);
	check_mincore();
	check_msync();
	check_protection();
	check_key();
	check_discarding();
	check_process_madvise();
	check_inherited(MADV_DONTFORK, MADV_KEEPONFORK, MADV_DOFORK, half_is_gone);
	check_inherited(MADV_WIPEONFORK, MADV_DOFORK, MADV_KEEPONFORK, half_is_zero_again);
	check_locking();
	check_locking_all();
	return paged_result();
}
