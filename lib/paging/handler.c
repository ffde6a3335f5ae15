/* SPDX-License-Identifier: MIT */
/* handler.c - a thread that serves page faults: see handler.h */
#include "paging/handler.h"
#include "base/error.h"
#include "base/fd.h"
#include <sys/eventfd.h>

/* One bounce page for each this many frames of the budget. */
#define BOUNCE_DIVISOR 128

static unsigned bounce_pages(const struct paging *paging)
{
	uint64_t n = (paging->budget.bytes >> page_shift()) / BOUNCE_DIVISOR;

	return n > BOUNCE_MAX ? BOUNCE_MAX : (unsigned)n;
}

unsigned handler_charge(const struct paging *paging)
{
	unsigned n = bounce_pages(paging);

	return n + FILL_GAP_MAX + CHUNK_PAGES + lane_frames(&paging->store, n) +
	       (paging->compresses ? packer_frames() : 0);
}

int handler_ear(const struct paging *paging)
{
	return paging->share ? paging->share->ear : paging->ear;
}

/* -- starting and stopping ----------------------------------------------------------- */

/* Deals out the CPUs of the process: handler n of N gets every N-th, from its n-th on. */
static void deal_cpus(struct handler *handler)
{
	unsigned handlers = handler->paging->handler_count;
	unsigned seen = 0;
	cpu_set_t all;

	CPU_ZERO(&handler->cpus);
	CPU_ZERO(&all);
	if (sys_call3(SYS_sched_getaffinity, 0, sizeof(all), &all) <= 0)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && seen++ % handlers == handler->number % handlers)
			CPU_SET(cpu, &handler->cpus);
}

static int open_lane(struct handler *handler)
{
	struct paging *paging = handler->paging;
	struct lane_setup setup = {
		.number = handler->number,
		.disable = paging->disable,
		.gets = FILLS_MAX,
		.puts = WRITES_MAX,
		.piece_pages = bounce_pages(paging),
	};

	handler->wake_fd = fd_raise(sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (handler->wake_fd < 0)
		return handler->wake_fd;
	setup.ears[EAR_UFFD] = paging->uffd.fd;
	setup.ears[EAR_WAKE] = handler->wake_fd;
	setup.ears[EAR_BELL] = handler_ear(paging);
	return lane_open(&handler->lane, &paging->store, &setup);
}

static void wake(void *arg)
{
	handler_wake(arg);
}

static size_t bounce_size(unsigned pages)
{
	return (size_t)(pages + FILL_GAP_MAX) << page_shift();
}

int handler_init(struct paging *paging, struct handler *handler, unsigned number)
{
	char *bounce;
	int err;

	handler->paging = paging;
	handler->number = number;
	deal_cpus(handler);
	bounce = meta_map(bounce_size(bounce_pages(paging)));
	if (!bounce)
		return -ENOMEM;
	fill_init(&handler->fills, paging, &handler->lane, bounce, bounce_pages(paging));
	err = writeback_init(&handler->writes, paging, &handler->lane);
	if (!err && paging->compresses)
		err = packer_open(&handler->packer);
	return err ? err : open_lane(handler);
}

int handler_start(struct handler *handler, void (*main)(void *))
{
	char name[16] = "spill/";
	int err;

	error_format(name, sizeof(name), "spill/%u", handler->number);
	lock_be_strict(true);
	err = thread_start(&handler->thread, name, main, wake, handler);
	handler->started = err == 0;
	return err;
}

void handler_stop(struct handler *handler, bool in_child)
{
	if (handler->started && in_child)
		thread_forget(&handler->thread);
	if (handler->started && !in_child) {
		handler_wake(handler);
		thread_join(&handler->thread);
	}
	handler->started = false;
	lane_close(&handler->lane, in_child);
	fd_close(handler->wake_fd);
	handler->wake_fd = -1;
	trace_free(handler->trace, in_child);
	handler->trace = NULL;
	writeback_free(&handler->writes);
	if (handler->packer.pages)
		packer_close(&handler->packer);
	meta_unmap(handler->fills.bounce, bounce_size(handler->fills.bounce_pages));
	handler->fills.bounce = NULL;
}

void handler_wake(struct handler *handler)
{
	uint64_t one = 1;

	sys_write(handler->wake_fd, &one, sizeof(one));
}

void handler_wake_all(struct paging *paging)
{
	for (unsigned i = 0; i < paging->handler_count; i++)
		handler_wake(&paging->handlers[i]);
}
