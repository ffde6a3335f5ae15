/* SPDX-License-Identifier: MIT */
/* uffd.h - userfaultfd: the only file that knows its ioctls
 *
 * Moves report how far they came: a result > 0 is bytes done (maybe fewer than
 * asked), < 0 is -errno with nothing done.  uffd_copy and uffd_move wake whoever
 * waits for the pages that came.
 */
#ifndef SPILL_UFFD_H
#define SPILL_UFFD_H

#include "base/sys.h"

/* Beyond four waiters a userfaultfd wakes too many threads at each fault. */
#define HANDLERS_MAX 4

struct uffd {
	int fd;
	bool move;	   /* UFFDIO_MOVE is there, and was seen to work */
	bool poison;	   /* UFFDIO_POISON is there */
	bool kernel;	   /* faults that the kernel takes for the program are served too */
	uint64_t features; /* of the kernel's, those that we use; 0: it was not asked yet */
};

struct uffd_fault {
	uintptr_t address;    /* of the page */
	bool write_protected; /* a write to a page under UFFDIO_WRITEPROTECT */
	uint64_t seen;	      /* ns: for the handler, when it was read */
};

/* Opens one (in zeroed memory, or where one was closed), in full mode, or (user_mode) in the other where that is refused.  disable: or of
 * enum spill_feature.  What the kernel has is found out at the first time: a fork's child knows it from
 * its parent.
 * 0 or -errno: -EPERM refused, -ENOSYS not there. */
int uffd_open(struct uffd *uffd, unsigned disable, bool user_mode);
void uffd_close(struct uffd *uffd);

/* missing: faults on absent pages come to us; without it (the arena) the range
 * can only be the target of uffd_move. */
int uffd_register(const struct uffd *uffd, void *addr, size_t size, bool missing);
int uffd_unregister(const struct uffd *uffd, void *addr, size_t size);

/* So many faults are read at once at the most. */
#define UFFD_READ_BATCH 16

/* Reads up to n faults; the number, or -EAGAIN if there are none. */
int uffd_read(const struct uffd *uffd, struct uffd_fault *faults, unsigned n);

long uffd_copy(const struct uffd *uffd, void *to, const void *from, size_t size);
/* At most a chunk.  Holes in the source are skipped and count as moved.  pagemap: of
 * pagemap_open. */
long uffd_move(const struct uffd *uffd, int pagemap, void *to, void *from, size_t size);
int uffd_protect(const struct uffd *uffd, void *addr, size_t size, bool on);
int uffd_wake(const struct uffd *uffd, void *addr, size_t size);
/* Is the page, which is there, in memory that is registered with this one? */
bool uffd_has(const struct uffd *uffd, void *page);
/* Touching the page raises SIGBUS from now on; it must be absent. */
int uffd_poison(const struct uffd *uffd, void *addr, size_t size);

#endif
