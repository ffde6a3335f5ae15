/* SPDX-License-Identifier: MIT */
/* permitted.c - would a seccomp filter kill us?
 *
 * A filter that was there when the program began (a container's, a sandbox's) may refuse calls that
 * the pager makes, and then the pager does without them; or it may kill for them.  So a child tries
 * each of these calls first, with arguments that have no effect.  If it is killed, we know at which
 * call, and the process is not paged.
 *
 * The child shares the memory and runs while its parent waits.  The program cannot wait for it (it
 * sends no signal when it ends).
 */
#define _GNU_SOURCE 1
#include "base/page.h"
#include "preload/bare_thread.h"
#include "preload/preload.h"
#include "base/sys.h"
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* For all of the pager: handlers, arming, a fork's child. */
static const struct trial {
	const char *name;
	long number, argument[4];
} trials[] = {
	{ "userfaultfd", SYS_userfaultfd, { -1 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 0 } },
	{ "io_uring_enter", SYS_io_uring_enter, { -1 } },
	{ "ioctl", SYS_ioctl, { -1, -1 } },
	{ "openat", SYS_openat, { -1, (long)"" } },
	{ "fstat", SYS_fstat, { -1 } },
	{ "fstatfs", SYS_fstatfs, { -1 } },
	{ "fcntl", SYS_fcntl, { -1, -1 } },
	{ "ftruncate", SYS_ftruncate, { -1 } },
	{ "fallocate", SYS_fallocate, { -1 } },
	{ "read", SYS_read, { -1 } },
	{ "write", SYS_write, { -1 } },
	{ "pread64", SYS_pread64, { -1 } },
	{ "pwrite64", SYS_pwrite64, { -1 } },
	{ "preadv", SYS_preadv, { -1 } },
	{ "pwritev", SYS_pwritev, { -1 } },
	{ "ppoll", SYS_ppoll, { 0, -1 } },
	{ "eventfd2", SYS_eventfd2, { 0, -1 } },
	{ "epoll_create1", SYS_epoll_create1, { -1 } },
	{ "pipe2", SYS_pipe2, { 0, -1 } },
	{ "memfd_create", SYS_memfd_create, { (long)"", -1 } },
	{ "madvise", SYS_madvise, { 0, 0, -1 } },
	{ "mremap", SYS_mremap, { 1, 0, 0, -1 } },
	{ "mincore", SYS_mincore, { 1, 0 } },
	{ "process_madvise", SYS_process_madvise, { -1 } },
	{ "pidfd_open", SYS_pidfd_open, { -1, -1 } },
	{ "getdents64", SYS_getdents64, { -1 } },
	{ "lseek", SYS_lseek, { -1 } },
	{ "readlinkat", SYS_readlinkat, { -1, (long)"" } },
	{ "sched_getaffinity", SYS_sched_getaffinity, { -1 } },
	{ "sched_setaffinity", SYS_sched_setaffinity, { -1 } },
	{ "getrusage", SYS_getrusage, { -1 } },
	{ "getrandom", SYS_getrandom, { 0, 0, -1 } },
	{ "gettid", SYS_gettid, { 0 } },
};
#define TRIALS (sizeof(trials) / sizeof(trials[0]))

static _Atomic unsigned tried;

/* As in a handler, all signals are blocked, so no signal handler of the program's runs. */
static int try_all(void *context)
{
	uint64_t all = ~UINT64_C(0);

	(void)context;
	sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all));
	for (tried = 0; tried < TRIALS; tried++) {
		const long *a = trials[tried].argument;

		sys_call4(trials[tried].number, a[0], a[1], a[2], a[3]);
	}
	sys_call1(SYS_exit, 0);
	return 0;
}

static bool has_filter(void)
{
	static const char key[] = "\nSeccomp:\t2";
	int fd = sys_open("/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
	char text[4096];
	long n;

	if (fd < 0)
		return true;
	n = sys_read(fd, text, sizeof(text));
	sys_close(fd);
	return n <= 0 || memmem(text, (size_t)n, key, sizeof(key) - 1) != NULL;
}

const char *preload_obstacle(void)
{
	size_t size = (size_t)64 << 10;
	char *stack;
	int pid, status = 0;

	if (!has_filter())
		return NULL;
	stack = sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sys_is_error(stack))
		return NULL;
	pid = next_clone(try_all, stack + size, CLONE_VM | CLONE_VFORK | CLONE_UNTRACED, NULL);
	if (pid > 0)
		sys_call4(SYS_wait4, pid, &status, __WCLONE, 0);
	sys_munmap(stack, size);
	return pid > 0 && WIFSIGNALED(status) && tried < TRIALS ? trials[tried].name : NULL;
}
