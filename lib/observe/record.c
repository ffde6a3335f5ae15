/* SPDX-License-Identifier: MIT */
/* record.c - a recording that begins and ends while the program runs: see record.h */
#include "observe/record.h"
#include "base/fd.h"
#include "pager/pager.h"
#include "base/process.h"
#include "paging/watch.h"

/* Holds a second of what two handlers can record, if the user may have pipes this large. */
#define PIPE_SIZE (1 << 20)

static struct record *record_of(struct pager *pager)
{
	struct steering *steering = stats_steering(&pager->seat);

	return steering ? &steering->record : NULL;
}

static bool is_meant(const struct record *record, const struct pager *pager)
{
	return record->mark == process_mark_self() && record->place == pager->seat.place;
}

/* Changes the state and wakes everybody who waits for it. */
static bool move_on(struct record *record, uint32_t from, uint32_t to)
{
	if (!atomic_compare_exchange_strong(&record->state, &from, to))
		return false;
	sys_futex_wake_shared(&record->state, INT32_MAX);
	return true;
}

/* -- beginning ----------------------------------------------------------------------------- */

/* The new pipe takes the number of an earlier recording's pipe: a thread that checked just before
 * that recording ended may still write to it. */
static int place_pipe(struct pager *pager)
{
	int pipe = fd_pipe();

	if (pipe < 0)
		return pipe;
	sys_call3(SYS_fcntl, pipe, F_SETPIPE_SZ, PIPE_SIZE);
	if (pager->trace_fd < 0) {
		pager->trace_fd = pipe;
		return 0;
	}
	sys_call3(SYS_dup3, pipe, pager->trace_fd, O_CLOEXEC);
	fd_close(pipe);
	return 0;
}

static int make_buffers(struct pager *pager)
{
	if (!pager->watch)
		pager->watch = watch_new(WATCH_MAX);
	if (!pager->discards)
		pager->discards = trace_new(pager->trace_fd, HANDLERS_MAX, 1);
	if (!pager->watch || !pager->discards)
		return -ENOMEM;
	pager->discards->fd = pager->trace_fd;
	return 0;
}

/* Whoever can write the order may have written any number. */
static unsigned sample_of(const struct record *record)
{
	uint32_t sample = record->sample;

	return sample < WATCH_MIN ? WATCH_MIN : sample < WATCH_MAX ? sample : WATCH_MAX;
}

static int begin(struct record *record, struct pager *pager)
{
	unsigned sample = sample_of(record);
	int err;

	/* After a write to its file has failed, no handler records any more, but application
	 * threads still record for that file. */
	if (pager->recording || pager->recorders || pager->trace_events == TRACE_EVENTS)
		return -EBUSY;
	err = place_pipe(pager);
	if (!err)
		err = make_buffers(pager);
	if (!err)
		err = trace_begin(pager->trace_fd, pager_command_budget(pager),
				  pager->handler_count, pager->kept);
	if (err)
		return err;
	record->pipe = fd_inode(pager->trace_fd);
	watch_begin(pager->watch, &pager->table, sample);
	pager->trace_events = TRACE_EVENTS_PIPE;
	pager->recording = true;
	pager_wake(pager);
	return 0;
}

/* -- ending -------------------------------------------------------------------------------- */

/* Called when no handler has a buffer any more. */
static void finish(struct record *record, struct pager *pager)
{
	if (pager->watch)
		watch_end(pager->watch);
	if (record && is_meant(record, pager) && !move_on(record, RECORD_ENOUGH, RECORD_DONE))
		move_on(record, RECORD_RUNNING, RECORD_DONE);
}

static void end(struct record *record, struct pager *pager)
{
	pager->recording = false;
	pager_wake(pager);
	if (!pager->recorders)
		finish(record, pager);
}

void record_obey(struct record *record, struct pager *pager)
{
	if (!is_meant(record, pager))
		return;
	if (record->state == RECORD_ENOUGH)
		end(record, pager);
	if (!move_on(record, RECORD_ASKED, RECORD_BEGINNING))
		return;
	record->error = begin(record, pager);
	move_on(record, RECORD_BEGINNING, record->error ? RECORD_REFUSED : RECORD_RUNNING);
}

/* -- each handler -------------------------------------------------------------------------- */

static void take_buffer(struct handler *handler)
{
	struct pager *pager = handler->pager;

	handler->trace = trace_new(pager->trace_fd, handler->number, pager->trace_events);
	if (handler->trace)
		atomic_fetch_add(&pager->recorders, 1);
}

static void give_buffer(struct handler *handler)
{
	struct pager *pager = handler->pager;

	pager_note_gauges(pager, handler->trace, true);
	trace_free(handler->trace, false);
	handler->trace = NULL;
	if (atomic_fetch_sub(&pager->recorders, 1) == 1)
		finish(record_of(pager), pager);
}

void record_follow(struct handler *handler)
{
	struct pager *pager = handler->pager;

	if (handler->trace && pager->recording)
		end(record_of(pager), pager);
	if (handler->trace)
		give_buffer(handler);
	else
		take_buffer(handler);
}
