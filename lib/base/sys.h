/* SPDX-License-Identifier: MIT */
/* sys.h - system calls, straight to the kernel
 *
 * base/ is the lowest room.  It holds what every other room builds on: system calls, locks, pages
 * and masks, descriptors, threads, processes, hashes, messages.  It includes no room but itself.
 *
 * The pager never calls libc's wrappers.  Under `spill run` they are interposed (by us), and they
 * write errno, thread-local memory that may itself be paged out.  Each call here returns a result
 * >= 0 or -errno.
 */
#ifndef SPILL_SYS_H
#define SPILL_SYS_H

#include "base/tsan.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#if defined(__x86_64__)
static inline long sys_call_kernel(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long sys_call_kernel(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "spill runs on x86-64 and aarch64"
#endif

static inline long sys_call_raw(long nr, long a, long b, long c, long d, long e, long f)
{
#if SPILL_TSAN
	if (nr == SYS_munmap)
		return munmap((void *)a, (size_t)b) < 0 ? -errno : 0;
#endif
	return sys_call_kernel(nr, a, b, c, d, e, f);
}

/* In a build for tests, calls may be made to fail (tests/fault/system_faults.h).  clang's analyzer
 * also uses this one: it assumes that an unseen function writes through its pointers, but not that
 * an asm does. */
long sys_call_planned(long nr, long a, long b, long c, long d, long e, long f);
#if defined(SPILL_SYSTEM_FAULTS) || defined(__clang_analyzer__)
#define sys_call6 sys_call_planned
#else
#define sys_call6 sys_call_raw
#endif

#define sys_call5(nr, a, b, c, d, e) \
	sys_call6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys_call4(nr, a, b, c, d) sys_call5(nr, a, b, c, d, 0)
#define sys_call3(nr, a, b, c) sys_call4(nr, a, b, c, 0)
#define sys_call2(nr, a, b) sys_call4(nr, a, b, 0, 0)
#define sys_call0(nr) sys_call4(nr, 0, 0, 0, 0)
#define sys_call1(nr, a) sys_call4(nr, a, 0, 0, 0)

/* For calls that return a pointer: addresses in the last page stand for -errno. */
static inline bool sys_is_error(const void *addr)
{
	return (unsigned long)addr >= -4095UL;
}

static inline int sys_error(const void *addr)
{
	return (int)(long)addr;
}

static inline void *sys_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t off)
{
	return (void *)sys_call6(SYS_mmap, (long)addr, (long)size, prot, flags, fd, off);
}

static inline int sys_munmap(void *addr, size_t size)
{
	return (int)sys_call2(SYS_munmap, addr, size);
}

static inline void *sys_mremap(void *addr, size_t old_size, size_t new_size, int flags, void *to)
{
	return (void *)sys_call6(SYS_mremap, (long)addr, (long)old_size, (long)new_size, flags,
				 (long)to, 0);
}

static inline int sys_mprotect(void *addr, size_t size, int prot)
{
	return (int)sys_call3(SYS_mprotect, addr, size, prot);
}

static inline int sys_madvise(void *addr, size_t size, int advice)
{
	return (int)sys_call3(SYS_madvise, addr, size, advice);
}

static inline int sys_mincore(void *addr, size_t size, unsigned char *vec)
{
	return (int)sys_call3(SYS_mincore, addr, size, vec);
}

static inline int sys_ioctl(int fd, unsigned long request, void *arg)
{
	return (int)sys_call3(SYS_ioctl, fd, request, arg);
}

static inline int sys_open(const char *path, int flags, int mode)
{
	return (int)sys_call4(SYS_openat, AT_FDCWD, path, flags, mode);
}

static inline int sys_close(int fd)
{
	return (int)sys_call1(SYS_close, fd);
}

static inline long sys_read(int fd, void *buf, size_t size)
{
	return tsan_kernel_wrote(buf, sys_call3(SYS_read, fd, buf, size));
}

/* What getdents64(2) returns, one entry after the other. */
struct sys_entry {
	uint64_t inode;
	int64_t next;
	uint16_t size; /* of this entry, in bytes */
	uint8_t type;
	char name[];
};

static inline long sys_getdents(int fd, void *buf, size_t size)
{
	return tsan_kernel_wrote(buf, sys_call3(SYS_getdents64, fd, buf, size));
}

/* The next entries are a directory's first ones. */
static inline int sys_rewind(int fd)
{
	return (int)sys_call3(SYS_lseek, fd, 0, SEEK_SET);
}

static inline long sys_write(int fd, const void *buf, size_t size)
{
	return tsan_kernel_read(buf, sys_call3(SYS_write, fd, buf, size));
}

static inline long sys_pread(int fd, void *buf, size_t size, uint64_t off)
{
	return tsan_kernel_wrote(buf, sys_call4(SYS_pread64, fd, buf, size, off));
}

static inline long sys_preadv(int fd, const struct iovec *iov, int n, uint64_t off)
{
	return tsan_kernel_wrote_to(iov, sys_call6(SYS_preadv, fd, (long)iov, n, (long)off, 0, 0));
}

static inline long sys_pwritev(int fd, const struct iovec *iov, int n, uint64_t off)
{
	return tsan_kernel_read_from(iov,
				     sys_call6(SYS_pwritev, fd, (long)iov, n, (long)off, 0, 0));
}

static inline long sys_pwrite(int fd, const void *buf, size_t size, uint64_t off)
{
	return tsan_kernel_read(buf, sys_call4(SYS_pwrite64, fd, buf, size, off));
}

static inline int sys_fallocate(int fd, int mode, uint64_t off, uint64_t size)
{
	return (int)sys_call4(SYS_fallocate, fd, mode, off, size);
}

static inline int sys_ftruncate(int fd, uint64_t size)
{
	return (int)sys_call2(SYS_ftruncate, fd, size);
}

static inline int sys_eventfd(unsigned count, int flags)
{
	return (int)sys_call2(SYS_eventfd2, count, flags);
}

/* timeout NULL: waits without limit. */
static inline int sys_poll(struct pollfd *fds, unsigned n, const struct timespec *timeout)
{
	struct timespec copy = timeout ? *timeout : (struct timespec){ 0, 0 };

	return (int)sys_call6(SYS_ppoll, (long)fds, n, timeout ? (long)&copy : 0, 0, 8, 0);
}

static inline int sys_futex_wait(_Atomic uint32_t *word, uint32_t expected,
				 const struct timespec *timeout)
{
	return (int)sys_call4(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, expected, timeout);
}

/* For a word in memory that processes share. */
static inline int sys_futex_wake_shared(_Atomic uint32_t *word, int n)
{
	return (int)sys_call3(SYS_futex, word, FUTEX_WAKE, n);
}

static inline int sys_futex_wait_shared(_Atomic uint32_t *word, uint32_t expected,
					const struct timespec *timeout)
{
	return (int)sys_call4(SYS_futex, word, FUTEX_WAIT, expected, timeout);
}

static inline int sys_futex_wake(_Atomic uint32_t *word, int n)
{
	return (int)sys_call3(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n);
}

static inline void sys_yield(void)
{
	sys_call1(SYS_sched_yield, 0);
}

static inline int sys_gettid(void)
{
	return (int)sys_call1(SYS_gettid, 0);
}

static inline int sys_getpid(void)
{
	return (int)sys_call1(SYS_getpid, 0);
}

/* signal 0 only asks whether there is such a process. */
static inline int sys_kill(int pid, int signal)
{
	return (int)sys_call2(SYS_kill, pid, signal);
}

/* clock_gettime(2), but not libc's (clock.c). */
typedef int sys_clock_function(clockid_t clock, struct timespec *ret);
extern sys_clock_function *_Atomic sys_clock;

/* Monotonic time in nanoseconds. */
static inline uint64_t sys_now(void)
{
	struct timespec t;

	atomic_load_explicit(&sys_clock, memory_order_relaxed)(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t sys_random(void)
{
	uint64_t n = 0;

	sys_call3(SYS_getrandom, &n, sizeof(n), 0);
	return n ^ sys_now();
}

/* The sooner of two moments, or the shorter of two durations. */
static inline uint64_t sys_sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#endif
