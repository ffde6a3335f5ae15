/* SPDX-License-Identifier: MIT */
/* recording.c - what handlers record, from an order to its end: see recording.h */
#include "paging/recording.h"
#include "base/fd.h"
#include "base/process.h"
#include "paging/gauges.h"
#include "paging/watch.h"

/* Holds what two handlers can record in a second, if the user may have pipes this large. */
#define PIPE_SIZE (1 << 20)

static struct order *order_of(struct paging *paging)
{
	struct steering *steering = stats_steering(&paging->seat);

	return steering ? &steering->order : NULL;
}

static bool is_meant(const struct order *order, const struct paging *paging)
{
	return order->mark == process_mark_self() && order->place == paging->seat.place;
}

/* Changes the state and wakes everybody who waits for it. */
static bool move_on(struct order *order, uint32_t from, uint32_t to)
{
	if (!atomic_compare_exchange_strong(&order->state, &from, to))
		return false;
	sys_futex_wake_shared(&order->state, INT32_MAX);
	return true;
}

/* -- beginning ----------------------------------------------------------------------------- */

/* The new pipe takes the number of an earlier recording's pipe: a thread that checked just before
 * that recording ended may still write to it. */
static int place_pipe(struct paging *paging)
{
	int pipe = fd_pipe();

	if (pipe < 0)
		return pipe;
	sys_call3(SYS_fcntl, pipe, F_SETPIPE_SZ, PIPE_SIZE);
	if (paging->trace_fd < 0) {
		paging->trace_fd = pipe;
		return 0;
	}
	sys_call3(SYS_dup3, pipe, paging->trace_fd, O_CLOEXEC);
	fd_close(pipe);
	return 0;
}

static int make_buffers(struct paging *paging)
{
	if (!paging->watch)
		paging->watch = watch_new(WATCH_MAX);
	if (!paging->discards)
		paging->discards = trace_new(paging->trace_fd, HANDLERS_MAX, 1);
	if (!paging->watch || !paging->discards)
		return -ENOMEM;
	paging->discards->fd = paging->trace_fd;
	return 0;
}

/* Whoever can write the order may have written any number. */
static unsigned sample_of(const struct order *order)
{
	uint32_t sample = order->sample;

	return sample < WATCH_MIN ? WATCH_MIN : sample < WATCH_MAX ? sample : WATCH_MAX;
}

static int begin(struct order *order, struct paging *paging)
{
	unsigned sample = sample_of(order);
	int err;

	/* After a write to its file has failed, no handler records any more, but application
	 * threads still record for that file. */
	if (paging->recording || paging->recorders || paging->trace_events == TRACE_EVENTS)
		return -EBUSY;
	err = place_pipe(paging);
	if (!err)
		err = make_buffers(paging);
	if (!err)
		err = trace_begin(paging->trace_fd, paging_command_budget(paging),
				  paging->handler_count, paging->pages.kept);
	if (err)
		return err;
	order->pipe = fd_inode(paging->trace_fd);
	watch_begin(paging->watch, &paging->pages.table, sample);
	paging->trace_events = TRACE_EVENTS_PIPE;
	paging->recording = true;
	handler_wake_all(paging);
	return 0;
}

/* -- ending -------------------------------------------------------------------------------- */

/* Called when no handler has a buffer any more. */
static void finish(struct order *order, struct paging *paging)
{
	if (paging->watch)
		watch_end(paging->watch);
	if (order && is_meant(order, paging) && !move_on(order, ORDER_ENOUGH, ORDER_DONE))
		move_on(order, ORDER_RUNNING, ORDER_DONE);
}

static void end(struct order *order, struct paging *paging)
{
	paging->recording = false;
	handler_wake_all(paging);
	if (!paging->recorders)
		finish(order, paging);
}

void recording_obey(struct order *order, struct paging *paging)
{
	if (!is_meant(order, paging))
		return;
	if (order->state == ORDER_ENOUGH)
		end(order, paging);
	if (!move_on(order, ORDER_ASKED, ORDER_BEGINNING))
		return;
	order->error = begin(order, paging);
	move_on(order, ORDER_BEGINNING, order->error ? ORDER_REFUSED : ORDER_RUNNING);
}

/* -- each handler -------------------------------------------------------------------------- */

static void take_buffer(struct handler *handler)
{
	struct paging *paging = handler->paging;

	handler->trace = trace_new(paging->trace_fd, handler->number, paging->trace_events);
	if (handler->trace)
		atomic_fetch_add(&paging->recorders, 1);
}

static void give_buffer(struct handler *handler)
{
	struct paging *paging = handler->paging;

	gauges_record(paging, handler->trace, true);
	trace_free(handler->trace, false);
	handler->trace = NULL;
	if (atomic_fetch_sub(&paging->recorders, 1) == 1)
		finish(order_of(paging), paging);
}

void recording_follow(struct handler *handler)
{
	struct paging *paging = handler->paging;

	if (handler->trace && paging->recording)
		end(order_of(paging), paging);
	if (handler->trace)
		give_buffer(handler);
	else
		take_buffer(handler);
}
