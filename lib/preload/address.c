/* SPDX-License-Identifier: MIT */
/* address.c - the calls that shape the address space
 *
 * The program's mmap, munmap and so on come here, so that the regions follow what it does.
 * Anonymous private mappings of MANAGED_LEAST and more become regions; everything else goes
 * straight to the kernel.  A range may be managed in part.
 *
 *	mmap	a place of the kernel's choice	map, adopt
 *	mmap	MAP_FIXED over a region		region_replace, adopt if it can be
 *	munmap, madvise(MADV_DONTNEED) ...	region_replace
 *	mprotect, mremap, mlock			region_protect, _remap, _pin
 *
 * While there is no pager, nothing is managed, and each of these costs its system call and one more
 * load.  libc's own use of them (thread stacks, dlopen) does not come here.
 *
 * Inside, results are -errno or addresses that encode it; errno is set at the edge, and only on
 * failure.
 */
#define _GNU_SOURCE 1
#undef _FILE_OFFSET_BITS /* this file defines both mmap and mmap64 */
#include "base/error.h"
#include "base/newer.h"
#include "base/page.h"
#include "pager/pager.h"
#include "preload/preload.h"
#include "pager/region.h"
#include "preload/source.h"
#include "base/sys.h"
#include <stdarg.h>
#include <string.h>

/* Smaller mappings are not worth a region each: alternate signal stacks, buffers of a few pages. */
#define MANAGED_LEAST ((size_t)64 << 10)

static void *to_address(void *ret)
{
	if (!sys_is_error(ret))
		return ret;
	errno = -sys_error(ret);
	return MAP_FAILED;
}

/* The pager, if this call on this range concerns it: there is one, the call is not its own, and the
 * kernel would accept the range. */
static struct pager *pager_for(const void *addr, size_t size)
{
	struct pager *pager = preload_pager_made();

	if (!pager || source.own || size == 0 || (uintptr_t)addr % page_size() ||
	    page_round_up(size) == 0 || (uintptr_t)addr + page_round_up(size) < (uintptr_t)addr)
		return NULL;
	return pager;
}

/* --- mmap */

struct mapping {
	int prot, flags, fd;
	off_t offset;
};

/* Can it be a region, if it is large enough?  Stacks cannot: when the kernel clears the word of a
 * dying thread there, it does not wait for a handler. */
static bool can_be_managed(const struct mapping *mapping)
{
	int never = MAP_STACK | MAP_GROWSDOWN | MAP_HUGETLB | MAP_LOCKED;

	return (mapping->flags & MAP_TYPE) == MAP_PRIVATE && (mapping->flags & MAP_ANONYMOUS) &&
	       !(mapping->flags & never);
}

static bool replaces(const struct mapping *mapping)
{
	return (mapping->flags & MAP_FIXED) && !(mapping->flags & MAP_FIXED_NOREPLACE);
}

static void *map_plain(void *addr, size_t size, const struct mapping *mapping)
{
	return sys_mmap(addr, size, mapping->prot, mapping->flags, mapping->fd, mapping->offset);
}

static long map_op(void *context, void *addr, size_t size)
{
	return (long)map_plain(addr, size, context);
}

/* MAP_POPULATE is a hint.  Once the pager has armed, filling a region in advance would only evict
 * another. */
static void populate(const struct pager *pager, void *addr, size_t size, int prot)
{
	int advice = prot & PROT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	if (prot != PROT_NONE && !pager_is_armed(pager))
		sys_madvise(addr, size, advice);
}

/* Maps what can be managed.  It counts against swap space, not memory, hence MAP_NORESERVE.  over:
 * regions may lie in the range. */
static void *map_managed(struct pager *pager, void *addr, size_t size,
			 const struct mapping *mapping, bool over)
{
	struct mapping ours = *mapping;
	void *ret;

	ours.flags = (ours.flags & ~MAP_POPULATE) | MAP_NORESERVE;
	if (over)
		ret = (void *)region_replace(pager, addr, size, false, map_op, &ours);
	else
		ret = map_plain(addr, size, &ours);
	if (sys_is_error(ret))
		return ret;
	if (region_adopt(pager, ret, size, ours.prot) < 0) {
		sys_munmap(ret, size);
		return (void *)(long)-ENOMEM;
	}
	if (mapping->flags & MAP_POPULATE)
		populate(pager, ret, size, ours.prot);
	return ret;
}

/* MAP_FIXED over regions: pieces of a reservation that become accessible or are given back are
 * managed whatever their size. */
static void *map_over(struct pager *pager, void *addr, size_t size, struct mapping *mapping)
{
	if (can_be_managed(mapping))
		return map_managed(pager, addr, size, mapping, true);
	return (void *)region_replace(pager, addr, size, false, map_op, mapping);
}

static void *map(void *addr, size_t size, struct mapping *mapping)
{
	size_t whole = page_round_up(size);
	struct pager *pager;

	if (replaces(mapping)) {
		pager = pager_for(addr, size);
		if (pager && region_overlaps(pager, addr, whole))
			return map_over(pager, addr, whole, mapping);
	}
	if (whole < MANAGED_LEAST || source.own || !can_be_managed(mapping))
		return map_plain(addr, size, mapping);
	pager = preload_pager();
	if (preload_retired)
		preload_note_plain(whole);
	return pager ? map_managed(pager, addr, whole, mapping, false)
		     : map_plain(addr, size, mapping);
}

PRELOAD_API void *mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	struct mapping mapping = { prot, flags, fd, offset };

	preload_register_fork();
	return to_address(map(addr, size, &mapping));
}

PRELOAD_API void *mmap64(void *addr, size_t size, int prot, int flags, int fd, off64_t offset)
{
	return mmap(addr, size, prot, flags, fd, offset);
}

/* --- munmap, mprotect, mremap */

PRELOAD_API int munmap(void *addr, size_t size)
{
	struct pager *pager = pager_for(addr, size);

	if (!pager)
		return to_errno(sys_munmap(addr, size));
	return to_errno(region_unmap(pager, addr, page_round_up(size)));
}

PRELOAD_API int mprotect(void *addr, size_t size, int prot)
{
	struct pager *pager = pager_for(addr, size);

	if (!pager)
		return to_errno(sys_mprotect(addr, size, prot));
	return to_errno(region_protect(pager, addr, page_round_up(size), prot, NO_KEY));
}

PRELOAD_API int pkey_mprotect(void *addr, size_t size, int prot, int key)
{
	struct pager *pager = pager_for(addr, size);

	if (!pager)
		return to_errno(sys_call4(SYS_pkey_mprotect, addr, size, prot, key));
	return to_errno(region_protect(pager, addr, page_round_up(size), prot, key));
}

struct move {
	void *from;
	size_t from_size;
	int flags;
};

static long move_op(void *context, void *to, size_t size)
{
	struct move *move = context;

	return (long)sys_mremap(move->from, move->from_size, size, move->flags, to);
}

static void *remap(void *addr, size_t old_size, size_t size, int flags, void *to)
{
	struct pager *pager = pager_for(addr, old_size);
	struct move move = { addr, old_size, flags };

	if (pager && region_overlaps(pager, addr, page_round_up(old_size)))
		return region_remap(pager, addr, page_round_up(old_size), page_round_up(size),
				    flags, flags & MREMAP_FIXED ? to : NULL);
	/* Not a region, but it may land on one. */
	if ((flags & MREMAP_FIXED) && (pager = pager_for(to, size)) != NULL)
		return (void *)region_replace(pager, to, page_round_up(size), false, move_op,
					      &move);
	return sys_mremap(addr, old_size, size, flags, to);
}

PRELOAD_API void *mremap(void *addr, size_t old_size, size_t size, int flags, ...)
{
	void *to = NULL;
	va_list arguments;

	if (flags & MREMAP_FIXED) {
		va_start(arguments, flags);
		to = va_arg(arguments, void *);
		va_end(arguments);
	}
	return to_address(remap(addr, old_size, size, flags, to));
}

/* --- madvise */

struct discarding {
	int advice;
	int err;
};

/* If something in the range is not mapped, the kernel says ENOMEM, but has discarded all the
 * rest. */
static long discard_op(void *context, void *addr, size_t size)
{
	struct discarding *discarding = context;

	discarding->err = sys_madvise(addr, size, discarding->advice);
	return discarding->err == -ENOMEM ? 0 : discarding->err;
}

/* Drops the contents of a range, managed or not. */
static int discard(struct pager *pager, void *addr, size_t size, int advice)
{
	struct discarding discarding = { advice, 0 };
	long err = region_replace(pager, addr, size, true, discard_op, &discarding);

	return err < 0 ? (int)err : discarding.err;
}

/* With MADV_FREE the kernel may take pages at any time, which no page table could follow.  We may
 * take them at once instead, or leave a range alone that is only partly ours. */
static int advise_free(struct pager *pager, void *addr, size_t size)
{
	if (region_covers(pager, addr, size))
		return region_discard(pager, addr, size);
	if (region_overlaps(pager, addr, size))
		return 0;
	return sys_madvise(addr, size, MADV_FREE);
}

/* For regions, we follow this advice instead of the kernel. */
static int advise_policy(struct pager *pager, void *addr, size_t size, int advice,
			 enum spill_advice ours)
{
	if (region_covers(pager, addr, size))
		return region_advise(pager, addr, size, ours);
	return sys_madvise(addr, size, advice);
}

/* When pages are moved one by one, a huge page gets in the way; and this is only advice. */
static int advise_huge(struct pager *pager, void *addr, size_t size, int advice)
{
	if (pager_is_armed(pager) && region_overlaps(pager, addr, size))
		return 0;
	return sys_madvise(addr, size, advice);
}

static int advise(void *addr, size_t size, int advice)
{
	struct pager *pager = pager_for(addr, size);

	if (!pager)
		return sys_madvise(addr, size, advice);
	size = page_round_up(size);
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_GUARD_INSTALL:
		return discard(pager, addr, size, advice);
	case MADV_FREE:
		return advise_free(pager, addr, size);
	case MADV_NORMAL:
		return advise_policy(pager, addr, size, advice, SPILL_NORMAL);
	case MADV_SEQUENTIAL:
		return advise_policy(pager, addr, size, advice, SPILL_SEQUENTIAL);
	case MADV_RANDOM:
		return advise_policy(pager, addr, size, advice, SPILL_RANDOM);
	case MADV_WILLNEED:
		return advise_policy(pager, addr, size, advice, SPILL_WILL_NEED);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return advise_policy(pager, addr, size, advice, SPILL_COLD);
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
		return region_inherit(pager, addr, size, advice);
	case MADV_HUGEPAGE:
	case MADV_COLLAPSE:
		return advise_huge(pager, addr, size, advice);
	default:
		return sys_madvise(addr, size, advice);
	}
}

PRELOAD_API int madvise(void *addr, size_t size, int advice)
{
	return to_errno(advise(addr, size, advice));
}

/* Returns the error instead of setting errno.  As in glibc, POSIX_MADV_DONTNEED does nothing: POSIX
 * says that the contents stay. */
PRELOAD_API int posix_madvise(void *addr, size_t size, int advice)
{
	return advice == POSIX_MADV_DONTNEED ? 0 : -advise(addr, size, advice);
}

/* Does the descriptor mean this process?  Its PID is in /proc, in the last line but one or two. */
static bool is_this_process(int pidfd)
{
	static const char key[] = "Pid:\t";
	char path[40], text[256];
	int fd, pid = 0;
	const char *at;
	long n;

	error_format(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	n = sys_read(fd, text, sizeof(text) - 1);
	sys_close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, key);
	for (at = at ? at + strlen(key) : ""; *at >= '0' && *at <= '9'; at++)
		pid = pid * 10 + (*at - '0');
	return pid == sys_getpid();
}

/* How many bytes the advice was given for before an error; the error if none. */
static ssize_t advise_all(const struct iovec *iov, size_t n, int advice)
{
	ssize_t done = 0;

	for (size_t i = 0; i < n; i++) {
		int err = advise(iov[i].iov_base, iov[i].iov_len, advice);

		if (err < 0)
			return done ? done : err;
		done += (ssize_t)iov[i].iov_len;
	}
	return done;
}

PRELOAD_API ssize_t process_madvise(int pidfd, const struct iovec *iov, size_t n, int advice,
				    unsigned flags)
{
	if (!preload_pager_made() || flags || !is_this_process(pidfd))
		return to_errno(sys_call5(SYS_process_madvise, pidfd, iov, n, advice, flags));
	return to_errno(advise_all(iov, n, advice));
}

/* --- mlock */

/* mlock widens its range to whole pages. */
static void *lock_range(const void *addr, size_t *size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);

	*size += (uintptr_t)addr - start;
	return (void *)start;
}

static int lock_pages(const void *addr, size_t size, int flags)
{
	return flags ? (int)sys_call3(SYS_mlock2, addr, size, flags)
		     : (int)sys_call2(SYS_mlock, addr, size);
}

/* Pins what is a region, then lets the kernel lock it too, so that limits and /proc are as without
 * us.  MLOCK_ONFAULT, which locks pages as they are touched, also pins them, and so brings them in:
 * otherwise nobody would report that they are too many.  The kernel keeps locked pages, so a range
 * that is only partly ours is left to it. */
static int lock(const void *addr, size_t size, int flags)
{
	size_t whole = size;
	void *start = lock_range(addr, &whole);
	struct pager *pager = pager_for(start, whole);
	int err;

	if (!pager || !region_covers(pager, start, page_round_up(whole)))
		return lock_pages(addr, size, flags);
	err = region_pin(pager, start, page_round_up(whole));
	if (err < 0)
		return err;
	err = lock_pages(addr, size, flags);
	if (err < 0)
		region_unpin(pager, start, page_round_up(whole));
	return err;
}

static int unlock(const void *addr, size_t size)
{
	size_t whole = size;
	void *start = lock_range(addr, &whole);
	struct pager *pager = pager_for(start, whole);
	int err = (int)sys_call2(SYS_munlock, addr, size);

	if (err == 0 && pager && region_covers(pager, start, page_round_up(whole)))
		region_unpin(pager, start, page_round_up(whole));
	return err;
}

PRELOAD_API int mlock(const void *addr, size_t size)
{
	return to_errno(lock(addr, size, 0));
}

PRELOAD_API int mlock2(const void *addr, size_t size, unsigned flags)
{
	return to_errno(lock(addr, size, (int)flags));
}

PRELOAD_API int munlock(const void *addr, size_t size)
{
	return to_errno(unlock(addr, size));
}

/* Locking everything would need memory for everything.  A process that has not armed then keeps in
 * memory all that it has, and all that it maps from now on, as it asked.  One that pages cannot do
 * this. */
static int lock_all(int flags)
{
	struct pager *pager = preload_pager_made();

	if (pager && (flags & (MCL_CURRENT | MCL_FUTURE)) && !region_keep(pager, true)) {
		error_report(EVENT_FALLBACK, "mlockall is refused: memory is already paged");
		return -ENOMEM;
	}
	return (int)sys_call1(SYS_mlockall, flags);
}

PRELOAD_API int mlockall(int flags)
{
	return to_errno(lock_all(flags));
}

PRELOAD_API int munlockall(void)
{
	struct pager *pager = preload_pager_made();

	if (pager)
		region_keep(pager, false);
	return to_errno(sys_call0(SYS_munlockall));
}
