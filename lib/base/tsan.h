/* SPDX-License-Identifier: MIT */
/* tsan.h - what ThreadSanitizer cannot see by itself; nothing in other builds
 *
 * ThreadSanitizer sees the code compiled with it and the calls of libc.  Our system calls bypass
 * libc (sys.h), and the kernel moves our pages.  So we tell it:
 *
 *	- what the kernel reads and writes for us: buffers, once the call or the I/O is done, and
 *	  the pages of trays that come, leave or are discarded.  Passing a tray from one thread
 *	  to another under a lock is then checked like any other memory;
 *	- that addresses are given back: this build calls libc's munmap, which it knows (sys.h).
 *	  Otherwise the next owner of an address would seem to race with the previous one.
 *
 * We do not tell it about pages of the application, and cannot.  It checks an access before the
 * access is made, so a write that waits for its page would seem to race with the COPY that brings
 * the page: only the page fault orders them.  Handlers do nothing to such pages but COPY, MOVE and
 * discard them; no other memory is reached from both sides of a fault.
 *
 * Nor do we tell it about io_uring's rings: each belongs to one handler.
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
/* From its runtime; the types are the ones gcc knows. */
void __tsan_read_range(void *addr, long size);
void __tsan_write_range(void *addr, long size);
void AnnotateBenignRaceSized(const char *file, int line, const volatile void *addr, size_t size,
			     const char *why);
#else
#define __tsan_read_range(addr, size) ((void)(addr))
#define __tsan_write_range(addr, size) ((void)(addr))
#define AnnotateBenignRaceSized(file, line, addr, size, why) ((void)(addr), (void)(size))
#endif

/* The kernel has read or written this many bytes of ours; a size below 0 means that it failed.
 * Both return size. */
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

/* Threads that write here need not wait for one another: nobody reads it. */
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
