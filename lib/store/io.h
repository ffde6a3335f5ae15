/* SPDX-License-Identifier: MIT */
/* io.h - the seam between the pager and its reads and writes
 *
 * Each handler has one struct io.  It submits requests, and waits in one place for whatever comes
 * first: a completion, or one of the descriptors that it watches (its userfaultfd, its wake-up).
 * There are two engines: io_uring (io_uring.c) and, where that is refused, a few threads that call
 * preadv and pwritev (io_threads.c).  Another engine may be wrapped around either: one that
 * encrypts (io_sealed.c), and in tests one that fails as planned (io_faulty.c).
 *
 *	submit ──▶ ┌────────┐ ──▶ the kernel, or a thread
 *	           │ engine │         │
 *	 wait  ◀── └────────┘ ◀───────┘ completions    watched descriptors
 *	   │            ▲                                       │
 *	   ▼            └───────────────────────────────────────┘
 *	 done()
 *
 * A request belongs to the engine from io_submit until its done function is called, inside io_wait,
 * in the thread that waits.  An engine never fails to take a request: it was opened for as many as
 * its handler has.  Requests complete in any order.
 *
 * First rule: after io_enable nothing here allocates, and engines touch only the request and memory
 * that came from meta_map.
 * Locking: none outside; one thread submits and waits.  Others wake it through a descriptor that it
 * watches.
 */
#ifndef SPILL_IO_H
#define SPILL_IO_H

#include "base/sys.h"

struct io_request {
	struct io_request *next; /* the engine's, as long as it has the request */
	/* result: the bytes transferred, or -errno.  There are fewer than asked for only if the
	 * file ends there or an error followed; interrupted and short transfers are continued.
	 * done may submit requests, this one too (with its offset and parts set anew), but must not
	 * wait. */
	void (*done)(struct io_request *request, long result);
	int fd;
	bool write;
	uint64_t allocate; /* not 0: transfers nothing; the file gets blocks for this many
			      bytes, and the result is 0 or -errno */
	uint64_t offset;   /* bytes in the file */
	uint64_t salt;	   /* of the file, for its tweaks (cipher.h) */
	struct iovec *iov; /* the submitter keeps it until done; the engine changes it */
	int iov_count;
	long result; /* the engine's: bytes so far, or -errno */
	void *owner; /* the submitter's */
};

#define IO_EARS 3

/* Most parts of one read. */
#define IO_READ_PARTS 15

struct io;
struct io_seal;

struct io_ops {
	const char *name;
	/* From any thread: makes room for depth requests and starts what the engine needs.  A watch
	 * of -1 is none.  0 or -errno (-ENOSYS, -EPERM: refused here, take another engine). */
	int (*open)(struct io **ret_io, unsigned disable, unsigned depth, const int ears[IO_EARS]);
	/* Once, before anything else, in the thread that will submit and wait. */
	int (*enable)(struct io *io);
	/* Queues the request.  It may start only with the next wait. */
	void (*submit)(struct io *io, struct io_request *request);
	/* Calls done for each completed request, and returns a bit for each watched descriptor that
	 * may be readable.  Waits until there is one or the other, at most timeout_ns (0: only
	 * looks; UINT64_MAX: no limit).
	 *
	 * A bit may be set only once for what has come: the caller reads the descriptor
	 * (O_NONBLOCK) until -EAGAIN, or remembers that there is more and does not sleep.  A bit
	 * may also be wrong. */
	unsigned (*wait)(struct io *io, uint64_t timeout_ns);
	/* Stops watching a descriptor, or watches it again (all are watched at first).  In the
	 * thread that waits. */
	void (*listen)(struct io *io, unsigned ear, bool on);
	/* From any thread, once the waiting thread has ended; no request may be in flight.  The
	 * kernel may hold the watched files a little longer.  in_child: this is a fork's child, and
	 * the parent's threads and rings are not ours; only closes and unmaps. */
	void (*close)(struct io *io, bool in_child);
};

extern const struct io_ops io_uring_ops;
extern const struct io_ops io_threads_ops;

/* Every engine begins with this. */
struct io {
	const struct io_ops *ops;
};

/* Opens the best engine that works here.  disable: features to do without (enum spill_feature);
 * URING leaves out io_uring.  seal: NULL, or what encryption needs, which the caller keeps until
 * io_close.  0 or -errno. */
int io_open(struct io **ret_io, unsigned disable, unsigned depth, const int ears[IO_EARS],
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

static inline void io_listen(struct io *io, unsigned ear, bool on)
{
	io->ops->listen(io, ear, on);
}

static inline void io_close(struct io *io, bool in_child)
{
	if (io)
		io->ops->close(io, in_child);
}

/* -- for engines ---------------------------------------------------------------- */

/* bytes (or -errno) came for the request.  true: there is a rest; the request now stands for that,
 * and must be started again.  false: its result is set.  The result must be 0 at the start. */
bool io_goes_on(struct io_request *request, long bytes);

/* Moves the request past these bytes. */
void io_advance(struct io_request *request, size_t bytes);

/* The moment when a wait ends; 0: at once, UINT64_MAX: never. */
static inline uint64_t io_deadline(uint64_t timeout_ns)
{
	if (timeout_ns == 0 || timeout_ns == UINT64_MAX)
		return timeout_ns;
	return sys_now() + timeout_ns;
}

/* What is left until then, in the same terms. */
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

/* Buffers, of piece_pages each, in which writes are encrypted. */
#define IO_SEALED_PIECES 4

/* Wraps encryption around *io, an engine for depth requests.  0 or -ENOMEM. */
int io_sealed_wrap(struct io **io, unsigned depth, const struct io_seal *seal);

/* -- for tests: requests that go wrong ----------------------------------------- */

enum io_faulty_kind {
	IO_FAULTY_DELAY,   /* is only late */
	IO_FAULTY_ERROR,   /* fails with error; a read leaves garbage in memory, a write writes
			      nothing */
	IO_FAULTY_SHORT,   /* transfers only length bytes */
	IO_FAULTY_CORRUPT, /* transfers everything, but damages byte number length: in memory
			      for a read, on disk for a write */
};

#define IO_FAULTY_READS 1u
#define IO_FAULTY_WRITES 2u

/* What goes wrong.  One plan serves all engines that are opened with it; a test may change it while
 * they look. */
struct io_faulty_plan {
	_Atomic unsigned operations; /* IO_FAULTY_READS, IO_FAULTY_WRITES, or'ed */
	_Atomic unsigned kind;	     /* enum io_faulty_kind */
	_Atomic unsigned nth;	     /* which of these requests, from 1 on; 0: none */
	_Atomic bool always;	     /* and all after it */
	_Atomic unsigned most;	     /* but no more than this; 0: without limit */
	_Atomic int fd;		     /* only in this file; 0: in all */
	_Atomic int error;	     /* IO_FAULTY_ERROR: an errno value, positive */
	_Atomic size_t length;	     /* IO_FAULTY_SHORT, IO_FAULTY_CORRUPT: in bytes */
	_Atomic uint64_t delay_ns;   /* of the requests that go wrong, in every kind */
	_Atomic unsigned seen;	     /* such requests so far */
	_Atomic unsigned hits;	     /* of these, how many went wrong */
};

/* If not NULL, io_open wraps the faulty engine around the one that it opens.  Only tests set it,
 * before they open. */
extern struct io_faulty_plan *io_faulty_plan_current;

/* Wraps the faulty engine around *io, an engine for depth requests.  0 or -ENOMEM. */
int io_faulty_wrap(struct io **io, unsigned depth, struct io_faulty_plan *plan);

#endif
