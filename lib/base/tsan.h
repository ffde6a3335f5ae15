/* SPDX-License-Identifier: MIT */
/* tsan.h - what ThreadSanitizer cannot see by itself; nothing in other builds
 *
 * It sees what is compiled with it, and calls of libc.  Our system calls go past libc (sys.h), and
 * what moves pages is the kernel.  So it is told:
 *
 *	- what the kernel reads and writes for us: the buffers of reads and writes, when
 *	  they are done, and the pages of trays that come, leave or are discarded.  That a tray
 *	  goes from one thread to another under a lock is then checked as for any memory;
 *	- that addresses are given back: munmap is libc's here, which it knows (sys.h).
 *	  Else the next owner of an address would race with the one before.
 *
 * It is not told of pages of the application, and cannot be.  It looks at an access before
 * that is made, so a write that waits for its page would race with the COPY that brings it: what
 * orders them is the page fault.  What handlers do to such pages is COPY, MOVE and
 * discarding alone; no other memory is reached from both sides of a fault.
 *
 * Nor of io_uring's rings: each belongs to one handler.
 */
#ifndef SPILL_TSAN_H
#define SPILL_TSAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#if defined(__SANITIZE_THREAD__)
#define SPILL_TSAN 1
#elif defined(__has_feature)
#define SPILL_TSAN __has_feature(thread_sanitizer)
#else
#define SPILL_TSAN 0
#endif

#if SPILL_TSAN
/* Of its runtime; the types are those that gcc knows. */
void __tsan_read_range(void *addr, long size);
void __tsan_write_range(void *addr, long size);
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *addr, size_t size,
			     const char *why);
#else
#define __tsan_read_range(addr, size) ((void)(addr))
#define __tsan_write_range(addr, size) ((void)(addr))
#define AnnotateBenignRaceSized(file, line, addr, size, why) ((void)(addr), (void)(size))
#endif

/* The kernel has read so many bytes of ours, or written them; size below 0: it failed.  Each
 * gives size. */
static inline long tsan_kernel_read(const void *addr, long size)
{
	if (size > 0)
		__tsan_read_range((void *)(uintptr_t)addr, size);
	return size;
}

static inline long tsan_kernel_wrote(void *addr, long size)
{
	if (size > 0)
		__tsan_write_range(addr, size);
	return size;
}

/* Who writes there need not wait for one another: nobody reads it. */
static inline void tsan_nobody_reads(void *addr, size_t size)
{
	AnnotateBenignRaceSized(__FILE__, __LINE__, addr, size, "nobody reads it");
}

static inline long tsan_part(const struct iovec *iov, long left)
{
	return left < (long)iov->iov_len ? left : (long)iov->iov_len;
}

static inline long tsan_kernel_read_from(const struct iovec *iov, long size)
{
	for (long left = size; SPILL_TSAN && left > 0; left -= tsan_part(iov++, left))
		tsan_kernel_read(iov->iov_base, tsan_part(iov, left));
	return size;
}

static inline long tsan_kernel_wrote_to(const struct iovec *iov, long size)
{
	for (long left = size; SPILL_TSAN && left > 0; left -= tsan_part(iov++, left))
		tsan_kernel_wrote(iov->iov_base, tsan_part(iov, left));
	return size;
}

#endif
