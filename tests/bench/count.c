/* SPDX-License-Identifier: MIT */
/* count.c - see count.h */
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "count.h"

#define TRACEFS "/sys/kernel/tracing/events/"
#define THREADS_MAX 256

struct event {
	const char *name;	/* in the JSON */
	const char *tracepoint; /* or NULL: a counter of the kernel's own */
	uint64_t config;
	bool opened;
	uint64_t count;
};

static struct event events[] = {
	{ .name = "syscalls", .tracepoint = "raw_syscalls/sys_enter" },
	{ .name = "switches", .config = PERF_COUNT_SW_CONTEXT_SWITCHES },
	{ .name = "page_faults", .config = PERF_COUNT_SW_PAGE_FAULTS },
	{ .name = "flushes", .tracepoint = "tlb/tlb_flush" },
	{ .name = "frames", .tracepoint = "kmem/mm_page_alloc" },
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

static int fds[EVENTS][THREADS_MAX];
static unsigned threads;
static bool wanted;

void count_want(bool w)
{
	wanted = w;
}

/* false: there is no such tracepoint, or we may not see it. */
static bool find_tracepoint(struct event *event)
{
	char path[128];
	FILE *file;
	bool found;

	snprintf(path, sizeof(path), TRACEFS "%s/id", event->tracepoint);
	file = fopen(path, "r");
	if (!file)
		return false;
	found = fscanf(file, "%lu", &event->config) == 1;
	fclose(file);
	return found;
}

static int open_event(const struct event *event, int tid)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = event->tracepoint ? PERF_TYPE_TRACEPOINT : PERF_TYPE_SOFTWARE,
		.config = event->config,
		.inherit = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static unsigned find_threads(int tids[THREADS_MAX])
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned n = 0;

	if (!dir)
		bench_fail_errno("/proc/self/task");
	while ((entry = readdir(dir)) && n < THREADS_MAX)
		if (atoi(entry->d_name))
			tids[n++] = atoi(entry->d_name);
	closedir(dir);
	return n;
}

void count_begin(void)
{
	int tids[THREADS_MAX];

	if (!wanted)
		return;
	threads = find_threads(tids);
	for (unsigned e = 0; e < EVENTS; e++) {
		events[e].opened = !events[e].tracepoint || find_tracepoint(&events[e]);
		for (unsigned t = 0; t < threads && events[e].opened; t++) {
			fds[e][t] = open_event(&events[e], tids[t]);
			/* A thread that has ended meanwhile does nothing. */
			if (fds[e][t] < 0 && errno != ESRCH)
				events[e].opened = false;
		}
	}
}

void count_end(void)
{
	for (unsigned e = 0; e < EVENTS; e++)
		for (unsigned t = 0; t < threads && events[e].opened; t++) {
			uint64_t count = 0;

			if (fds[e][t] < 0)
				continue;
			if (read(fds[e][t], &count, sizeof(count)) == sizeof(count))
				events[e].count += count;
			close(fds[e][t]);
		}
}

void report_counts(void)
{
	const char *separator = "";

	if (!wanted)
		return;
	printf(", \"counts\": {");
	for (unsigned e = 0; e < EVENTS; e++)
		if (events[e].opened) {
			printf("%s\"%s\": %lu", separator, events[e].name, events[e].count);
			separator = ", ";
		}
	printf("}");
}
