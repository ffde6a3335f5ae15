/* SPDX-License-Identifier: MIT */
/* trace.c - a recording of what the pager sees: see trace.h */
#include "observe/trace.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/meta.h"
#include "base/page.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include <string.h>

#define TRACE_MODE 0600
/* After this long without a reader, nobody wants the recording. */
#define FORSAKEN_NS UINT64_C(2000000000)
/* A handler that goes to rest writes its buffer out if it has not done so for this long. */
#define REST_NS 100000000

static _Atomic uint64_t lost;
static char trace_path[4096]; /* set before the pager arms */

void trace_to(const char *path)
{
	text_copy(trace_path, sizeof(trace_path), path);
}

/* Replaces "%p" in the path by the PID. */
static void expand(char *to, size_t size)
{
	char *place = strstr(trace_path, "%p");

	if (place)
		*place = '\0';
	if (place)
		error_format(to, size, "%s%d%s", trace_path, sys_getpid(), place + 2);
	else
		error_format(to, size, "%s", trace_path);
}

static void fill_header(struct trace_header *header, uint64_t budget, unsigned handlers)
{
	*header = (struct trace_header){
		.magic = TRACE_MAGIC,
		.page_size = (uint32_t)page_size(),
		.event_size = sizeof(struct trace_event),
		.budget = budget,
		.started = sys_now(),
		.pid = (uint32_t)sys_getpid(),
		.handlers = handlers,
	};
	process_name_self(header->comm);
}

int trace_open(uint64_t budget, unsigned handlers)
{
	struct trace_header header;
	char path[sizeof(trace_path) + 16];
	int fd;

	if (!trace_path[0])
		return -1;
	expand(path, sizeof(path));
	trace_path[0] = '\0';
	fd = fd_raise(sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOCTTY,
			       TRACE_MODE));
	if (fd < 0) {
		if (fd != -EEXIST)
			error_report(EVENT_TRACE, "cannot record in %s: %s", path, error_name(fd));
		return -1;
	}
	fill_header(&header, budget, handlers);
	sys_write(fd, &header, sizeof(header));
	return fd;
}

int trace_begin(int pipe, uint64_t budget, unsigned handlers, uint64_t found)
{
	struct {
		struct trace_header header;
		struct trace_event event;
	} first = { .event = { .page = GAUGE_FOUND, .mask = found, .kind = TRACE_GAUGE } };
	long written;

	fill_header(&first.header, budget, handlers);
	first.event.time = first.header.started;
	written = sys_write(pipe, &first, sizeof(first));
	return written < 0 ? (int)written : 0;
}

struct trace *trace_new(int fd, unsigned handler, unsigned most)
{
	struct trace *trace = fd < 0 ? NULL : meta_map(sizeof(*trace));

	if (trace) {
		trace->fd = fd;
		trace->handler = handler;
		trace->most = most;
	}
	return trace;
}

/* Has nobody read the pipe for too long? */
static bool is_forsaken(struct trace *trace, uint64_t now)
{
	if (!trace->lost_since)
		trace->lost_since = now;
	return now - trace->lost_since > FORSAKEN_NS;
}

static void write_out(struct trace *trace, uint64_t now)
{
	size_t size = trace->count * sizeof(trace->event[0]);
	int fd = trace->fd;
	long written = size && fd >= 0 ? sys_write(fd, trace->event, size) : (long)size;

	if (written == (long)size) {
		trace->lost_since = 0;
	} else if (written == -EAGAIN && !is_forsaken(trace, now)) {
		atomic_fetch_add(&lost, trace->count);
	} else {
		trace->fd = -1; /* a partial write would shift everything that follows */
	}
	trace->count = 0;
	trace->written = now;
}

void trace_free(struct trace *trace, bool discard)
{
	if (trace && !discard)
		write_out(trace, 0);
	meta_unmap(trace, sizeof(*trace));
}

uint64_t trace_lost(void)
{
	return lost;
}

void trace_append(struct trace *trace, enum trace_kind kind, uint64_t page, uint64_t mask)
{
	uint64_t now = sys_now();

	trace->event[trace->count++] =
		(struct trace_event){ now, page, mask, kind, trace->handler };
	if (trace->count == trace->most)
		write_out(trace, now);
}

void trace_rest(struct trace *trace, bool flush)
{
	uint64_t now = sys_now();

	if (trace->count && (flush || now - trace->written > REST_NS))
		write_out(trace, now);
}
