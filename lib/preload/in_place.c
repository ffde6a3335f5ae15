/* SPDX-License-Identifier: MIT */
/* in_place.c - memory whose frames the kernel holds on to, or cannot wait for
 *
 * Most of what the kernel does with a page that is paged out just works: it faults, and waits.  The
 * exceptions are listed here.  Their pages stay where they are (region_pin), or the call is made
 * another way:
 *
 *	vmsplice		the pipe keeps the frame, which the pager would give to
 *				another page meanwhile: written instead
 *	MSG_ZEROCOPY		so does the socket: sent from a copy that is unmapped at
 *				once; its frames outlive the mapping
 *	mutexes that inherit	FUTEX_LOCK_PI fails with EFAULT on a page that is not there,
 *	priority, or are robust	and so does what the kernel does for a thread that ended:
 *				pinned
 *	a thread's own stack	its top page has the word that pthread_join waits on, and the
 *				list of robust mutexes: pinned
 *	CLONE_CHILD_CLEARTID	the same word, wherever it lies (clone.c)
 *
 * (Linux 6.18: a fault of a task that is ending is not waited for; and UFFDIO_MOVE does not see
 * what get_user_pages takes without FOLL_PIN.)
 *
 * Pins last until the memory is unmapped, or the allocator gives it back (heap.c).
 */
#define _GNU_SOURCE 1
#include "preload/next.h"
#include "base/page.h"
#include "preload/preload.h"
#include "pager/region.h"
#include "base/sys.h"
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000 /* Linux 4.14 */
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8 /* Linux 4.14 */
#endif

static bool is_managed(const void *addr, size_t size)
{
	struct pager *pager = preload_pager_made();

	return pager && size && region_overlaps(pager, addr, size);
}

int in_place_keep(const void *addr, size_t size)
{
	if (!is_managed(addr, size))
		return 0;
	return region_pin(preload_pager_made(), (void *)(uintptr_t)addr, size);
}

/* -- vmsplice ------------------------------------------------------------------------------- */

static bool any_is_managed(const struct iovec *iov, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_managed(iov[i].iov_base, iov[i].iov_len))
			return true;
	return false;
}

static bool has_room(int fd, const struct timespec *timeout)
{
	struct pollfd poll = { .fd = fd, .events = POLLOUT };

	return sys_poll(&poll, 1, timeout) > 0;
}

/* At most a page, which fits into a pipe that has any room. */
static long write_page(int fd, const char *from, size_t size)
{
	struct timespec now = { 0, 0 };

	if (!has_room(fd, &now))
		return -EAGAIN;
	return sys_write(fd, from, size < page_size() ? size : page_size());
}

/* While there is room.  For a named pipe, where the kernel cannot be told not to wait. */
static long write_pages(int fd, const struct iovec *iov, size_t n)
{
	long all = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t at = 0; at < iov[i].iov_len;) {
			long ret =
				write_page(fd, (char *)iov[i].iov_base + at, iov[i].iov_len - at);

			if (ret < 0)
				return all ? all : ret;
			at += (size_t)ret;
			all += ret;
		}
	}
	return all;
}

static long write_what_fits(int fd, const struct iovec *iov, size_t n)
{
	long ret = sys_call6(SYS_pwritev2, fd, (long)iov, (long)n, -1, -1, RWF_NOWAIT);

	return ret == -EOPNOTSUPP ? write_pages(fd, iov, n) : ret;
}

/* Waits as vmsplice does: for some room, not for room for everything.  vmsplice ignores
 * O_NONBLOCK. */
static long write_instead(int fd, const struct iovec *iov, size_t n, unsigned flags)
{
	long ret = write_what_fits(fd, iov, n);

	while (ret == -EAGAIN && !(flags & SPLICE_F_NONBLOCK)) {
		if (!has_room(fd, NULL))
			return -EINTR;
		ret = write_what_fits(fd, iov, n);
	}
	return ret;
}

/* From a pipe to memory vmsplice copies anyway; it refuses anything but a pipe. */
static bool is_pipe_to_write(int fd)
{
	long mode = sys_call2(SYS_fcntl, fd, F_GETFL);
	struct stat st;

	return mode >= 0 && (mode & O_ACCMODE) != O_RDONLY && sys_call2(SYS_fstat, fd, &st) == 0 &&
	       S_ISFIFO(st.st_mode);
}

PRELOAD_API ssize_t vmsplice(int fd, const struct iovec *iov, size_t n, unsigned flags)
{
	if (any_is_managed(iov, n) && is_pipe_to_write(fd))
		return to_errno(write_instead(fd, iov, n, flags));
	return to_errno(sys_call4(SYS_vmsplice, fd, iov, n, flags));
}

/* -- MSG_ZEROCOPY ------------------------------------------------------------------------------ */

/* The rest of a longer message goes the ordinary way: the kernel copies it. */
#define COPY_MOST ((size_t)1 << 20)

static ssize_t next_sendto(int fd, const void *buf, size_t size, int flags,
			   const struct sockaddr *to, socklen_t to_size)
{
	return NEXT(sendto)(fd, buf, size, flags, to, to_size);
}

static ssize_t next_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return NEXT(sendmsg)(fd, message, flags);
}

static size_t size_of(const struct msghdr *message)
{
	size_t size = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		size += message->msg_iov[i].iov_len;
	return size;
}

static void gather(char *to, size_t size, const struct iovec *iov)
{
	for (; size; iov++) {
		size_t part = iov->iov_len < size ? iov->iov_len : size;

		memcpy(to, iov->iov_base, part);
		to += part;
		size -= part;
	}
}

static void unmap_copy(void *copy)
{
	struct iovec *iov = copy;

	sys_munmap(iov->iov_base, iov->iov_len);
}

/* Sends a copy of the message's first size bytes.  The copy's frames live until the socket is done
 * with them.  (A thread may be cancelled while it sends.) */
static ssize_t send_copy(int fd, const struct msghdr *message, size_t size, int flags)
{
	struct iovec copy = { .iov_len = size };
	struct msghdr copied = *message;
	ssize_t ret;

	copy.iov_base =
		sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sys_is_error(copy.iov_base))
		return to_errno(-ENOBUFS);
	gather(copy.iov_base, size, message->msg_iov);
	copied.msg_iov = &(struct iovec){ copy.iov_base, size };
	copied.msg_iovlen = 1;
	pthread_cleanup_push(unmap_copy, &copy);
	ret = next_sendmsg(fd, &copied, flags);
	pthread_cleanup_pop(1);
	return ret;
}

/* Sends what follows the first `done' bytes; returns how many bytes were sent in all. */
static ssize_t send_rest(int fd, const struct msghdr *message, size_t done, int flags)
{
	size_t skip = done;

	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const struct iovec *iov = &message->msg_iov[i];
		ssize_t n;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		n = next_sendto(fd, (char *)iov->iov_base + skip, iov->iov_len - skip, flags, NULL,
				0);
		done += n > 0 ? (size_t)n : 0;
		if (n < 0 || (size_t)n < iov->iov_len - skip)
			break;
		skip = 0;
	}
	return (ssize_t)done;
}

/* Counts as one send with MSG_ZEROCOPY, for whose completion the program will wait. */
static ssize_t send_managed(int fd, const struct msghdr *message, int flags)
{
	size_t size = size_of(message), first = size < COPY_MOST ? size : COPY_MOST;
	ssize_t ret = send_copy(fd, message, first, flags);

	if (ret < 0 || (size_t)ret < first || first == size)
		return ret;
	return send_rest(fd, message, first, flags & ~MSG_ZEROCOPY);
}

PRELOAD_API ssize_t sendto(int fd, const void *buf, size_t size, int flags,
			   const struct sockaddr *to, socklen_t to_size)
{
	struct iovec iov = { (void *)(uintptr_t)buf, size };
	struct msghdr message = { .msg_name = (void *)(uintptr_t)to,
				  .msg_namelen = to_size,
				  .msg_iov = &iov,
				  .msg_iovlen = 1 };

	if ((flags & MSG_ZEROCOPY) && is_managed(buf, size))
		return send_managed(fd, &message, flags);
	return next_sendto(fd, buf, size, flags, to, to_size);
}

PRELOAD_API ssize_t send(int fd, const void *buf, size_t size, int flags)
{
	return sendto(fd, buf, size, flags, NULL, 0);
}

PRELOAD_API ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if ((flags & MSG_ZEROCOPY) && any_is_managed(message->msg_iov, message->msg_iovlen))
		return send_managed(fd, message, flags);
	return next_sendmsg(fd, message, flags);
}

static int send_singly(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	for (unsigned i = 0; i < n; i++) {
		ssize_t ret = sendmsg(fd, &messages[i].msg_hdr, flags);

		if (ret < 0)
			return i ? (int)i : -1;
		messages[i].msg_len = (unsigned)ret;
	}
	return (int)n;
}

PRELOAD_API int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	if ((flags & MSG_ZEROCOPY) && preload_pager_made())
		return send_singly(fd, messages, n, flags);
	return NEXT(sendmmsg)(fd, messages, n, flags);
}

/* -- mutexes ----------------------------------------------------------------------------------- */

static bool is_known_to_the_kernel(const pthread_mutexattr_t *attributes)
{
	int protocol = PTHREAD_PRIO_NONE, robust = PTHREAD_MUTEX_STALLED;

	if (!attributes)
		return false;
	pthread_mutexattr_getprotocol(attributes, &protocol);
	pthread_mutexattr_getrobust(attributes, &robust);
	return protocol == PTHREAD_PRIO_INHERIT || robust == PTHREAD_MUTEX_ROBUST;
}

PRELOAD_API int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
	if (is_known_to_the_kernel(attributes) && in_place_keep(mutex, sizeof(*mutex)))
		return ENOMEM;
	return NEXT(pthread_mutex_init)(mutex, attributes);
}

/* -- threads ----------------------------------------------------------------------------------- */

/* glibc's descriptor of a thread lies at the very top of its stack: 2304 bytes. */
#define DESCRIPTOR_SIZE 4096

/* Only for a stack that the program supplies; others are mappings of libc's own. */
static int keep_descriptor(const pthread_attr_t *attributes)
{
	void *stack = NULL;
	size_t size = 0;

	/* The end is NULL if libc is to map the stack. */
	if (!attributes || pthread_attr_getstack(attributes, &stack, &size) ||
	    size < DESCRIPTOR_SIZE || (uintptr_t)stack + size == 0)
		return 0;
	return in_place_keep((char *)stack + size - DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
}

PRELOAD_API int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			       void *(*function)(void *), void *argument)
{
	if (keep_descriptor(attributes))
		return EAGAIN;
	return NEXT(pthread_create)(thread, attributes, function, argument);
}
