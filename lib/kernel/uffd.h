/* SPDX-License-Identifier: MIT */
/* uffd.h - userfaultfd: the only file that knows its ioctls
 *
 * kernel/ is the room for what is peculiar to Linux: userfaultfd, pagemap, pinned pages,
 * discarding, what the machine gives, what will be executed.  It includes base/ and command/.
 *
 * uffd_copy and uffd_move return how far they came: a result > 0 is the number of bytes done (maybe
 * fewer than asked for); < 0 is -errno, with nothing done.  Both wake whoever waits for the pages
 * that came.
 */
#ifndef SPILL_UFFD_H
#define SPILL_UFFD_H

#include "base/sys.h"

/* Beyond four waiters a userfaultfd wakes too many threads at each fault. */
#define HANDLERS_MAX 4

struct uffd {
	int fd;
	bool move;	   /* UFFDIO_MOVE is there, and has been seen to work */
	bool poison;	   /* UFFDIO_POISON is there */
	bool kernel;	   /* serves faults that the kernel takes for the program, too */
	uint64_t features; /* the kernel's features that we use; 0: not asked yet */
};

struct uffd_fault {
	uintptr_t address;    /* of the page */
	bool write_protected; /* a write to a page under UFFDIO_WRITEPROTECT */
	uint64_t seen;	      /* ns: when the handler read it; the handler sets this */
};

/* Opens a userfaultfd (in zeroed memory, or where one was closed): in full mode or, if that is
 * refused and user_mode is set, without kernel faults.  disable is a mask of enum spill_feature.
 * The first call finds out what the kernel has; a fork's child knows it from its parent.  0 or
 * -errno: -EPERM, refused; -ENOSYS, not there. */
int uffd_open(struct uffd *uffd, unsigned disable, bool user_mode);
void uffd_close(struct uffd *uffd);

/* missing: faults on absent pages come to us.  Without it (the arena) the range can only be the
 * target of uffd_move. */
int uffd_register(const struct uffd *uffd, void *addr, size_t size, bool missing);
int uffd_unregister(const struct uffd *uffd, void *addr, size_t size);

/* The most faults that one call reads. */
#define UFFD_READ_BATCH 16

/* Reads up to n faults; returns their number, or -EAGAIN if there are none. */
int uffd_read(const struct uffd *uffd, struct uffd_fault *faults, unsigned n);

long uffd_copy(const struct uffd *uffd, void *to, const void *from, size_t size);
/* Moves at most a chunk.  Holes in the source are skipped and count as moved.  pagemap is from
 * pagemap_open. */
long uffd_move(const struct uffd *uffd, int pagemap, void *to, void *from, size_t size);
int uffd_protect(const struct uffd *uffd, void *addr, size_t size, bool on);
int uffd_wake(const struct uffd *uffd, void *addr, size_t size);
/* Is the page, which is present, in memory registered with this userfaultfd? */
bool uffd_has(const struct uffd *uffd, void *page);
/* From now on touching the page, which must be absent, raises SIGBUS. */
int uffd_poison(const struct uffd *uffd, void *addr, size_t size);

#endif
