/* SPDX-License-Identifier: MIT */
/* io.h - the seam between the pager and its reads and writes
 *
 * Each handler has one struct io.  It submits requests, and waits in one place
 * for whatever comes first: a completion, or one of the descriptors that it
 * watches (its userfaultfd, its wake-up).  Engines: io_uring (io_uring.c), and
 * where that is refused, a few threads that call preadv and pwritev
 * (io_threads.c).  Around these two may stand one that encrypts (io_sealed.c),
 * and in tests one that goes wrong when it is told to (io_faulty.c).
 *
 *	submit ──▶ ┌────────┐ ──▶ the kernel, or a thread
 *	           │ engine │         │
 *	 wait  ◀── └────────┘ ◀───────┘ completions    watched descriptors
 *	   │            ▲                                       │
 *	   ▼            └───────────────────────────────────────┘
 *	 done()
 *
 * A request belongs to the engine from io_submit until its done function is
 * called, which happens inside io_wait, in the thread that waits.  An engine
 * never fails to take a request: it is opened for as many as its handler has.
 * Requests complete in any order.
 *
 * First rule: after io_enable nothing here allocates, and the engines touch
 * only memory that came from meta_map, and the request.
 * Locking: none outside; one thread submits and waits.  Others wake it through
 * a descriptor that it watches.
 */
#ifndef SPILL_IO_H
#define SPILL_IO_H

#include "base/sys.h"

struct io_request {
	struct io_request *next; /* the engine's, while it has the request */
	/* result: the bytes that were transferred, or -errno.  They are fewer than asked for
	 * only if the file ends there, or an error followed: what is interrupted or cut
	 * short is gone on with.  It may submit requests, this one too (with its place and parts
	 * set anew), but not wait. */
	void (*done)(struct io_request *request, long result);
	int fd;
	bool write;
	uint64_t allocate; /* not 0: nothing is transferred, the file gets blocks for so many
			      bytes, and the result is 0 or -errno */
	uint64_t offset;   /* bytes in the file */
	uint64_t salt;	   /* of the file, for its tweaks (cipher.h) */
	struct iovec *iov; /* kept by the submitter until done; the engine changes it */
	int iov_count;
	long result; /* the engine's: bytes so far, or -errno */
	void *owner; /* the submitter's */
};

#define IO_WATCHES 3

/* Most parts of a read. */
#define IO_READ_PARTS 15

struct io;
struct io_seal;

struct io_ops {
	const char *name;
	/* In any thread: room for depth requests; starts what the engine needs.
	 * A watch of -1 is none.  0 or -errno (-ENOSYS, -EPERM: refused here,
	 * take another engine). */
	int (*open)(struct io **ret_io, unsigned disable, unsigned depth,
		    const int watches[IO_WATCHES]);
	/* In the thread that will submit and wait, once, before all else. */
	int (*enable)(struct io *io);
	/* Queues the request; it may start only with the next wait. */
	void (*submit)(struct io *io, struct io_request *request);
	/* Calls done for what has completed; gives a bit for each watched
	 * descriptor that may be readable.  Waits for the first of these,
	 * at most timeout_ns (0: only looks; UINT64_MAX: without limit).
	 *
	 * A bit tells that something came, and may be told once only: whoever
	 * gets it reads the descriptor (O_NONBLOCK) until -EAGAIN, or remembers
	 * that there is more and does not sleep.  It may also be false. */
	unsigned (*wait)(struct io *io, uint64_t timeout_ns);
	/* Watches a descriptor no longer, or again (as at first); in the thread that
	 * waits. */
	void (*watch)(struct io *io, unsigned watch, bool on);
	/* No request may be in flight; from any thread, after the one that
	 * waited has ended.  The kernel may keep the watched files for some
	 * moments more.  In a fork's child (the threads and rings of the parent
	 * are not ours): only closes and unmaps. */
	void (*close)(struct io *io, bool in_child);
};

extern const struct io_ops io_uring_ops;
extern const struct io_ops io_threads_ops;

/* Every engine begins with this. */
struct io {
	const struct io_ops *ops;
};

/* The best engine that works here; disable: features to do without (enum
 * spill_feature), of which URING leaves io_uring out; seal: NULL, or what is
 * needed to encrypt, kept by the caller until io_close.  0 or -errno. */
int io_open(struct io **ret_io, unsigned disable, unsigned depth, const int watches[IO_WATCHES],
	    const struct io_seal *seal);

static inline int io_enable(struct io *io)
{
	return io->ops->enable(io);
}

static inline void io_submit(struct io *io, struct io_request *request)
{
	io->ops->submit(io, request);
}

static inline unsigned io_wait(struct io *io, uint64_t timeout_ns)
{
	return io->ops->wait(io, timeout_ns);
}

static inline void io_watch(struct io *io, unsigned watch, bool on)
{
	io->ops->watch(io, watch, on);
}

static inline void io_close(struct io *io, bool in_child)
{
	if (io)
		io->ops->close(io, in_child);
}

/* -- for engines ---------------------------------------------------------------- */

/* So many bytes (or -errno) came of the request: is there a rest?  Then it is that now,
 * and to be started again; else its result is set.  It begins with a result of 0. */
bool io_goes_on(struct io_request *request, long bytes);

/* The request's next bytes are behind these. */
void io_advance(struct io_request *request, size_t bytes);

/* The moment at which a wait ends; 0: at once, UINT64_MAX: never. */
static inline uint64_t io_deadline(uint64_t timeout_ns)
{
	if (timeout_ns == 0 || timeout_ns == UINT64_MAX)
		return timeout_ns;
	return sys_now() + timeout_ns;
}

/* What is left of it, in the same terms. */
static inline uint64_t io_time_left(uint64_t deadline)
{
	uint64_t now;

	if (deadline == 0 || deadline == UINT64_MAX)
		return deadline;
	now = sys_now();
	return now < deadline ? deadline - now : 0;
}

/* -- encryption ------------------------------------------------------------------ */

struct cipher;

struct io_seal {
	struct cipher *cipher;
	unsigned handler;     /* whose contexts these are */
	unsigned piece_pages; /* of each buffer */
};

/* Buffers of that many pages in which writes are encrypted. */
#define IO_SEALED_PIECES 4

/* Puts it around *io, an engine for depth requests.  0, or -ENOMEM. */
int io_sealed_wrap(struct io **io, unsigned depth, const struct io_seal *seal);

/* -- for tests: requests that go wrong ----------------------------------------- */

enum io_faulty_kind {
	IO_FAULTY_DELAY,   /* only late */
	IO_FAULTY_ERROR,   /* fails with error; a read leaves garbage behind, a
			      write writes nothing */
	IO_FAULTY_SHORT,   /* transfers only length bytes */
	IO_FAULTY_CORRUPT, /* transfers all, but byte number length comes out wrong:
			      in memory if it is a read, on disk if a write */
};

#define IO_FAULTY_READS 1u
#define IO_FAULTY_WRITES 2u

/* What goes wrong; one plan for all engines that are opened with it, which look while
 * a test changes it. */
struct io_faulty_plan {
	_Atomic unsigned operations; /* or of IO_FAULTY_READS, IO_FAULTY_WRITES */
	_Atomic unsigned kind;	     /* enum io_faulty_kind */
	_Atomic unsigned nth;	     /* request of these operations, from 1 on; 0: none */
	_Atomic bool always;	     /* and all behind it */
	_Atomic unsigned most;	     /* so many at most; 0: without limit */
	_Atomic int fd;		     /* of this file alone; 0: of all */
	_Atomic int error;	     /* IO_FAULTY_ERROR: an errno value, positive */
	_Atomic size_t length;	     /* IO_FAULTY_SHORT, IO_FAULTY_CORRUPT: bytes */
	_Atomic uint64_t delay_ns;   /* of those that go wrong, in every kind */
	_Atomic unsigned seen;	     /* requests of these operations so far */
	_Atomic unsigned hits;	     /* of these, gone wrong */
};

/* If it is not NULL, io_open puts the faulty engine around the one that it
 * opens.  Set by tests alone, before they open. */
extern struct io_faulty_plan *io_faulty_plan_current;

/* Puts it around *io, an engine for depth requests.  0, or -ENOMEM. */
int io_faulty_wrap(struct io **io, unsigned depth, struct io_faulty_plan *plan);

#endif
