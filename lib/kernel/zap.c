/* SPDX-License-Identifier: MIT */
/* zap.c - giving ranges of pages back to the kernel: see zap.h */
#include "kernel/zap.h"
#include "base/newer.h"
#include <stdatomic.h>

/* This process, in place of a pidfd (Linux 6.14). */
#define PIDFD_SELF_PROCESS (-10001)

/* The kernel refused the vector once, and always will. */
static _Atomic bool no_vector;

static unsigned zap_each(const struct iovec *ranges, unsigned n)
{
	unsigned done = 0;

	while (done < n &&
	       sys_madvise(ranges[done].iov_base, ranges[done].iov_len, MADV_DONTNEED) == 0)
		done++;
	return done;
}

/* How many whole ranges this many bytes make. */
static unsigned ranges_in(const struct iovec *ranges, unsigned n, size_t bytes)
{
	unsigned i = 0;

	while (i < n && bytes >= ranges[i].iov_len)
		bytes -= ranges[i++].iov_len;
	return i;
}

unsigned zap(const struct iovec *ranges, unsigned n)
{
	unsigned done = 0;
	long bytes;

	if (n > 1 && !atomic_load_explicit(&no_vector, memory_order_relaxed)) {
		bytes = sys_call5(SYS_process_madvise, PIDFD_SELF_PROCESS, ranges, n, MADV_DONTNEED,
				  0);
		if (bytes > 0)
			done = ranges_in(ranges, n, (size_t)bytes);
		else if (bytes != -EAGAIN && bytes != -EINTR)
			atomic_store_explicit(&no_vector, true, memory_order_relaxed);
	}
	return done + zap_each(ranges + done, n - done);
}

/* A program that locks all its memory has locked ours too: a refused range is skipped. */
void zap_ours(const struct iovec *ranges, unsigned n)
{
	for (unsigned at = 0; at < n; at++)
		at += zap(ranges + at, n - at);
}
