/* SPDX-License-Identifier: MIT */
/* recorder.c - spill trace PID: records a running process: see recorder.h */
#include "trace/recorder.h"
#include "base/process.h"
#include "base/sys.h"
#include "common/tool.h"
#include "observe/fd_search.h"
#include "processes/processes.h"
#include "processes/steer.h"
#include "processes/turn.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A handler that runs answers in much less. */
#define ANSWER_NS UINT64_C(2000000000)
/* Error numbers of the kernel are below this. */
#define ERROR_MAX 4096
/* Most reads of a buffer before checking whether it is enough. */
#define DRAIN_READS 64
/* How often to check whether the recording goes on. */
#define POLL_MS 500

struct recorder {
	const char *pid;
	struct steer steer;
	struct order *order; /* our order */
	int file, pipe;
	int process; /* a pidfd */
	int signals; /* a signalfd: the user has had enough */
	bool ended;  /* the process has ended */
};

static int fail(const char *pid, int err)
{
	if (err == -EBUSY)
		return tool_fail("process %s is already being recorded", pid);
	return processes_refuse(pid, err);
}

/* -- the order ----------------------------------------------------------------------------- */

/* Waits while the state is one or the other; returns the new state.  -ETIMEDOUT: it stays. */
static int wait_while(struct order *order, uint32_t one, uint32_t other)
{
	static const struct timespec some = { 0, 100000000 };
	uint64_t end = sys_now() + ANSWER_NS;

	for (;;) {
		uint32_t state = order->state;

		if (state != one && state != other)
			return (int)state;
		if (sys_now() > end)
			return -ETIMEDOUT;
		sys_futex_wait_shared(&order->state, state, &some);
	}
}

/* It is enough.  What is still recorded is in the pipe when this is done. */
static int end_order(const struct steer *steer, struct order *order)
{
	uint32_t running = ORDER_RUNNING;
	int err;

	if (!atomic_compare_exchange_strong(&order->state, &running, ORDER_ENOUGH) &&
	    running != ORDER_ENOUGH)
		return 0;
	err = steer_ring(steer);
	return err ? err : wait_while(order, ORDER_ENOUGH, ORDER_ENOUGH);
}

static void leave_order(struct order *order)
{
	atomic_store(&order->state, ORDER_NONE);
	turn_leave(&order->asker);
}

/* Finds the first pager of the process: its table and slot. */
static int find_pager(struct recorder *recorder, uint32_t *ret_place)
{
	const struct view *view = &recorder->steer.view;

	if (!view->paged)
		return -ENODATA;
	for (size_t t = 0; t < view->tables; t++)
		for (uint32_t i = 0; i < stats_table_taken(view->table[t]); i++) {
			if (atomic_load(&view->table[t]->slot[i].mark) != view->mark)
				continue;
			recorder->order = &view->table[t]->steering.order;
			*ret_place = i;
			return 0;
		}
	return -ENODATA;
}

/* The reason that was given for refusing. */
static int refusal(const struct order *order)
{
	int err = order->error;

	return err < 0 && err > -ERROR_MAX ? err : -EPROTO;
}

static int give_order(struct recorder *recorder, unsigned sample)
{
	struct order *order;
	uint32_t place;
	int err = find_pager(recorder, &place);

	if (err)
		return err;
	order = recorder->order;
	recorder->order = NULL;
	err = turn_take(&order->asker, 0);
	if (err)
		return err;
	recorder->order = order;
	end_order(&recorder->steer, order); /* left by somebody who was killed */
	order->sample = sample;
	order->mark = recorder->steer.view.mark;
	order->place = place;
	atomic_store(&order->state, ORDER_ASKED);
	err = steer_ring(&recorder->steer);
	if (!err)
		err = wait_while(order, ORDER_ASKED, ORDER_BEGINNING);
	return err == ORDER_REFUSED ? refusal(order) : err < 0 ? err : 0;
}

static int open_pipe(struct recorder *recorder)
{
	struct fd_search search;
	int err = fd_search_open(&search, recorder->steer.view.pid);

	if (err)
		return err;
	recorder->pipe = fd_search_find_pipe(&search, recorder->order->pipe)
				 ? fd_search_get(&search, O_RDONLY | O_NONBLOCK)
				 : -ENOENT;
	fd_search_close(&search);
	return recorder->pipe < 0 ? recorder->pipe : 0;
}

/* -- what comes ---------------------------------------------------------------------------- */

static int write_all(int file, const char *from, size_t size)
{
	while (size) {
		ssize_t n = write(file, from, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			from += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* Empties the pipe.  It holds no more than this, unless it is filled for ever. */
static int drain(const struct recorder *recorder)
{
	static char buffer[1 << 16];
	ssize_t n;
	int err = 0;

	for (unsigned i = 0; i < DRAIN_READS && !err; i++) {
		n = read(recorder->pipe, buffer, sizeof(buffer));
		if (n <= 0)
			break;
		err = write_all(recorder->file, buffer, (size_t)n);
	}
	return err;
}

/* We may not have run for long, and it may have ended by itself. */
static bool goes_on(const struct recorder *recorder)
{
	return recorder->order->state == ORDER_RUNNING;
}

/* Copies until it is enough, the process or the recording has ended, or the file cannot be
 * written. */
static int copy(struct recorder *recorder)
{
	struct pollfd fds[] = {
		{ .fd = recorder->pipe, .events = POLLIN },
		{ .fd = recorder->process, .events = POLLIN },
		{ .fd = recorder->signals, .events = POLLIN },
	};
	int err = 0;

	while (!err && !fds[1].revents && !fds[2].revents && goes_on(recorder)) {
		if (poll(fds, 3, POLL_MS) < 0 && errno != EINTR)
			return -errno;
		err = drain(recorder);
	}
	recorder->ended = fds[1].revents != 0;
	return err;
}

/* -- all of it ----------------------------------------------------------------------------- */

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int begin(struct recorder *recorder, unsigned sample)
{
	int err;

	recorder->signals = watch_signals();
	recorder->process = pidfd_open((pid_t)recorder->steer.view.pid, 0);
	if (recorder->signals < 0 || recorder->process < 0)
		return -errno;
	err = give_order(recorder, sample);
	return err ? err : open_pipe(recorder);
}

/* Returns the exit status. */
static int go_on(struct recorder *recorder, const char *path)
{
	int err = copy(recorder), ended = 0;

	if (!recorder->ended && !goes_on(recorder))
		tool_warn("the recording ended by itself: nobody read it for some seconds");
	else if (!recorder->ended)
		ended = end_order(&recorder->steer, recorder->order);
	if (!err)
		err = drain(recorder);
	if (err)
		return tool_fail("%s: %s", path, strerror(-err));
	return ended < 0 ? fail(recorder->pid, ended) : 0;
}

static int record_into(struct recorder *recorder, const char *path, unsigned sample, bool quiet)
{
	int status = begin(recorder, sample);

	if (status) {
		status = fail(recorder->pid, status);
		unlink(path);
	} else {
		if (!quiet && isatty(STDERR_FILENO))
			fprintf(stderr, "spill: recording process %s; ^C ends it\n", recorder->pid);
		status = go_on(recorder, path);
	}
	if (recorder->order)
		leave_order(recorder->order);
	return status;
}

int record_process(const char *pid, const char *path, unsigned sample, bool quiet)
{
	struct recorder recorder = { .pid = pid, .pipe = -1 };
	uint32_t number;
	int status;

	if (tool_parse_pid(pid, &number))
		return tool_fail("%s is not a process number", pid);
	status = steer_open(&recorder.steer, number);
	if (status)
		return processes_refuse(pid, status);
	recorder.file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	status = recorder.file < 0 ? tool_fail("%s: %s", path, strerror(errno))
				   : record_into(&recorder, path, sample, quiet);
	steer_close(&recorder.steer);
	return status;
}
