/* SPDX-License-Identifier: MIT */
/* peers.c - another process reads and writes memory that is paged out
 *
 * With process_vm_readv(2) it waits for the page.  Through /proc/PID/mem it need not: EIO is all
 * right, other contents are not.
 */
#include "paged.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (32 * PAGE)

static unsigned char *area;
static unsigned char plain[SIZE];

/* Runs look(parent) in a child while the parent only waits. */
static bool child_is_right(bool (*look)(pid_t parent))
{
	pid_t parent = getpid(), pid;
	int status = 0, go[2];
	char c = 0;

	REQUIRE(pipe(go) == 0);
	pid = fork();
	if (pid == 0) {
		REQUIRE(read(go[0], &c, 1) == 1);
		_exit(look(parent) ? 0 : 1);
	}
	prctl(PR_SET_PTRACER, pid);
	paged_out(area, SIZE);
	REQUIRE(write(go[1], &c, 1) == 1);
	close(go[0]);
	close(go[1]);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool reads(pid_t parent)
{
	struct iovec to = { plain, SIZE - 100 }, from = { area + 100, SIZE - 100 };

	return process_vm_readv(parent, &to, 1, &from, 1, 0) == (ssize_t)SIZE - 100 &&
	       paged_holds(plain, SIZE - 100, 1, 100);
}

/* Its own are paged out too. */
static bool reads_to_paged(pid_t parent)
{
	struct iovec to = { area + 100, SIZE - 100 }, from = { area + 100, SIZE - 100 };

	paged_fill(area, SIZE, 3, 0);
	paged_out(area, SIZE);
	return process_vm_readv(parent, &to, 1, &from, 1, 0) == (ssize_t)SIZE - 100 &&
	       paged_holds(area, 100, 3, 0) && paged_holds(area + 100, SIZE - 100, 1, 100);
}

static bool writes(pid_t parent)
{
	struct iovec from = { plain, PAGE }, to = { area + 100, PAGE };

	paged_fill(plain, PAGE, 2, 0);
	return process_vm_writev(parent, &from, 1, &to, 1, 0) == (ssize_t)PAGE;
}

static bool reads_through_proc(pid_t parent)
{
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)parent);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	for (size_t at = 0; at < SIZE; at += PAGE) {
		n = pread(fd, plain, PAGE, (off_t)(uintptr_t)(area + at));
		if (n < 0 ? errno != EIO : n != PAGE || !paged_holds(plain, PAGE, 1, at))
			return false;
	}
	return true;
}

int main(void)
{
	paged_start(32 << 20);
	area = paged_map(SIZE);
	paged_fill(area, SIZE, 1, 0);
	EXPECT(child_is_right(reads));
	EXPECT(child_is_right(reads_to_paged));
	EXPECT(child_is_right(reads_through_proc));
	EXPECT(paged_holds(area, SIZE, 1, 0));
	EXPECT(child_is_right(writes));
	EXPECT(paged_holds(area, 100, 1, 0) && paged_holds(area + 100, PAGE, 2, 0));
	EXPECT(paged_holds(area + 100 + PAGE, SIZE - PAGE - 100, 1, 100 + PAGE));
	return paged_result();
}
