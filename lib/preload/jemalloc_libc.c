/* SPDX-License-Identifier: MIT */
/* jemalloc_libc.c - libc functions that jemalloc calls and others may interpose
 *
 * Libraries preloaded next to us (libfaketime, tracers of locks) may have their own clock_gettime,
 * pthread_cond_init or pthread_mutex_lock.  These may allocate, here within the allocator and under
 * its locks.  So jemalloc's archive is prepared (jemalloc.syms) to call the functions below.  They
 * go straight to the kernel; mutexes are futexes.  What serves features that are off (background
 * threads, heap profiling, /etc/malloc.conf) fails.
 *
 * Locking: a mutex's first word is 0, LOCKED, or WAITED: somebody may be asleep.
 */
#define _GNU_SOURCE 1
#include "base/sys.h"
#include <pthread.h>
#include <sys/time.h>

#define LOCKED 1u
#define WAITED 2u

int allocator_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int allocator_mutex_trylock(pthread_mutex_t *mutex);
int allocator_mutex_lock(pthread_mutex_t *mutex);
int allocator_mutex_unlock(pthread_mutex_t *mutex);
int allocator_mutexattr_init(pthread_mutexattr_t *attr);
int allocator_mutexattr_settype(pthread_mutexattr_t *attr, int type);
int allocator_mutexattr_destroy(pthread_mutexattr_t *attr);
int allocator_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr);
int allocator_cond_signal(pthread_cond_t *cond);
int allocator_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int allocator_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			     const struct timespec *until);
int allocator_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
			    void *arg);
int allocator_thread_join(pthread_t thread, void **ret);
int allocator_thread_getname(pthread_t thread, char *name, size_t size);
int allocator_thread_setname(pthread_t thread, const char *name);
int allocator_sigmask(int how, const sigset_t *set, sigset_t *ret_before);
int allocator_sigfill(sigset_t *set);
int allocator_clock_gettime(clockid_t clock, struct timespec *ret);
int allocator_gettimeofday(struct timeval *ret, void *zone);
int allocator_getaffinity(pid_t pid, size_t size, void *ret_set);
int allocator_setaffinity(pid_t pid, size_t size, const void *set);
int allocator_getcpu(void);
int allocator_yield(void);
pid_t allocator_getpid(void);
int allocator_open(const char *path, int flags, int mode);
int allocator_creat(const char *path, mode_t mode);
int allocator_close(int fd);
ssize_t allocator_readlink(const char *path, char *buf, size_t size);
long allocator_syscall(long number, long a, long b, long c, long d);

static long result(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

/* -- mutexes ----------------------------------------------------------------------------------- */

static _Atomic uint32_t *word_of(pthread_mutex_t *mutex)
{
	return (_Atomic uint32_t *)mutex;
}

int allocator_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
	(void)attr;
	atomic_store_explicit(word_of(mutex), 0, memory_order_relaxed);
	return 0;
}

int allocator_mutex_trylock(pthread_mutex_t *mutex)
{
	uint32_t none = 0;

	return atomic_compare_exchange_strong_explicit(word_of(mutex), &none, LOCKED,
						       memory_order_acquire, memory_order_relaxed)
		       ? 0
		       : EBUSY;
}

int allocator_mutex_lock(pthread_mutex_t *mutex)
{
	if (allocator_mutex_trylock(mutex) == 0)
		return 0;
	while (atomic_exchange_explicit(word_of(mutex), WAITED, memory_order_acquire) != 0)
		sys_futex_wait(word_of(mutex), WAITED, NULL);
	return 0;
}

int allocator_mutex_unlock(pthread_mutex_t *mutex)
{
	if (atomic_exchange_explicit(word_of(mutex), 0, memory_order_release) == WAITED)
		sys_futex_wake(word_of(mutex), 1);
	return 0;
}

int allocator_mutexattr_init(pthread_mutexattr_t *attr)
{
	(void)attr;
	return 0;
}

int allocator_mutexattr_settype(pthread_mutexattr_t *attr, int type)
{
	(void)attr;
	(void)type;
	return 0;
}

int allocator_mutexattr_destroy(pthread_mutexattr_t *attr)
{
	(void)attr;
	return 0;
}

/* -- from the kernel --------------------------------------------------------------------------- */

int allocator_clock_gettime(clockid_t clock, struct timespec *ret)
{
	return (int)result(atomic_load_explicit(&sys_clock, memory_order_relaxed)(clock, ret));
}

/* Like libc's: zeroes what the kernel does not fill. */
int allocator_getaffinity(pid_t pid, size_t size, void *ret_set)
{
	long filled = sys_call3(SYS_sched_getaffinity, pid, size, ret_set);

	for (size_t i = filled < 0 ? size : (size_t)filled; i < size; i++)
		((volatile char *)ret_set)[i] = 0;
	return filled < 0 ? (int)result(filled) : 0;
}

int allocator_getcpu(void)
{
	unsigned cpu = 0;

	return sys_call3(SYS_getcpu, &cpu, NULL, NULL) < 0 ? -1 : (int)cpu;
}

int allocator_yield(void)
{
	sys_yield();
	return 0;
}

pid_t allocator_getpid(void)
{
	return sys_getpid();
}

int allocator_open(const char *path, int flags, int mode)
{
	return (int)result(sys_open(path, flags, mode));
}

int allocator_close(int fd)
{
	return (int)result(sys_close(fd));
}

long allocator_syscall(long number, long a, long b, long c, long d)
{
	return result(sys_call4(number, a, b, c, d));
}

/* -- off --------------------------------------------------------------------------------------- */

/* For background threads: their conditions are made at the start, and not used. */
int allocator_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
	(void)cond;
	(void)attr;
	return 0;
}

int allocator_cond_signal(pthread_cond_t *cond)
{
	(void)cond;
	return 0;
}

int allocator_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	(void)cond;
	(void)mutex;
	return ENOSYS;
}

int allocator_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			     const struct timespec *until)
{
	(void)cond;
	(void)mutex;
	(void)until;
	return ENOSYS;
}

int allocator_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
			    void *arg)
{
	(void)thread;
	(void)attr;
	(void)main;
	(void)arg;
	return ENOSYS;
}

int allocator_thread_join(pthread_t thread, void **ret)
{
	(void)thread;
	(void)ret;
	return ENOSYS;
}

int allocator_thread_getname(pthread_t thread, char *name, size_t size)
{
	(void)thread;
	(void)name;
	(void)size;
	return ENOSYS;
}

int allocator_thread_setname(pthread_t thread, const char *name)
{
	(void)thread;
	(void)name;
	return ENOSYS;
}

int allocator_sigmask(int how, const sigset_t *set, sigset_t *ret_before)
{
	(void)how;
	(void)set;
	(void)ret_before;
	return ENOSYS;
}

int allocator_sigfill(sigset_t *set)
{
	(void)set;
	return 0;
}

int allocator_setaffinity(pid_t pid, size_t size, const void *set)
{
	(void)pid;
	(void)size;
	(void)set;
	return (int)result(-ENOSYS);
}

int allocator_creat(const char *path, mode_t mode)
{
	(void)path;
	(void)mode;
	return (int)result(-ENOSYS);
}

int allocator_gettimeofday(struct timeval *ret, void *zone)
{
	(void)zone;
	*ret = (struct timeval){ 0, 0 };
	return 0;
}

/* /etc/malloc.conf is meant for the user's own jemalloc. */
ssize_t allocator_readlink(const char *path, char *buf, size_t size)
{
	(void)path;
	(void)buf;
	(void)size;
	return result(-ENOENT);
}
