/* SPDX-License-Identifier: MIT */
/* start.c - paging starts and stops: see start.h */
#include "paging/start.h"
#include "base/fd.h"
#include "base/proc_self.h"
#include "kernel/pagemap.h"
#include "paging/handler.h"
#include "paging/loop.h"
#include "paging/pack.h"
#include "paging/steer.h"
#include "paging/watch.h"
#include "paging/ways.h"
#include <linux/memfd.h>
#include <string.h>

/* How often a handler is asked, at the end, for what it has recorded. */
#define FLUSH_NS 100000
#define FLUSH_ROUNDS 2000

void paging_set_budget(struct paging *paging, uint64_t bytes)
{
	paging->budget.bytes = bytes;
	paging->budget.charge = (uint64_t)paging->crew * handler_charge(paging) +
				(paging->compresses ? PACK_RESERVE : 0);
	budget_limit(&paging->budget, (int64_t)(bytes >> page_shift()));
}

static void close_fd(int *fd)
{
	fd_close(*fd);
	*fd = -1;
}

static int open_poison(void)
{
	return (int)sys_call2(SYS_memfd_create, "spill-poison", MFD_CLOEXEC);
}

/* What copying needs: zeros, /proc/self/mem, and a file to poison with. */
static int make_helpers(struct paging *paging, const char **ret_why)
{
	/* Never written to, so it is the kernel's zero page 64 times. */
	if (!paging->zeros)
		paging->zeros = sys_mmap(NULL, chunk_size(), PROT_READ,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_is_error(paging->zeros)) {
		paging->zeros = NULL;
		return -ENOMEM;
	}
	sys_madvise((void *)(uintptr_t)paging->zeros, chunk_size(), MADV_NOHUGEPAGE);
	paging->memory_fd = fd_raise(sys_open("/proc/self/mem", O_RDONLY | O_CLOEXEC, 0));
	paging->pagemap_fd = fd_raise(pagemap_open());
	proc_self_use();
	paging->uses_proc = true;
	if (!paging->uffd.poison)
		paging->poison_fd = fd_raise(open_poison());
	if (!paging->uffd.move && paging->memory_fd < 0) {
		*ret_why =
			paging->memory_fd == -EACCES
				? "/proc/self/mem is closed to this process (PR_SET_DUMPABLE, or "
				  "privileges that it gave up), and the pager needs it where the "
				  "kernel has no UFFDIO_MOVE"
				: "/proc is missing, and the pager needs it where the kernel has "
				  "no UFFDIO_MOVE";
		return paging->memory_fd;
	}
	return 0;
}

/* In a fork's child the counters are new. */
static void find_prices(struct paging *paging)
{
	struct stats *stats = paging->stats;
	struct ways ways;

	if (!paging->prices.known)
		prices_find(&paging->prices, paging->calibration, &paging->uffd, paging->memory_fd,
			    paging->zeros);
	if (!paging->uffd.move)
		return;
	ways = ways_of(&paging->prices);
	stat_set(&stats->move_out, ways.move_out);
	stat_set(&stats->move_back, ways.move_back);
	stat_set(&stats->move_in, ways.move_in);
}

static int start_handlers(struct paging *paging, const char **ret_why)
{
	int err = 0;

	paging->handler_count = paging->crew;
	if (paging->share)
		share_begin(paging->share, !paging->dormant);
	else
		paging->ear = stats_listen(&paging->seat);
	paging->handlers = meta_map(paging->handler_count * sizeof(struct handler));
	if (!paging->handlers)
		return -ENOMEM;
	for (unsigned i = 0; i < paging->handler_count; i++)
		paging->handlers[i].wake_fd = -1; /* if one does not start, all are stopped */
	credit_force(&paging->budget, paging->budget.charge);
	paging->on_duty = paging->handler_count;
	steer(paging);
	for (unsigned i = 0; i < paging->handler_count && !err; i++)
		err = handler_init(paging, &paging->handlers[i], i);
	for (unsigned i = 0; i < paging->handler_count && !err; i++)
		err = handler_start(&paging->handlers[i], loop);
	if (err)
		*ret_why = "its handler threads did not start";
	return err;
}

int paging_start(struct paging *paging, const char **ret_why)
{
	int err = uffd_open(&paging->uffd, paging->disable, paging->user_mode);

	paging->registered = false;
	/* In a fork's child: a handler of the parent may have been judging. */
	memset(&paging->spinning, 0, sizeof(paging->spinning));
	if (err) {
		paging->uffd.fd = -1;
		*ret_why = "userfaultfd is refused or missing";
		return err;
	}
	err = arena_init(&paging->pages.arena, paging->budget.bytes >> page_shift());
	if (!err && paging->uffd.move)
		err = uffd_register(&paging->uffd, paging->pages.arena.base,
				    paging->pages.arena.tray_count * chunk_size(), false);
	if (!err)
		err = make_helpers(paging, ret_why);
	if (!err)
		find_prices(paging);
	if (!err)
		err = start_handlers(paging, ret_why);
	return err;
}

void paging_stop(struct paging *paging, bool in_child)
{
	atomic_store(&paging->stopping, true);
	if (paging->handlers) {
		for (unsigned i = 0; i < paging->handler_count; i++)
			handler_stop(&paging->handlers[i], in_child);
		meta_unmap(paging->handlers, paging->handler_count * sizeof(struct handler));
	}
	paging->handlers = NULL;
	uffd_close(&paging->uffd);
	close_fd(&paging->memory_fd);
	close_fd(&paging->pagemap_fd);
	if (paging->uses_proc)
		proc_self_leave(in_child);
	paging->uses_proc = false;
	close_fd(&paging->poison_fd);
	trace_free(paging->discards, in_child);
	paging->discards = NULL;
	watch_free(paging->watch);
	paging->watch = NULL;
	close_fd(&paging->trace_fd);
	paging->recording = false;
	paging->recorders = 0;
	paging->trace_events = 0;
	close_fd(&paging->ear);
	if (paging->zeros)
		sys_munmap((void *)(uintptr_t)paging->zeros, chunk_size());
	paging->zeros = NULL;
	if (in_child)
		paging->pages.arena.base = NULL; /* MADV_DONTFORK: not here */
	arena_free(&paging->pages.arena);
	atomic_store(&paging->stopping, false);
}

void paging_flush_trace(struct paging *paging)
{
	struct timespec pause = { 0, FLUSH_NS };

	if (!paging_is_armed(paging) || !paging->recording)
		return;
	for (unsigned i = 0; i < paging->handler_count; i++) {
		struct handler *handler = &paging->handlers[i];

		handler->flush = true;
		for (unsigned n = 0; n < FLUSH_ROUNDS && handler->flush; n++) {
			handler_wake(handler);
			sys_call2(SYS_nanosleep, &pause, 0);
		}
	}
}
