/* SPDX-License-Identifier: MIT */
/* numbers.c - system calls by their numbers, through syscall(2), do what libc's functions do */
#include "paged.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE (64 * PAGE)

static unsigned char *map_at(void *at, int flags, int fd, size_t offset)
{
	return (unsigned char *)syscall(SYS_mmap, at, SIZE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | flags, fd, offset);
}

static unsigned char *map_new(unsigned seed)
{
	unsigned char *at = map_at(NULL, MAP_ANONYMOUS, -1, 0);

	REQUIRE(at != MAP_FAILED);
	paged_fill(at, SIZE, seed, 0);
	return at;
}

static bool is_zero(const unsigned char *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

/* -- the address space ------------------------------------------------------------------ */

/* What is mapped is paged, and what is discarded, replaced or unmapped is gone. */
static void check_contents(void)
{
	unsigned char *at = map_new(1), *other;

	paged_out(at, SIZE);
	EXPECT(paged_holds(at, SIZE, 1, 0));
	paged_out(at, SIZE);
	EXPECT(syscall(SYS_madvise, at, 8 * PAGE, MADV_DONTNEED) == 0);
	EXPECT(is_zero(at, 8 * PAGE) && paged_holds(at + 8 * PAGE, SIZE - 8 * PAGE, 1, 8 * PAGE));
	paged_out(at + 8 * PAGE, SIZE - 8 * PAGE);
	EXPECT(map_at(at, MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at && is_zero(at, SIZE));
	paged_fill(at, SIZE, 2, 0);
	paged_out(at, SIZE);
	EXPECT(syscall(SYS_munmap, at, SIZE) == 0);
	other = map_at(at, MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	EXPECT(other == at && is_zero(at, SIZE));
	EXPECT(syscall(SYS_munmap, at, SIZE) == 0);
}

static void check_moved(void)
{
	unsigned char *from = map_new(3), *onto = map_new(4), *grown;

	paged_out(from, SIZE);
	paged_out(onto, SIZE);
	EXPECT(syscall(SYS_mremap, from, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, onto) ==
	       (long)onto);
	EXPECT(paged_holds(onto, SIZE, 3, 0));
	paged_out(onto, SIZE);
	grown = (unsigned char *)syscall(SYS_mremap, onto, SIZE, 4 * SIZE, MREMAP_MAYMOVE);
	EXPECT(grown != MAP_FAILED && paged_holds(grown, SIZE, 3, 0));
	EXPECT(is_zero(grown + SIZE, 3 * SIZE));
	EXPECT(syscall(SYS_munmap, grown, 4 * SIZE) == 0);
}

static void check_protected(void)
{
	unsigned char *at = map_new(5);
	int pipes[2];

	REQUIRE(pipe(pipes) == 0);
	EXPECT(syscall(SYS_mprotect, at, SIZE, PROT_NONE) == 0);
	EXPECT(write(pipes[1], at, 1) < 0 && errno == EFAULT);
	EXPECT(syscall(SYS_mprotect, at, SIZE, PROT_READ) == 0);
	paged_out(at, SIZE);
	EXPECT(paged_holds(at, SIZE, 5, 0));
	EXPECT(syscall(SYS_mprotect, at, SIZE, PROT_READ | PROT_WRITE) == 0);
	EXPECT(syscall(SYS_mlock, at, 2 * PAGE) == 0 && paged_stays(at, 2 * PAGE));
	EXPECT(syscall(SYS_munlock, at, 2 * PAGE) == 0);
	EXPECT(syscall(SYS_munmap, at, SIZE) == 0);
	close(pipes[0]);
	close(pipes[1]);
}

/* -- results ------------------------------------------------------------------------------- */

static bool fails(long result, int err)
{
	int is = errno;

	errno = 0;
	return result == -1 && is == err;
}

/* The sixth argument comes by the stack: a file is mapped from its second page on. */
static void check_results(void)
{
	int fd = open("numbers.data", O_CREAT | O_RDWR | O_TRUNC, 0600);
	unsigned char page[PAGE], *at;

	REQUIRE(fd >= 0);
	for (unsigned seed = 6; seed < 9; seed++) {
		paged_fill(page, PAGE, seed, 0);
		REQUIRE(write(fd, page, PAGE) == PAGE);
	}
	at = map_at(NULL, 0, fd, PAGE);
	EXPECT(at != MAP_FAILED && paged_holds(at, PAGE, 7, 0));
	errno = 4711;
	EXPECT(syscall(SYS_getpid) == getpid() && syscall(SYS_munmap, at, SIZE) == 0);
	EXPECT(errno == 4711);
	EXPECT(fails(syscall(SYS_munmap, 1, SIZE), EINVAL));
	EXPECT(fails(syscall(SYS_mmap, NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0), EINVAL));
	EXPECT(fails(syscall(SYS_madvise, page, PAGE, 9999), EINVAL));
	EXPECT(fails(syscall(SYS_read, -1, page, PAGE), EBADF));
	EXPECT(fails(syscall(511), ENOSYS) && fails(syscall(512), ENOSYS));
	EXPECT(fails(syscall(-1), ENOSYS));
	EXPECT(fails(syscall(SYS_clone3, NULL, 64), EFAULT));
	EXPECT(fails(syscall(SYS_clone3, 16, 64), EFAULT));
	EXPECT(fails(syscall(SYS_clone3, page, 8), EINVAL));
	EXPECT(syscall(SYS_close, fd) == 0 && fails(syscall(SYS_close, fd), EBADF));
}

/* Files of /proc that handlers read now and then are open for a moment only. */
static bool stays_open(int fd)
{
	struct timespec pause = { 0, 20000000 };

	for (int n = 0; n < 5; n++) {
		if (fcntl(fd, F_GETFD) < 0)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Ours are closed by no number: what is paged out afterwards would be lost. */
static void check_descriptors(void)
{
	unsigned char *at = map_new(9);

	for (int fd = 3; fd < 1024; fd++)
		syscall(SYS_close, fd);
	EXPECT(syscall(SYS_close_range, 3, ~0u, 0) == 0);
	paged_out(at, SIZE);
	for (int fd = 3; fd < 1024; fd++)
		if (stays_open(fd))
			EXPECT(fails(syscall(SYS_dup3, 1, fd, 0), EBUSY));
	EXPECT(paged_holds(at, SIZE, 9, 0));
	paged_stir();
	EXPECT(syscall(SYS_munmap, at, SIZE) == 0);
}

/* A word that the kernel changes without waiting for it. */
static void check_futex(void)
{
	uint32_t *word = (uint32_t *)map_new(10);
	uint32_t *second = word + 8 * PAGE / sizeof(*word);

	*word = *second = 0;
	paged_out(word, SIZE);
	EXPECT(syscall(SYS_futex, word, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
	EXPECT((*word & FUTEX_TID_MASK) == (uint32_t)gettid());
	EXPECT(syscall(SYS_futex, word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0 && !*word);
	paged_out(second, PAGE);
	EXPECT(syscall(SYS_futex, word, FUTEX_WAKE_OP_PRIVATE, 1, 1L, second,
		       FUTEX_OP(FUTEX_OP_SET, 12, FUTEX_OP_CMP_EQ, 0)) == 0);
	EXPECT(*second == 12);
	EXPECT(syscall(SYS_munmap, word, SIZE) == 0);
}

/* -- children ---------------------------------------------------------------------------------- */

static long clone_by_number(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static long clone3_by_number(void)
{
	struct clone_args arguments = { .exit_signal = SIGCHLD };

	return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

#ifdef SYS_fork
static long fork_by_number(void)
{
	return syscall(SYS_fork);
}

/* (By libc's function there is no coming back for the parent.) */
static long vfork_by_number(void)
{
	return syscall(SYS_vfork);
}
#endif

/* It has the parent's memory, and its own. */
static void check_child(long (*make)(void))
{
	unsigned char *at = map_new(11);
	int status = 0;
	long pid;

	paged_out(at, SIZE);
	pid = make();
	if (pid == 0) {
		bool right = paged_holds(at, SIZE, 11, 0);

		paged_fill(at, SIZE, 12, 0);
		paged_stir();
		_exit(right && paged_holds(at, SIZE, 12, 0) ? 42 : 1);
	}
	EXPECT(pid > 0 && waitpid((pid_t)pid, &status, 0) == pid);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	EXPECT(paged_holds(at, SIZE, 11, 0));
	EXPECT(syscall(SYS_munmap, at, SIZE) == 0);
}

#if defined(__x86_64__)
static _Atomic int begun;

static void thread_main(void)
{
	begun = 1;
	for (;;)
		__asm__ volatile("syscall" : : "a"(SYS_exit), "D"(0) : "rcx", "r11", "memory");
}

/* A thread comes back from syscall() on a stack that was laid out for that. */
static void check_thread(void)
{
	static long stack[4096] __attribute__((aligned(16)));
	static _Atomic int tid;
	long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		     CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
	long *top = stack + 4000;
	long result;

	*top = (long)thread_main;
	result = syscall(SYS_clone, flags, top, &tid, &tid, 0);
	EXPECT(result > 0);
	for (int seen; result > 0 && (seen = tid) != 0;)
		syscall(SYS_futex, &tid, FUTEX_WAIT, seen, NULL, NULL, 0);
	EXPECT(begun == 1);
}
#endif

/* -- in a signal handler ------------------------------------------------------------------------ */

static unsigned char *handled;
static _Atomic unsigned long signals, wrong;

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	wrong += syscall(SYS_madvise, handled, SIZE, MADV_DONTNEED) != 0;
	wrong += handled[3 * PAGE] != 0;
	handled[3 * PAGE] = 1;
	signals++;
	errno = saved;
}

static void check_signals(void)
{
	struct itimerval timer = { { 0, 500 }, { 0, 500 } }, off = { { 0, 0 }, { 0, 0 } };

	handled = map_new(13);
	signal(SIGALRM, on_signal);
	REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
	while (signals < 200) {
		unsigned char *at = map_new(14);

		EXPECT(syscall(SYS_madvise, at, SIZE, MADV_PAGEOUT) == 0);
		EXPECT(paged_holds(at, SIZE, 14, 0));
		EXPECT(syscall(SYS_munmap, at, SIZE) == 0);
	}
	REQUIRE(setitimer(ITIMER_REAL, &off, NULL) == 0);
	EXPECT(wrong == 0);
	EXPECT(syscall(SYS_munmap, handled, SIZE) == 0);
}

int main(void)
{
	paged_start(32 << 20);
	check_contents();
	check_moved();
	check_protected();
	check_results();
	check_futex();
	check_child(clone_by_number);
	check_child(clone3_by_number);
#ifdef SYS_fork
	check_child(fork_by_number);
	check_child(vfork_by_number);
#endif
#if defined(__x86_64__)
	check_thread();
#endif
	check_signals();
	check_descriptors();
	return paged_result();
}
