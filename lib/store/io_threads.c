/* SPDX-License-Identifier: MIT */
/* io_threads.c - the I/O engine on a few threads: see io.h
 *
 * For where io_uring is refused (containers, kernel.io_uring_disabled).  Each engine has its own
 * threads, which take requests from one list and put them on another when they are done:
 *
 *	submit ──▶ waiting ──▶ worker: preadv, pwritev ──▶ completed ──▶ wait
 *	              │                                        │
 *	           tickets (futex)                         event_fd
 *
 * No wake-up is lost.  A worker reads tickets under the lock that guards waiting, and each new
 * request changes tickets.  event_fd is written whenever completed was empty, and it is read before
 * completed is.
 *
 * Locking: (I) engine->lock, a leaf.
 */
#include "base/guard.h"
#include "store/io.h"
#include "base/fd.h"
#include "base/lock.h"
#include "base/meta.h"
#include "base/thread.h"
#include <limits.h>
#include <sys/eventfd.h>

/* Enough to keep a disk busy with readahead and a write next to a fault; each handler has this
 * many. */
#define WORKERS 4

/* Shares the last rank with meta.h: nothing is taken under either, so neither is taken under the
 * other. */
#define LOCK_IO LOCK_META

/* First in, first out. */
struct fifo {
	struct io_request *first, *last;
};

struct engine {
	struct io io;
	struct lock lock;
	struct fifo waiting;	  /* (I) */
	struct fifo completed;	  /* (I) */
	unsigned sleepers;	  /* (I) workers that are waiting for a request */
	bool stopping;		  /* (I) */
	_Atomic uint32_t tickets; /* advanced with each request, under (I) */
	int event_fd;
	int ear_fd[IO_EARS];
	unsigned ignored; /* a bit for each watch that is currently not polled */
	struct thread thread[WORKERS];
	unsigned threads; /* how many were started */
};

static struct engine *engine_of(struct io *io)
{
	return (struct engine *)io;
}

static void fifo_push(struct fifo *fifo, struct io_request *request)
{
	request->next = NULL;
	if (fifo->first)
		fifo->last->next = request;
	else
		fifo->first = request;
	fifo->last = request;
}

static struct io_request *fifo_pop(struct fifo *fifo)
{
	struct io_request *request = fifo->first;

	if (request)
		fifo->first = request->next;
	return request;
}

/* -- workers ------------------------------------------------------------------- */

/* The caller holds the lock, and holds it again afterwards.  Sleeps without it, unless a request or
 * the end has come. */
static void worker_sleep(struct engine *engine)
{
	uint32_t ticket = engine->tickets;

	engine->sleepers++;
	lock_drop(&engine->lock, LOCK_IO);
	sys_futex_wait(&engine->tickets, ticket, NULL);
	thread_attend();
	lock_take(&engine->lock, LOCK_IO);
	engine->sleepers--;
}

/* The next request, or NULL when the worker should end. */
static struct io_request *worker_next(struct engine *engine)
{
	struct io_request *request;

	lock_take(&engine->lock, LOCK_IO);
	while (!(request = fifo_pop(&engine->waiting)) && !engine->stopping)
		worker_sleep(engine);
	lock_drop(&engine->lock, LOCK_IO);
	return request;
}

static void transfer(struct io_request *request)
{
	long bytes;

	request->result = 0;
	do {
		if (request->allocate)
			bytes = sys_fallocate(request->fd, 0, request->offset, request->allocate);
		else if (request->write)
			bytes = sys_pwritev(request->fd, request->iov, request->iov_count,
					    request->offset);
		else
			bytes = sys_preadv(request->fd, request->iov, request->iov_count,
					   request->offset);
	} while (io_goes_on(request, bytes));
}

static void worker_complete(struct engine *engine, struct io_request *request)
{
	static const uint64_t one = 1;
	bool first;

	lock_take(&engine->lock, LOCK_IO);
	first = !engine->completed.first;
	fifo_push(&engine->completed, request);
	lock_drop(&engine->lock, LOCK_IO);
	if (first)
		sys_write(engine->event_fd, &one, sizeof(one));
}

static void worker_main(void *arg)
{
	struct engine *engine = arg;
	struct io_request *request;

	while ((request = worker_next(engine))) {
		transfer(request);
		worker_complete(engine, request);
		thread_attend();
	}
}

/* -- the handler's side ---------------------------------------------------------- */

static void engine_submit(struct io *io, struct io_request *request)
{
	struct engine *engine = engine_of(io);
	bool sleepers;

	lock_take(&engine->lock, LOCK_IO);
	fifo_push(&engine->waiting, request);
	engine->tickets++;
	sleepers = engine->sleepers > 0;
	lock_drop(&engine->lock, LOCK_IO);
	if (sleepers)
		sys_futex_wake(&engine->tickets, 1);
}

/* Calls done for what has completed.  Was there anything? */
static bool engine_collect(struct engine *engine)
{
	struct fifo completed;
	struct io_request *request;
	bool any;

	lock_take(&engine->lock, LOCK_IO);
	completed = engine->completed;
	engine->completed.first = NULL;
	lock_drop(&engine->lock, LOCK_IO);
	any = completed.first != NULL;
	while ((request = fifo_pop(&completed)))
		request->done(request, request->result);
	return any;
}

/* Waits for completions and ears; returns the watches.  poll reports a descriptor as long as
 * there is something to read, so no bit is set only once. */
static unsigned engine_poll(struct engine *engine, uint64_t timeout_ns)
{
	struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u),
		.tv_nsec = (long)(timeout_ns % 1000000000u),
	};
	struct pollfd fds[1 + IO_EARS] = { { .fd = engine->event_fd, .events = POLLIN } };
	unsigned ready = 0;
	uint64_t count;

	for (unsigned i = 0; i < IO_EARS; i++)
		fds[1 + i] = (struct pollfd){
			.fd = engine->ignored & (1u << i) ? -1 : engine->ear_fd[i],
			.events = POLLIN,
		};
	if (sys_poll(fds, 1 + IO_EARS, timeout_ns == UINT64_MAX ? NULL : &timeout) <= 0)
		return 0;
	if (fds[0].revents)
		sys_read(engine->event_fd, &count, sizeof(count));
	for (unsigned i = 0; i < IO_EARS; i++)
		if (fds[1 + i].revents)
			ready |= 1u << i;
	return ready;
}

static unsigned engine_wait(struct io *io, uint64_t timeout_ns)
{
	struct engine *engine = engine_of(io);
	uint64_t deadline = io_deadline(timeout_ns);
	unsigned ready;
	bool any;

	do {
		ready = engine_poll(engine, io_time_left(deadline));
		any = engine_collect(engine);
	} while (!ready && !any && io_time_left(deadline) > 0);
	return ready;
}

static void engine_listen(struct io *io, unsigned ear, bool on)
{
	struct engine *engine = engine_of(io);

	if (on)
		engine->ignored &= ~(1u << ear);
	else
		engine->ignored |= 1u << ear;
}

/* -- opening and closing --------------------------------------------------------- */

static void wake(void *arg)
{
	struct engine *engine = arg;

	engine->tickets++;
	sys_futex_wake(&engine->tickets, INT_MAX);
}

static long say_stop(struct pager *none, void *argument)
{
	struct engine *engine = *(struct engine **)argument;

	(void)none;
	lock_take(&engine->lock, LOCK_IO);
	engine->stopping = true;
	engine->tickets++;
	lock_drop(&engine->lock, LOCK_IO);
	return 0;
}

/* Called by the thread that closes the pager. */
static void engine_stop(struct engine *engine)
{
	guard_call(NULL, say_stop, &engine, sizeof(engine));
	sys_futex_wake(&engine->tickets, INT_MAX);
	for (unsigned i = 0; i < engine->threads; i++)
		thread_join(&engine->thread[i]);
}

static void engine_forget(struct engine *engine)
{
	for (unsigned i = 0; i < engine->threads; i++)
		thread_forget(&engine->thread[i]);
}

static void engine_close(struct io *io, bool in_child)
{
	struct engine *engine = engine_of(io);

	if (in_child)
		engine_forget(engine);
	else
		engine_stop(engine);
	fd_close(engine->event_fd);
	meta_unmap(engine, sizeof(*engine));
}

static int engine_start(struct engine *engine)
{
	int err = 0;

	while (engine->threads < WORKERS && !err) {
		err = thread_start(&engine->thread[engine->threads], "spill/io", worker_main, wake,
				   engine);
		engine->threads += !err;
	}
	/* Fewer workers will do. */
	return engine->threads > 0 ? 0 : err;
}

static int engine_open(struct io **ret_io, unsigned disable, unsigned depth,
		       const int ears[IO_EARS])
{
	struct engine *engine = meta_map(sizeof(*engine));
	int err;

	(void)disable, (void)depth; /* the lists have no end */
	if (!engine)
		return -ENOMEM;
	engine->io.ops = &io_threads_ops;
	for (unsigned i = 0; i < IO_EARS; i++)
		engine->ear_fd[i] = ears[i];
	engine->event_fd = fd_raise(sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	err = engine->event_fd < 0 ? engine->event_fd : engine_start(engine);
	if (err)
		engine_close(&engine->io, false);
	else
		*ret_io = &engine->io;
	return err;
}

static int engine_enable(struct io *io)
{
	(void)io; /* the threads have run since open */
	return 0;
}

const struct io_ops io_threads_ops = {
	.name = "threads",
	.open = engine_open,
	.enable = engine_enable,
	.submit = engine_submit,
	.wait = engine_wait,
	.listen = engine_listen,
	.close = engine_close,
};
