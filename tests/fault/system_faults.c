/* SPDX-License-Identifier: MIT */
/* system_faults.c - the pager's system calls fail when a plan says so: see system_faults.h */
#include "system_faults.h"
#include "harness.h"
#include "base/page.h"
#include "base/sys.h"
#include <linux/userfaultfd.h>
#include <signal.h>

#define ANY (-1)
/* What direct I/O takes, on any disk of today. */
#define LEAST_TRANSFER 4096
/* The number that _IOWR makes of struct sizes is another in older headers. */
#define UFFDIO_NUMBER(n) (0xaa00 | (n))
#define IOCTL_NUMBER_MASK 0xffff

struct kind {
	const char *name;
	long nr;
	unsigned argument; /* which one tells kinds of this call apart */
	long value;	   /* ANY: all others */
	long mask;
};

#define CALL(name)                           \
	{                                    \
#name, SYS_##name, 0, ANY, 0 \
	}
#define IOCTL(name, n)                                                  \
	{                                                               \
		name, SYS_ioctl, 1, UFFDIO_NUMBER(n), IOCTL_NUMBER_MASK \
	}
#define WITH(name, nr, argument, value)             \
	{                                           \
		name, SYS_##nr, argument, value, -1 \
	}

/* Of two that fit the first counts. */
static const struct kind kinds[] = {
	{ "uffd-new", SYS_ioctl, 1, UFFDIO_NUMBER(0x00), ~0 }, /* carries nothing */
	IOCTL("uffd-register", 0x00),
	IOCTL("uffd-unregister", 0x01),
	IOCTL("uffd-wake", 0x02),
	IOCTL("uffd-copy", 0x03),
	IOCTL("uffd-zeropage", 0x04),
	IOCTL("uffd-move", 0x05),
	IOCTL("uffd-protect", 0x06),
	IOCTL("uffd-poison", 0x08),
	IOCTL("uffd-api", 0x3f),
	CALL(ioctl),
	CALL(userfaultfd),
	WITH("discard", madvise, 2, MADV_DONTNEED),
	WITH("populate", madvise, 2, MADV_POPULATE_WRITE),
	CALL(madvise),
	CALL(process_madvise),
	CALL(mmap),
	CALL(munmap),
	CALL(mprotect),
	CALL(mremap),
	CALL(mincore),
	CALL(openat),
	CALL(close),
	CALL(read),
	CALL(write),
	CALL(pread64),
	CALL(pwrite64),
	CALL(preadv),
	CALL(pwritev),
	CALL(fallocate),
	CALL(ftruncate),
	CALL(fstat),
	CALL(newfstatat),
	CALL(statfs),
	CALL(fstatfs),
	CALL(faccessat),
	CALL(readlinkat),
	CALL(unlinkat),
	CALL(getdents64),
	CALL(lseek),
	CALL(getcwd),
	CALL(flock),
	CALL(fchmod),
	CALL(fcntl),
	CALL(memfd_create),
	CALL(pipe2),
	CALL(eventfd2),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_pwait),
	CALL(ppoll),
	CALL(io_uring_register),
	CALL(sched_getaffinity),
	CALL(sched_setaffinity),
	CALL(sched_yield),
	CALL(getcpu),
	CALL(getrusage),
	CALL(getrandom),
	CALL(prlimit64),
	CALL(uname),
	CALL(kill),
	WITH("futex-wait", futex, 1, FUTEX_WAIT | FUTEX_PRIVATE_FLAG),
	CALL(futex),
	CALL(nanosleep),
	CALL(clock_gettime),
	CALL(rt_sigprocmask),
	CALL(rt_sigpending),
	CALL(rt_sigtimedwait),
	CALL(pidfd_open),
	CALL(getpid),
	CALL(gettid),
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct fault_plan plan;
static _Atomic bool active;
static _Atomic unsigned seen, hits; /* calls of that kind */
static _Atomic long unknown = -1;

unsigned fault_kind(const char *name)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return i;
	test_fail("there is no kind of system call %s", name);
}

void fault_begin(const struct fault_plan *wanted)
{
	plan = *wanted;
	seen = 0;
	hits = 0;
	active = true;
}

void fault_end(void)
{
	active = false;
}

unsigned fault_hits(void)
{
	return hits;
}

long fault_unknown(void)
{
	return unknown;
}

/* -- a call --------------------------------------------------------------------------------- */

static bool is_of(const struct kind *kind, long nr, const long argument[6])
{
	return kind->nr == nr &&
	       (kind->value == ANY || (argument[kind->argument] & kind->mask) == kind->value);
}

static unsigned kind_of(long nr, const long argument[6])
{
	unsigned i = 0;

	while (i < KINDS && !is_of(&kinds[i], nr, argument))
		i++;
	if (i == KINDS)
		unknown = nr;
	return i;
}

/* Does this call go wrong? */
static bool is_planned(unsigned kind)
{
	unsigned number;

	if (kind != plan.kind)
		return false;
	number = atomic_fetch_add(&seen, 1) + 1;
	if (number < plan.nth || (number > plan.nth && !plan.always))
		return false;
	atomic_fetch_add(&hits, 1);
	return true;
}

static long raw(long nr, const long a[6])
{
	return sys_call_raw(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What userfaultfd does for its first page alone, and says so. */
static long cut_ioctl(long nr, const long a[6])
{
	struct uffdio_copy *copy = (struct uffdio_copy *)a[2]; /* a move is laid out alike */
	uint64_t size = copy->len;
	long ret;

	if (size <= page_size())
		return raw(nr, a);
	copy->len = page_size();
	ret = raw(nr, a);
	copy->len = size;
	return ret == 0 ? -EAGAIN : ret;
}

static long cut_transfer(long nr, const long a[6])
{
	long shorter[6] = { a[0], a[1], a[2] / 2, a[3], a[4], a[5] };

	return raw(nr, shorter);
}

/* Of several ranges the first alone, of one its first half; but never nothing. */
static long cut_vector(long nr, const long a[6])
{
	struct iovec *iov = (struct iovec *)a[1];
	struct iovec half = { iov->iov_base, iov->iov_len / 2 };
	long shorter[6] = { a[0], a[1], 1, a[3], a[4], a[5] };

	if (a[2] == 1 && half.iov_len >= LEAST_TRANSFER)
		shorter[1] = (long)&half;
	return raw(nr, shorter);
}

static long go_short(long nr, const long a[6])
{
	switch (nr) {
	case SYS_ioctl:
		return cut_ioctl(nr, a);
	case SYS_preadv:
	case SYS_pwritev:
	case SYS_process_madvise:
		return cut_vector(nr, a);
	}
	return cut_transfer(nr, a);
}

/* An ioctl that did something says how much in its structure, and that is what counts. */
static long fail_after(long nr, const long a[6], int error)
{
	long ret = raw(nr, a);

	if (nr == SYS_ioctl && ret == 0 && (a[1] & IOCTL_NUMBER_MASK) <= UFFDIO_NUMBER(0x05) &&
	    (a[1] & IOCTL_NUMBER_MASK) >= UFFDIO_NUMBER(0x03))
		((struct uffdio_copy *)a[2])->copy = -error;
	return -error;
}

static void pause_briefly(void)
{
	const struct timespec pause = { 0, 1000000 };

	sys_call_raw(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
}

long sys_call_planned(long nr, long a, long b, long c, long d, long e, long f)
{
	const long argument[6] = { a, b, c, d, e, f };

	if (!active)
		return raw(nr, argument);
	unsigned kind = kind_of(nr, argument);

	if (!is_planned(kind))
		return raw(nr, argument);
	switch (plan.way) {
	case FAULT_AFTER:
		return fail_after(nr, argument, plan.error);
	case FAULT_SHORT:
		return go_short(nr, argument);
	case FAULT_KILL:
	case FAULT_STOP:
		sys_call_raw(SYS_kill, sys_call_raw(SYS_getpid, 0, 0, 0, 0, 0, 0),
			     plan.way == FAULT_KILL ? SIGKILL : SIGSTOP, 0, 0, 0, 0);
		return raw(nr, argument);
	case FAULT_CRASH:
		__builtin_trap();
	case FAULT_WAIT:
		while (active)
			pause_briefly();
		return raw(nr, argument);
	case FAULT_INSTEAD:
		break;
	}
	return -plan.error;
}
