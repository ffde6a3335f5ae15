/* SPDX-License-Identifier: MIT */
/* recorder.c - spill trace PID: records a running process: see recorder.h */
#include "trace/recorder.h"
#include "base/process.h"
#include "base/sys.h"
#include "common/tool.h"
#include "observe/attach.h"
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

struct recording {
	const char *pid;
	struct steer steer;
	struct record *record; /* our order */
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
static int wait_while(struct record *record, uint32_t one, uint32_t other)
{
	static const struct timespec some = { 0, 100000000 };
	uint64_t end = sys_now() + ANSWER_NS;

	for (;;) {
		uint32_t state = record->state;

		if (state != one && state != other)
			return (int)state;
		if (sys_now() > end)
			return -ETIMEDOUT;
		sys_futex_wait_shared(&record->state, state, &some);
	}
}

/* It is enough.  What is still recorded is in the pipe when this is done. */
static int end_order(const struct steer *steer, struct record *record)
{
	uint32_t running = RECORD_RUNNING;
	int err;

	if (!atomic_compare_exchange_strong(&record->state, &running, RECORD_ENOUGH) &&
	    running != RECORD_ENOUGH)
		return 0;
	err = steer_ring(steer);
	return err ? err : wait_while(record, RECORD_ENOUGH, RECORD_ENOUGH);
}

static void leave_order(struct record *record)
{
	atomic_store(&record->state, RECORD_NONE);
	turn_leave(&record->asker);
}

/* Finds the first pager of the process: its table and slot. */
static int find_pager(struct recording *recording, uint32_t *ret_place)
{
	const struct view *view = &recording->steer.view;

	if (!view->paged)
		return -ENODATA;
	for (size_t t = 0; t < view->tables; t++)
		for (uint32_t i = 0; i < stats_table_taken(view->table[t]); i++) {
			if (atomic_load(&view->table[t]->slot[i].mark) != view->mark)
				continue;
			recording->record = &view->table[t]->steering.record;
			*ret_place = i;
			return 0;
		}
	return -ENODATA;
}

/* The reason that was given for refusing. */
static int refusal(const struct record *record)
{
	int err = record->error;

	return err < 0 && err > -ERROR_MAX ? err : -EPROTO;
}

static int give_order(struct recording *recording, unsigned sample)
{
	struct record *record;
	uint32_t place;
	int err = find_pager(recording, &place);

	if (err)
		return err;
	record = recording->record;
	recording->record = NULL;
	err = turn_take(&record->asker, 0);
	if (err)
		return err;
	recording->record = record;
	end_order(&recording->steer, record); /* left by somebody who was killed */
	record->sample = sample;
	record->mark = recording->steer.view.mark;
	record->place = place;
	atomic_store(&record->state, RECORD_ASKED);
	err = steer_ring(&recording->steer);
	if (!err)
		err = wait_while(record, RECORD_ASKED, RECORD_BEGINNING);
	return err == RECORD_REFUSED ? refusal(record) : err < 0 ? err : 0;
}

static int open_pipe(struct recording *recording)
{
	struct attach attach;
	int err = attach_open(&attach, recording->steer.view.pid);

	if (err)
		return err;
	recording->pipe = attach_find_pipe(&attach, recording->record->pipe)
				  ? attach_get(&attach, O_RDONLY | O_NONBLOCK)
				  : -ENOENT;
	attach_close(&attach);
	return recording->pipe < 0 ? recording->pipe : 0;
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
static int drain(const struct recording *recording)
{
	static char buffer[1 << 16];
	ssize_t n;
	int err = 0;

	for (unsigned i = 0; i < DRAIN_READS && !err; i++) {
		n = read(recording->pipe, buffer, sizeof(buffer));
		if (n <= 0)
			break;
		err = write_all(recording->file, buffer, (size_t)n);
	}
	return err;
}

/* We may not have run for long, and it may have ended by itself. */
static bool goes_on(const struct recording *recording)
{
	return recording->record->state == RECORD_RUNNING;
}

/* Copies until it is enough, the process or the recording has ended, or the file cannot be
 * written. */
static int copy(struct recording *recording)
{
	struct pollfd fds[] = {
		{ .fd = recording->pipe, .events = POLLIN },
		{ .fd = recording->process, .events = POLLIN },
		{ .fd = recording->signals, .events = POLLIN },
	};
	int err = 0;

	while (!err && !fds[1].revents && !fds[2].revents && goes_on(recording)) {
		if (poll(fds, 3, POLL_MS) < 0 && errno != EINTR)
			return -errno;
		err = drain(recording);
	}
	recording->ended = fds[1].revents != 0;
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

static int begin(struct recording *recording, unsigned sample)
{
	int err;

	recording->signals = watch_signals();
	recording->process = pidfd_open((pid_t)recording->steer.view.pid, 0);
	if (recording->signals < 0 || recording->process < 0)
		return -errno;
	err = give_order(recording, sample);
	return err ? err : open_pipe(recording);
}

/* Returns the exit status. */
static int go_on(struct recording *recording, const char *path)
{
	int err = copy(recording), ended = 0;

	if (!recording->ended && !goes_on(recording))
		tool_warn("the recording ended by itself: nobody read it for some seconds");
	else if (!recording->ended)
		ended = end_order(&recording->steer, recording->record);
	if (!err)
		err = drain(recording);
	if (err)
		return tool_fail("%s: %s", path, strerror(-err));
	return ended < 0 ? fail(recording->pid, ended) : 0;
}

static int record_into(struct recording *recording, const char *path, unsigned sample, bool quiet)
{
	int status = begin(recording, sample);

	if (status) {
		status = fail(recording->pid, status);
		unlink(path);
	} else {
		if (!quiet && isatty(STDERR_FILENO))
			fprintf(stderr, "spill: recording process %s; ^C ends it\n",
				recording->pid);
		status = go_on(recording, path);
	}
	if (recording->record)
		leave_order(recording->record);
	return status;
}

int record_process(const char *pid, const char *path, unsigned sample, bool quiet)
{
	struct recording recording = { .pid = pid, .pipe = -1 };
	uint32_t number;
	int status;

	if (tool_parse_pid(pid, &number))
		return tool_fail("%s is not a process number", pid);
	status = steer_open(&recording.steer, number);
	if (status)
		return processes_refuse(pid, status);
	recording.file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	status = recording.file < 0 ? tool_fail("%s: %s", path, strerror(errno))
				    : record_into(&recording, path, sample, quiet);
	steer_close(&recording.steer);
	return status;
}
