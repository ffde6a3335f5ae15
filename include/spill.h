/* SPDX-License-Identifier: MIT */
/* spill.h - more memory than you are given
 *
 * A pager owns a memory budget and swap space.  The application reserves regions of address space
 * from it and uses them like any other memory; what does not fit the budget lies in swap space and
 * comes back when it is touched.  spill(7) explains the terms; each function has a page in section
 * 3 of the manual.
 *
 * Every function that returns int returns 0, or -1 with errno set.  Unless stated otherwise,
 * functions are thread-safe; none may be called from a signal handler.  Sizes are in bytes.  "Page"
 * means sysconf(_SC_PAGESIZE).
 *
 * The memory that these functions hand out must not be passed to munmap, mremap or mmap(MAP_FIXED)
 * directly: the pager would not learn of it (under `spill run` it does).
 */
#ifndef SPILL_H
#define SPILL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPILL_API __attribute__((visibility("default")))

/* The smallest budget that spill_open and spill_set_budget accept. */
#define SPILL_BUDGET_MIN ((size_t)8 << 20)

/* A pager: one budget, its swap space, its regions and its handlers.  A process may have several;
 * they share nothing. */
typedef struct spill spill;

/* Features that can be switched off (spill_options.disable; the environment variable SPILL_DISABLE
 * takes their names, separated by commas). */
enum spill_feature {
	SPILL_FEATURE_MOVE = 1 << 0,   /* "move": UFFDIO_MOVE */
	SPILL_FEATURE_URING = 1 << 1,  /* "uring": io_uring; threads instead */
	SPILL_FEATURE_DIRECT = 1 << 2, /* "direct": O_DIRECT on swap files */
	SPILL_FEATURE_POISON = 1 << 3, /* "poison": UFFDIO_POISON */
	SPILL_FEATURE_SPIN = 1 << 4,   /* "spin": bounded spinning for reads */
	SPILL_FEATURE_TASKRUN = 1 << 5, /* "taskrun": io_uring's DEFER_TASKRUN */
};

/* Options of spill_open.  Set size to sizeof(struct spill_options) (or use SPILL_OPTIONS_INIT) and
 * leave at zero whatever should have its default.  Later versions may add fields at the end. */
struct spill_options {
	size_t size;	     /* sizeof(struct spill_options) */
	size_t budget;	     /* bytes of memory; 0: SPILL_BUDGET, else 80 % of
				the cgroup's limit, else half of the memory
				available now */
	const char *swap;    /* TARGET[;TARGET]..., see spill(7); NULL:
				SPILL_SWAP, else $TMPDIR or /var/tmp */
	size_t swap_limit;   /* most bytes of swap space, all targets together;
				0: what the targets allow */
	size_t overcommit;   /* bytes by which the budget may be exceeded when
				swap space is full; 0: SPILL_OVERCOMMIT,
				else none */
	unsigned handlers;   /* handler threads; 0: SPILL_HANDLERS, else one
				per CPU of the process, at most 4, and no more
				than the CPU time that its cgroup may use */
	unsigned disable;    /* a mask of enum spill_feature, added to
				SPILL_DISABLE */
	unsigned quiet;	     /* not 0: no warnings on stderr; 0: SPILL_QUIET */
	unsigned user_mode;  /* not 0: where a full userfaultfd is refused, one
				that serves only the program's own faults will
				do: a system call that meets paged-out memory
				then fails with EFAULT; 0: SPILL_USER_MODE */
	unsigned stall_warning; /* seconds that a fault may wait before a line
				says what for; UINT_MAX: no limit; 0:
				SPILL_STALL_WARNING, else 10 */
	unsigned encrypt;    /* not 0: encrypts what is written to swap space,
				with a key that only this process has; 0:
				SPILL_ENCRYPT */
	unsigned strict;     /* not 0: once the pager has armed, reserving memory
				that can be touched also reserves swap space for
				it, or fails with ENOMEM; 0: SPILL_STRICT */
	const char *compress; /* "lz4": pages that leave are compressed in memory,
				within the budget, before they go to swap space;
				"off"; NULL: SPILL_COMPRESS, else "off" */
};

#define SPILL_OPTIONS_INIT { sizeof(struct spill_options), 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL }

/* Makes a pager.
 *
 * Nothing is started yet: threads, descriptors and swap space come when the regions could first
 * exceed the budget (the pager "arms").
 *
 * options  NULL for all defaults.
 * Returns the pager, or NULL with errno:
 *   EINVAL  an option is malformed or out of range (a budget below
 *           SPILL_BUDGET_MIN, a swap target that cannot be parsed)
 *   EPERM   userfaultfd is refused; spill(7) says how to allow it
 *   ENOSYS  the kernel lacks userfaultfd, or this build lacks encryption or LZ4
 *   ENOENT, ENOTDIR, EACCES, EROFS, ENOSPC, EBUSY, EEXIST
 *           the swap target does not exist, is not writable, has too little
 *           room, is in use, or holds somebody else's data; or (ENOENT)
 *           libcrypto is missing, which encryption needs
 *   ENOMEM  also: the memory of a key may not be locked (RLIMIT_MEMLOCK)
 * May block on disk accesses. */
SPILL_API spill *spill_open(const struct spill_options *options);

/* Ends a pager: unmaps its regions, stops its handlers, gives back its swap space.  The caller must
 * make sure that no thread uses the pager's memory or passes it to another function any more.  NULL
 * is ignored.  Blocks until reads and writes in flight are done. */
SPILL_API void spill_close(spill *s);

/* Reserves a region of readable and writable zeros.
 *
 * size  bytes, rounded up to whole pages; may far exceed the budget and
 *       memory: only what is touched costs anything.
 * Returns its page-aligned address, or NULL with errno:
 *   EINVAL  size is 0
 *   ENOMEM  no address space, or swap space is full, or a limit of the
 *           process (RLIMIT_AS, vm.max_map_count) is reached
 *   EAGAIN  when this reservation arms the pager: no more threads, or no
 *           memory for one
 *   and, when this reservation arms the pager, any error of spill_open.
 * May block: arming waits until memory fits the budget. */
SPILL_API void *spill_reserve(spill *s, size_t size);

/* Releases [addr, addr + size), any page-aligned part of one region or of several; what is not
 * reserved in it is left alone.  The contents are lost.
 *
 * Errors: EINVAL addr is not page-aligned or size is 0; ENOMEM a split would
 * exceed vm.max_map_count (what is left is intact).
 * Does not wait for I/O. */
SPILL_API int spill_release(spill *s, void *addr, size_t size);

/* What the application tells the pager about a range. */
enum spill_advice {
	SPILL_NORMAL = 0,     /* forget earlier advice of the next two kinds */
	SPILL_SEQUENTIAL = 1, /* read far ahead from the first fault on */
	SPILL_RANDOM = 2,     /* never read ahead */
	SPILL_WILL_NEED = 3,  /* start to bring the range in */
	SPILL_DONT_NEED = 4,  /* discard the contents: zeros from now on */
	SPILL_COLD = 5,	      /* evict the range soon */
};

/* Advises on [addr, addr + size).  The range is widened to whole pages, except for SPILL_DONT_NEED,
 * which requires whole pages.
 *
 * Errors: EINVAL unknown advice, or SPILL_DONT_NEED of a range that is not
 * page-aligned; ENOMEM part of the range is not reserved.
 * Only SPILL_DONT_NEED changes the contents of memory.  Does not wait for I/O:
 * the handlers carry out SPILL_WILL_NEED and SPILL_COLD. */
SPILL_API int spill_advise(spill *s, void *addr, size_t size, enum spill_advice advice);

/* Brings [addr, addr + size) in and keeps it in memory until it is unpinned; the range is widened
 * to whole pages.  Pins do not nest.
 *
 * Errors: ENOMEM part of the range is not reserved, or the pinned pages would
 * take more than three quarters of the budget, or leave less than 4 MiB of it;
 * EIO a page could not be read back (it stays poisoned).
 * Blocks until the pages are in memory. */
SPILL_API int spill_pin(spill *s, void *addr, size_t size);
SPILL_API int spill_unpin(spill *s, void *addr, size_t size);

/* Sets the budget.  Growing takes effect at once; shrinking evicts, and returns when what is held
 * fits.
 *
 * Errors: EINVAL below SPILL_BUDGET_MIN; EBUSY pinned pages take more than
 * three quarters of the new budget, or leave less than 4 MiB of it; ENOSPC
 * swap space is full: the new budget stands, but more is held for now. */
SPILL_API int spill_set_budget(spill *s, size_t budget);

/* Counters since spill_open, and what is held now.  Set size to sizeof(struct spill_stats) before
 * the call; later versions may add fields at the end.  The values are read one by one: each is
 * exact, but they are from slightly different moments. */
struct spill_stats {
	size_t size;
	uint64_t budget;	/* bytes allowed */
	uint64_t held;		/* bytes held now: resident, cached, buffers */
	uint64_t peak;		/* the most ever held; 0 if the pager never
				   armed */
	uint64_t reserved;	/* bytes of regions */
	uint64_t resident;	/* bytes mapped in the application */
	uint64_t cached;	/* bytes evicted that are still in trays */
	uint64_t swap_used;	/* bytes of swap space in use */
	uint64_t swap_size;	/* bytes that the swap files have now */
	uint64_t metadata;	/* bytes of the page table and other tables */
	uint64_t faults_zero;	/* faults on absent pages */
	uint64_t faults_soft;	/* faults served from a tray */
	uint64_t faults_major;	/* faults served from swap space */
	uint64_t faults_other;	/* faults on pages that had arrived meanwhile */
	uint64_t pages_zeroed;	/* pages filled with zeros, windows included */
	uint64_t pages_read;	/* pages read from swap space, readahead
				   included */
	uint64_t pages_evicted; /* pages that left the application's side */
	uint64_t pages_clean;	/* of these, not written: swap space already had
				   them, or they were all zeros */
	uint64_t bytes_read;	/* from swap space */
	uint64_t bytes_written; /* to swap space */
	uint64_t reads;		/* read requests */
	uint64_t writes;	/* write requests */
	uint64_t read_errors;	/* reads that failed or gave wrong contents */
	uint64_t write_errors;	/* writes that failed */
	uint64_t pages_poisoned; /* pages that were lost */
	uint64_t armed;		/* 1 once the pager has armed */
	uint64_t swapped;	/* bytes that are only in swap space */
	uint64_t read_time;	/* ns that all reads took together; over a second,
				   the average number in flight */
	uint64_t write_time;	/* the same for writes */
	uint64_t pages_unread;	/* pages that were written, and then came back
				   before their frames were given up */
	uint64_t wait_zero;	/* ns that threads waited for the faults on absent
				   pages, all together; known to an eighth */
	uint64_t wait_soft;	/* the same for those served from a tray */
	uint64_t wait_major;	/* the same for those served from swap space */
	uint64_t compressed;	/* bytes of pages that are in the compressed store, */
	uint64_t compressed_size; /* and bytes that these take there; held includes them */
	uint64_t faults_compressed; /* faults served from the compressed store */
	uint64_t pages_compressed;  /* pages that were put there, */
	uint64_t pages_passed;	    /* and that went on from there to swap space */
	uint64_t wait_compressed;   /* as wait_zero, for those served from the store */
	uint64_t bytes_packed;	    /* what the pages that were put there took */
};

/* Reads the statistics.  Errors: EINVAL size is too small to be valid. */
SPILL_API int spill_get_stats(spill *s, struct spill_stats *ret_stats);

/* -- other processes ---------------------------------------------------------- */

/* Another process that has, or had, pagers. */
typedef struct spill_attached spill_attached;

/* Attaches to a process that runs under spill, or uses this library.  The counters of its pagers
 * are read from memory that it shares (spill-stats(5)), and it does not notice.
 *
 * Returns what spill_detach frees, or NULL with errno: ESRCH there is no such process;
 * EACCES it belongs to another user; ENOENT it does not run under spill, or its pager
 * has not armed yet; EMFILE, ENFILE it takes a descriptor; ENOMEM.  Any thread; does not
 * block. */
SPILL_API spill_attached *spill_attach(pid_t pid);
SPILL_API void spill_detach(spill_attached *attached);

/* The sum of its pagers' statistics; otherwise like spill_get_stats.  For a process of `spill run'
 * whose memory is plain all are 0.  A pager that the process opens by itself after spill_attach is
 * not included.
 *
 * Errors: EINVAL size is too small to be valid; ESRCH the process has ended: ret_stats
 * has what it had counted.  Any thread, several at a time. */
SPILL_API int spill_attached_stats(const spill_attached *attached, struct spill_stats *ret_stats);

/* The state of a page; spill(7) explains the states.  The first seven exclude one another; the flags
 * are added to them. */
enum spill_page_state {
	SPILL_ABSENT = 0,	/* never touched, or discarded: zeros */
	SPILL_RESIDENT = 1,	/* mapped in the application */
	SPILL_CACHED = 2,	/* evicted, its frame still in a tray */
	SPILL_SWAPPED = 3,	/* in swap space only */
	SPILL_FILLING = 4,	/* being read */
	SPILL_POISONED = 5,	/* lost: touching it raises SIGBUS */
	SPILL_COMPRESSED = 6,	/* in the compressed store only, or in swap space as well */
	SPILL_STATE_MASK = 0x0f,
	SPILL_FLAG_SLOT = 0x10,	  /* a slot holds a copy, valid if unchanged */
	SPILL_FLAG_PINNED = 0x20, /* not evicted */
	SPILL_FLAG_HOT = 0x40,	  /* came back soon after it was evicted */
};

/* Reads the state of each page of [addr, addr + size), as mincore(2) does: ret_states gets one byte
 * per page, an enum spill_page_state with flags.  Before the pager arms, pages are SPILL_ABSENT or
 * SPILL_RESIDENT.
 *
 * Errors: EINVAL addr is not page-aligned; ENOMEM part of the range is not
 * reserved. */
SPILL_API int spill_get_states(spill *s, void *addr, size_t size, unsigned char *ret_states);

/* The version of the library, such as "0.1.0". */
SPILL_API const char *spill_version(void);

#ifdef __cplusplus
}
#endif
#endif /* SPILL_H */
