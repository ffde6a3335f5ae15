/* SPDX-License-Identifier: MIT */
/* uffd.c - userfaultfd's ioctls: see uffd.h
 *
 * This file relies on the semantics of fs/userfaultfd.c and mm/userfaultfd.c from Linux 5.7 to
 * 6.18.  UFFDIO_MOVE came with 6.8, UFFDIO_POISON with 6.6.  Debian 12's header is older than both.
 */
#include "kernel/uffd.h"
#include "base/fd.h"
#include "base/page.h"
#include "kernel/pagemap.h"
#include "kernel/probe.h"
#include "spill.h"
#include <linux/ioctl.h>
#include <linux/userfaultfd.h>

#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON (1 << 14)
#define _UFFDIO_POISON (0x08)
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, _UFFDIO_POISON, struct uffdio_poison)
#endif

#ifndef UFFD_FEATURE_MOVE
#define UFFD_FEATURE_MOVE (1 << 16)
#define _UFFDIO_MOVE (0x05)
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES ((__u64)1 << 1)
struct uffdio_move {
	__u64 dst;
	__u64 src;
	__u64 len;
	__u64 mode;
	__s64 move;
};
#define UFFDIO_MOVE _IOWR(UFFDIO, _UFFDIO_MOVE, struct uffdio_move)
#endif

#define UFFD_NEEDED UFFD_FEATURE_PAGEFAULT_FLAG_WP
#define UFFD_WANTED (UFFD_NEEDED | UFFD_FEATURE_POISON | UFFD_FEATURE_MOVE)

/* Asks which of the features that we want the kernel offers.  This takes a descriptor of its own:
 * UFFDIO_API can be called only once, and refuses features that the kernel does not know. */
static int ask_features(struct uffd *uffd, bool user_mode)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 0 };
	bool kernel;
	int fd = probe_open_userfaultfd(user_mode, &kernel);
	int err;

	if (fd < 0)
		return fd;
	err = sys_ioctl(fd, UFFDIO_API, &api);
	fd_close(fd);
	if (!err && (api.features & UFFD_NEEDED) != UFFD_NEEDED)
		err = -ENOSYS;
	if (!err)
		uffd->features = api.features & UFFD_WANTED;
	return err;
}

static int open_with_features(struct uffd *uffd, bool user_mode)
{
	struct uffdio_api api = { .api = UFFD_API, .features = uffd->features };
	int err;

	uffd->fd = probe_open_userfaultfd(user_mode, &uffd->kernel);
	if (uffd->fd < 0)
		return uffd->fd;
	err = sys_ioctl(uffd->fd, UFFDIO_API, &api);
	if (err)
		uffd_close(uffd);
	return err;
}

/* Races in MOVE were fixed up to Linux 6.17, but 6.8 to 6.11 are no longer maintained. */
static bool move_is_trusted(void)
{
	return probe_linux_is(6, 12);
}

/* Moves one page within a mapping of our own and looks at it: the feature bit alone proves
 * nothing. */
static bool move_works(const struct uffd *uffd)
{
	size_t size = page_size();
	char *pages = sys_mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
	bool works = false;

	if (sys_is_error(pages))
		return false;
	sys_madvise(pages, 2 * size, MADV_NOHUGEPAGE);
	if (uffd_register(uffd, pages, size, true) == 0) {
		pages[size] = 'x';
		pages[2 * size - 1] = 'y';
		works = uffd_move(uffd, -1, pages, pages + size, size) == (long)size &&
			pages[0] == 'x' && pages[size - 1] == 'y' && pages[size] == 0;
	}
	sys_munmap(pages, 2 * size);
	return works;
}

int uffd_open(struct uffd *uffd, unsigned disable, bool user_mode)
{
	bool known = uffd->features != 0;
	int err = known ? 0 : ask_features(uffd, user_mode);

	if (!err)
		err = open_with_features(uffd, user_mode);
	if (err || known)
		return err;
	uffd->poison = (uffd->features & UFFD_FEATURE_POISON) && !(disable & SPILL_FEATURE_POISON);
	uffd->move = (uffd->features & UFFD_FEATURE_MOVE) && !(disable & SPILL_FEATURE_MOVE) &&
		     move_is_trusted() && move_works(uffd);
	return 0;
}

void uffd_close(struct uffd *uffd)
{
	fd_close(uffd->fd);
	uffd->fd = -1;
}

int uffd_register(const struct uffd *uffd, void *addr, size_t size, bool missing)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)addr, .len = size },
		.mode = UFFDIO_REGISTER_MODE_WP | (missing ? UFFDIO_REGISTER_MODE_MISSING : 0),
	};

	return sys_ioctl(uffd->fd, UFFDIO_REGISTER, &reg);
}

int uffd_unregister(const struct uffd *uffd, void *addr, size_t size)
{
	struct uffdio_range range = { .start = (uintptr_t)addr, .len = size };

	return sys_ioctl(uffd->fd, UFFDIO_UNREGISTER, &range);
}

int uffd_read(const struct uffd *uffd, struct uffd_fault *faults, unsigned n)
{
	struct uffd_msg msgs[UFFD_READ_BATCH];
	unsigned got = 0;
	long bytes;

	n = n < UFFD_READ_BATCH ? n : UFFD_READ_BATCH;
	bytes = sys_read(uffd->fd, msgs, n * sizeof(msgs[0]));
	if (bytes < 0)
		return (int)bytes;
	for (unsigned i = 0; i < (size_t)bytes / sizeof(msgs[0]); i++) {
		const struct uffd_msg *msg = &msgs[i];

		if (msg->event != UFFD_EVENT_PAGEFAULT)
			continue; /* we asked for no other event */
		faults[got++] = (struct uffd_fault){
			.address = page_round_down(msg->arg.pagefault.address),
			.write_protected = msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP,
		};
	}
	return (int)got;
}

/* The result of an ioctl that reports its progress in done, as bytes or -errno. */
static long progress_of(int err, int64_t done)
{
	if (done > 0)
		return (long)done;
	if (done < 0)
		return (long)done;
	return err < 0 ? err : -EAGAIN;
}

long uffd_copy(const struct uffd *uffd, void *to, const void *from, size_t size)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)from,
		.len = size,
	};
	int err = sys_ioctl(uffd->fd, UFFDIO_COPY, &copy);

	return tsan_kernel_read(from, progress_of(err, copy.copy));
}

/* Linux 6.18 has been seen to move pages and still return EEXIST.  It seems to retry what it has
 * done, after it had to wait for another thread that was splitting the same huge page.  Returns how
 * many bytes from the start did move. */
static size_t moved_in_spite(int pagemap, const char *to, const char *from, size_t size)
{
	unsigned n = (unsigned)(size >> page_shift());
	uint64_t left = ~pagemap_present(pagemap, to, n) | pagemap_present(pagemap, from, n);
	unsigned moved = left ? mask_first(left) : n;

	return (size_t)(moved < n ? moved : n) << page_shift();
}

long uffd_move(const struct uffd *uffd, int pagemap, void *to, void *from, size_t size)
{
	struct uffdio_move move = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)from,
		.len = size,
		.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};
	int err = sys_ioctl(uffd->fd, UFFDIO_MOVE, &move);
	long result = progress_of(err, move.move);
	size_t moved = result == -EEXIST ? moved_in_spite(pagemap, to, from, size) : 0;

	if (!moved)
		return result;
	uffd_wake(uffd, to, moved);
	return (long)moved;
}

int uffd_protect(const struct uffd *uffd, void *addr, size_t size, bool on)
{
	struct uffdio_writeprotect protect = {
		.range = { .start = (uintptr_t)addr, .len = size },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return sys_ioctl(uffd->fd, UFFDIO_WRITEPROTECT, &protect);
}

int uffd_wake(const struct uffd *uffd, void *addr, size_t size)
{
	struct uffdio_range range = { .start = (uintptr_t)addr, .len = size };

	return sys_ioctl(uffd->fd, UFFDIO_WAKE, &range);
}

/* Linux checks the mapping first, and only then says EEXIST because of the page. */
bool uffd_has(const struct uffd *uffd, void *page)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)page, .len = page_size() },
	};

	return sys_ioctl(uffd->fd, UFFDIO_ZEROPAGE, &zero) != -ENOENT;
}

int uffd_poison(const struct uffd *uffd, void *addr, size_t size)
{
	struct uffdio_poison poison = {
		.range = { .start = (uintptr_t)addr, .len = size },
	};

	return sys_ioctl(uffd->fd, UFFDIO_POISON, &poison);
}
