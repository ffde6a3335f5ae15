/* SPDX-License-Identifier: MIT */
/* io_uring.c - the I/O engine on an io_uring: see io.h
 *
 * The ring belongs to the thread that enables it (SINGLE_ISSUER), and completes requests only when
 * that thread enters the kernel to wait (DEFER_TASKRUN).  So a handler is never interrupted, and
 * one system call submits, waits and collects.  The kernel sets a flag in the ring when it has
 * something to complete (TASKRUN_FLAG), so a look at a ring without news is no system call.
 *
 * Multishot requests poll the watched descriptors.  They stay armed: each event gives a completion,
 * and we submit nothing in between.  When one ends (an error, an overflow) it is queued again.
 *
 * The submission queue holds all requests, watches and the timer at once, so it is never full.  The
 * completion queue holds these and what the watches may add between two waits.  If it overflows all
 * the same, the kernel keeps the completions (IORING_FEAT_NODROP) and ends the multishot polls,
 * which we notice.
 *
 * liburing 2.3 allocates nothing for what is used here (only its probe functions call calloc).  On
 * x86-64 and aarch64 it makes its system calls itself and leaves errno alone.
 */
#include "store/io.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/meta.h"
#include "spill.h"
#include <liburing.h>

/* Completions of watches between two waits.  With DEFER_TASKRUN there is at most one for each
 * ear; without, one for each of the handler's system calls. */
#define WATCH_CQES 256

/* Multishot poll came with Linux 5.13, as did IORING_FEAT_RSRC_TAGS; timeouts without their own
 * request (EXT_ARG) came with 5.11. */
#define FEATURES_NEEDED (IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_RSRC_TAGS)

/* user_data of a watch is its number plus EAR_TAG; of a request, its address; NO_TAG if nobody
 * waits for the completion. */
#define NO_TAG 0u
#define TIMER_TAG 1u
#define EAR_TAG 2u

/* The ring's timer ends waits that may be at least this long. */
#define TIMER_MIN_NS 1000000

struct uring {
	struct io io;
	struct io_uring ring;
	int ear_fd[IO_EARS];
	unsigned wanted; /* a bit for each watch that should be polled */
	unsigned armed;	 /* a bit for each watch that is being polled */
	uint64_t timer;	 /* when the queued timer ends, or 0 */
	struct __kernel_timespec timer_end;
	unsigned ready; /* in the current wait: bits of ears, */
	bool news;	/* and whether there is anything to return for */
};

static struct uring *uring_of(struct io *io)
{
	return (struct uring *)io;
}

/* Opens a ring with the best flags that this kernel takes, except for what is disabled. */
static int ring_open(struct io_uring *ring, unsigned disable, unsigned depth,
		     struct io_uring_params *ret_params)
{
	static const unsigned flags[] = {
		/* Linux 6.1 */
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			IORING_SETUP_TASKRUN_FLAG,
		/* 6.0 */
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
			IORING_SETUP_TASKRUN_FLAG,
		/* 5.19 */
		IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		0,
	};
	unsigned entries = depth + IO_EARS + 1;
	int err = -EINVAL;

	for (unsigned i = disable & SPILL_FEATURE_TASKRUN ? 1 : 0;
	     err == -EINVAL && i < sizeof(flags) / sizeof(flags[0]); i++) {
		*ret_params = (struct io_uring_params){
			.flags = flags[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
			.cq_entries = 2 * entries + WATCH_CQES,
		};
		err = io_uring_queue_init_params(entries, ring, ret_params);
	}
	return err;
}

static int uring_open(struct io **ret_io, unsigned disable, unsigned depth, const int ears[IO_EARS])
{
	struct uring *uring = meta_map(sizeof(*uring));
	struct io_uring_params params;
	int err;

	if (!uring)
		return -ENOMEM;
	err = ring_open(&uring->ring, disable, depth, &params);
	if (err) {
		meta_unmap(uring, sizeof(*uring));
		return err;
	}
	uring->io.ops = &io_uring_ops;
	uring->ring.ring_fd = fd_raise(uring->ring.ring_fd);
	uring->ring.enter_ring_fd = uring->ring.ring_fd;
	for (unsigned i = 0; i < IO_EARS; i++)
		uring->ear_fd[i] = ears[i];
	uring->wanted = (1u << IO_EARS) - 1;
	if ((params.features & FEATURES_NEEDED) != FEATURES_NEEDED) {
		io_close(&uring->io, false);
		return -ENOSYS;
	}
	*ret_io = &uring->io;
	return 0;
}

/* Only errors that pass are expected.  Anything else means that somebody closed our descriptor, and
 * going on would mean waiting for ever. */
static void check_entered(int result)
{
	if (result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
	    result == -EBUSY)
		return;
	error_fatal("cannot enter the io_uring: %s", error_name(result));
}

static struct io_uring_sqe *take_sqe(struct uring *uring)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&uring->ring)))
		check_entered(io_uring_submit(&uring->ring));
	return sqe;
}

static void arm_watches(struct uring *uring)
{
	for (unsigned i = 0; i < IO_EARS; i++) {
		struct io_uring_sqe *sqe;

		if (uring->ear_fd[i] < 0 || !(uring->wanted & ~uring->armed & (1u << i)))
			continue;
		sqe = take_sqe(uring);
		io_uring_prep_poll_multishot(sqe, uring->ear_fd[i], POLLIN);
		io_uring_sqe_set_data64(sqe, i + EAR_TAG);
		uring->armed |= 1u << i;
	}
}

static int uring_enable(struct io *io)
{
	struct uring *uring = uring_of(io);
	/* io_uring_enable_rings by hand: liburing 2.3 does not export it. */
	int err = (int)sys_call4(SYS_io_uring_register, uring->ring.ring_fd,
				 IORING_REGISTER_ENABLE_RINGS, 0, 0);

	if (err)
		return err;
	/* If available (Linux 5.18), this saves looking up the descriptor at each wait, which in a
	 * process with threads counts references. */
	io_uring_register_ring_fd(&uring->ring);
	arm_watches(uring);
	return 0;
}

static void uring_listen(struct io *io, unsigned ear, bool on)
{
	struct uring *uring = uring_of(io);
	struct io_uring_sqe *sqe;

	if (on) {
		uring->wanted |= 1u << ear;
		return;
	}
	uring->wanted &= ~(1u << ear);
	if (uring->armed & (1u << ear)) {
		/* The poll ends as if it had failed, and is not armed again. */
		sqe = take_sqe(uring);
		io_uring_prep_poll_remove(sqe, ear + EAR_TAG);
		io_uring_sqe_set_data64(sqe, NO_TAG);
	}
}

static void start(struct uring *uring, struct io_request *request)
{
	struct io_uring_sqe *sqe = take_sqe(uring);
	const struct iovec *iov = request->iov;
	unsigned n = (unsigned)request->iov_count;

	if (request->allocate)
		io_uring_prep_fallocate(sqe, request->fd, 0, (off_t)request->offset,
					(off_t)request->allocate);
	else if (n == 1 && request->write)
		io_uring_prep_write(sqe, request->fd, iov->iov_base, (unsigned)iov->iov_len,
				    request->offset);
	else if (n == 1)
		io_uring_prep_read(sqe, request->fd, iov->iov_base, (unsigned)iov->iov_len,
				   request->offset);
	else if (request->write)
		io_uring_prep_writev(sqe, request->fd, iov, n, request->offset);
	else
		io_uring_prep_readv(sqe, request->fd, iov, n, request->offset);
	io_uring_sqe_set_data(sqe, request);
}

static void uring_submit(struct io *io, struct io_request *request)
{
	request->result = 0;
	start(uring_of(io), request);
}

static void complete_ear(struct uring *uring, unsigned ear, unsigned flags)
{
	/* Whatever the result is: the descriptor's owner will see. */
	uring->ready |= 1u << ear;
	uring->news = true;
	if (!(flags & IORING_CQE_F_MORE))
		uring->armed &= ~(1u << ear);
}

static void complete_request(struct uring *uring, struct io_request *request, int result)
{
	if (request->write)
		tsan_kernel_read_from(request->iov, result);
	else
		tsan_kernel_wrote_to(request->iov, result);
	if (io_goes_on(request, result)) {
		start(uring, request);
		return;
	}
	uring->news = true;
	request->done(request, request->result);
}

/* Takes what is in the completion queue now.  What done adds to it is left for the next time. */
static void collect(struct uring *uring)
{
	for (unsigned n = io_uring_cq_ready(&uring->ring); n > 0; n--) {
		struct io_uring_cqe *cqe;
		uint64_t data;
		unsigned flags;
		int result;

		if (io_uring_peek_cqe(&uring->ring, &cqe) < 0)
			return;
		data = io_uring_cqe_get_data64(cqe);
		flags = cqe->flags;
		result = cqe->res;
		io_uring_cqe_seen(&uring->ring, cqe);
		if (data == NO_TAG)
			continue;
		if (data == TIMER_TAG) {
			uring->timer = 0;
			continue;
		}
		if (data < EAR_TAG + IO_EARS)
			complete_ear(uring, (unsigned)data - EAR_TAG, flags);
		else
			complete_request(uring, (struct io_request *)(uintptr_t)data, result);
	}
}

static struct __kernel_timespec timespec_of(uint64_t ns)
{
	return (struct __kernel_timespec){ .tv_sec = (long long)(ns / 1000000000u),
					   .tv_nsec = (long long)(ns % 1000000000u) };
}

/* Makes the timer end by the deadline, at the latest.  A wait's own timeout is set and cancelled
 * each time, which on a virtual machine costs as much as a context switch (6 us).  A timer stays,
 * however many waits end before it does. */
static void set_timer(struct uring *uring, uint64_t deadline)
{
	struct io_uring_sqe *sqe;

	if (uring->timer && uring->timer <= deadline)
		return;
	sqe = take_sqe(uring);
	uring->timer_end = timespec_of(deadline);
	if (uring->timer) {
		/* If the timer ends at this very moment, its completion comes first. */
		io_uring_prep_timeout_update(sqe, &uring->timer_end, TIMER_TAG, IORING_TIMEOUT_ABS);
		io_uring_sqe_set_data64(sqe, NO_TAG);
	} else {
		io_uring_prep_timeout(sqe, &uring->timer_end, 0, IORING_TIMEOUT_ABS);
		io_uring_sqe_set_data64(sqe, TIMER_TAG);
	}
	uring->timer = deadline;
}

/* Is there nothing to submit, to complete or to collect?  Without TASKRUN_FLAG only entering the
 * kernel can tell. */
static bool is_quiet(const struct uring *uring)
{
	const unsigned news = IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW;

	return (uring->ring.flags & IORING_SETUP_TASKRUN_FLAG) &&
	       !(IO_URING_READ_ONCE(*uring->ring.sq.kflags) & news) &&
	       !io_uring_sq_ready(&uring->ring) && !io_uring_cq_ready(&uring->ring);
}

/* Submits, and waits for a completion, in one system call. */
static void enter(struct uring *uring, uint64_t deadline)
{
	uint64_t timeout_ns = io_time_left(deadline);
	struct __kernel_timespec timeout = timespec_of(timeout_ns);
	bool timer = timeout_ns >= TIMER_MIN_NS;
	struct io_uring_cqe *cqe;

	if (timer && timeout_ns != UINT64_MAX)
		set_timer(uring, deadline);
	if (timeout_ns == 0)
		/* Enters even with nothing to submit: completions are made there. */
		check_entered(io_uring_submit_and_get_events(&uring->ring));
	else
		check_entered(io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1,
							       timer ? NULL : &timeout, NULL));
}

static unsigned uring_wait(struct io *io, uint64_t timeout_ns)
{
	struct uring *uring = uring_of(io);
	uint64_t deadline = io_deadline(timeout_ns);

	uring->ready = 0;
	uring->news = false;
	do {
		arm_watches(uring);
		if (timeout_ns == 0 && is_quiet(uring))
			break;
		enter(uring, deadline);
		collect(uring);
	} while (!uring->news && io_time_left(deadline) > 0);
	return uring->ready;
}

static void uring_close(struct io *io, bool in_child)
{
	struct uring *uring = uring_of(io);

	/* In a child, too, this only unmaps and closes: the ring is a file that the parent also has
	 * open. */
	(void)in_child;
	fd_forget(uring->ring.ring_fd);
	io_uring_queue_exit(&uring->ring);
	meta_unmap(uring, sizeof(*uring));
}

const struct io_ops io_uring_ops = {
	.name = "io_uring",
	.open = uring_open,
	.enable = uring_enable,
	.submit = uring_submit,
	.wait = uring_wait,
	.listen = uring_listen,
	.close = uring_close,
};
