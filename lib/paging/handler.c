/* SPDX-License-Identifier: MIT */
/* handler.c - a thread that serves page faults: see handler.h */
#include "paging/handler.h"
#include "command/bell.h"
#include "pages/debug.h"
#include "paging/duty.h"
#include "base/error.h"
#include "paging/evict.h"
#include "paging/fault.h"
#include "base/fd.h"
#include "paging/fill.h"
#include "base/fork_near.h"
#include "paging/grow.h"
#include "kernel/last.h"
#include "observe/record.h"
#include "paging/spent.h"
#include "paging/stall.h"
#include "base/usdt.h"
#include "paging/watch.h"
#include "paging/watchdog.h"
#include "base/thread.h"
#include "paging/writeback.h"
#include <sys/eventfd.h>

/* How long a handler that has reads in flight looks for them before it sleeps:
 * about one disk read.  It keeps the CPU out of the idle state, from which a
 * wake-up costs as much again; it yields to anybody who wants the CPU. */
#define SPIN_NS 150000
/* A yield that took longer gave the CPU to somebody who uses up his time slices: that is
 * some milliseconds each time, while a handler that sleeps gets the CPU when its read is
 * done.  So there is no spinning for a while, which doubles as long as that goes on. */
#define YIELD_NS 500000
#define SHARED_MIN_NS 5000000
#define SHARED_MAX_NS 320000000
/* With more reads in flight it sleeps: there is enough to do, one wake-up collects
 * several, and to spin would cost more than it gains. */
#define SPIN_READS 2
/* Nothing can be done now: a lock is held, or a write must finish first. */
#define PAUSE_NS 100000
/* A hint is dropped if nothing could be done for it in so long.  To read ahead there may be no
 * frames, and will be none; what leaves waits for writes, and the disk may be busy. */
#define WILL_NEED_NS 20000000
#define COLD_NS 1000000000
/* How long, and how often (the process may be stopped meanwhile), nothing could make room for a
 * fault before something is given up: its page, or the budget. */
#define FUTILE_NS 300000000
#define FUTILE_ROUNDS 200
/* So many chunks in a row of which the kernel lets no page leave are all of them. */
#define REFUSALS 100
/* So many pages of swap space come back beyond the budget when one of them could not: each leaves
 * its slot to another page. */
#define BEYOND_FRAMES 64
/* The blocks of free segments are given back when nothing was written for so long. */
#define TIDY_NS 500000000

/* A page of bounce buffers for each so many frames of the budget. */
#define BOUNCE_DIVISOR 128

static unsigned bounce_pages(const struct pager *pager)
{
	uint64_t n = (pager_budget(pager) >> page_shift()) / BOUNCE_DIVISOR;

	return n > HANDLER_BOUNCE_MAX ? HANDLER_BOUNCE_MAX : (unsigned)n;
}

unsigned handler_charge(const struct pager *pager)
{
	unsigned n = bounce_pages(pager);
	unsigned sealed = pager->cipher ? IO_SEALED_PIECES * n : 0;

	return n + FILL_GAP_MAX + CHUNK_PAGES + sealed;
}

/* -- requests ------------------------------------------------------------------- */

static bool carry_out(struct handler *handler, struct request *request)
{
	if (request->kind == REQUEST_COLD)
		return evict_range(handler, &request->start, request->end);
	return fault_will_need(handler, &request->start, request->end);
}

static uint64_t patience(const struct request *request)
{
	return request->kind == REQUEST_COLD ? COLD_NS : WILL_NEED_NS;
}

static bool is_asked(const struct handler *handler)
{
	return handler->has_request || handler->pager->requests.count;
}

/* A little of what was asked for; true if anything was done.  What stands in the
 * way (a lock, a fork, writes in flight) passes soon, or it is a hint that cannot
 * be followed: there are no frames for it. */
static bool serve_requests(struct handler *handler)
{
	uintptr_t before;

	if (!handler->has_request) {
		handler->has_request = request_pop(&handler->pager->requests, &handler->request);
		handler->request_since = handler->round;
	}
	if (!handler->has_request)
		return false;
	before = handler->request.start;
	handler->has_request = !carry_out(handler, &handler->request);
	if (handler->request.start != before)
		handler->request_since = handler->round;
	else if (handler->round - handler->request_since > patience(&handler->request))
		handler->has_request = false;
	return handler->request_since == handler->round || !handler->has_request;
}

/* -- faults --------------------------------------------------------------------- */

static void note_seen(struct uffd_fault *faults, unsigned n)
{
	uint64_t now = sys_now();

	for (unsigned i = 0; i < n; i++) {
		faults[i].seen = now;
		USDT(fault_start, faults[i].address);
	}
}

static void debug_faults(const struct uffd_fault *faults, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		debug(DEBUG_FAULTS, "fault at %lx%s", (unsigned long)faults[i].address,
		      faults[i].write_protected ? ", a write to a page that is leaving" : "");
}

static void read_faults(struct handler *handler)
{
	unsigned before = handler->fault_count;

	if (!handler->more_faults || handler->pager->paused)
		return;
	while (handler->more_faults && handler->fault_count < HANDLER_FAULTS) {
		unsigned room = HANDLER_FAULTS - handler->fault_count;
		int n;

		room = room < UFFD_READ_BATCH ? room : UFFD_READ_BATCH;
		n = uffd_read(&handler->pager->uffd, handler->faults + handler->fault_count, room);
		/* Fewer than there was room for: that was all.  The next one is news. */
		handler->more_faults = n == (int)room;
		if (n > 0) {
			note_seen(handler->faults + handler->fault_count, (unsigned)n);
			debug_faults(handler->faults + handler->fault_count, (unsigned)n);
			handler->fault_count += (unsigned)n;
			handler->pager->dormant = false;
		}
	}
	duty_note(handler, handler->fault_count - before);
}

/* How long has the first of them been that? */
static void note_waiting(struct handler *handler)
{
	uintptr_t first = handler->fault_count ? handler->faults[0].address : 0;

	if (first == handler->waiting)
		return;
	handler->waiting = first;
	handler->waiting_since = first ? handler->round : 0;
}

/* Serves what can be served; the others keep their order.  true: any was. */
static bool serve_faults(struct handler *handler)
{
	unsigned left = 0;
	unsigned count = handler->fault_count;

	handler->refused = 0;
	for (unsigned i = 0; i < count; i++)
		if (!fault_serve(handler, &handler->faults[i]))
			handler->faults[left++] = handler->faults[i];
	handler->fault_count = left;
	note_waiting(handler);
	return left < count;
}

/* -- nothing left -------------------------------------------------------------------- */

/* The page is given up, unless it has come meanwhile, or lies on swap space: then it comes, and
 * those that are waited for next, beyond the budget. */
static void give_up(struct pager *pager, uintptr_t address)
{
	struct chunk *chunk = pagetable_find(&pager->table, address);
	uint64_t bit;

	if (!chunk) {
		error_report(EVENT_NO_ROOM,
			     "touching the page at %lx raises SIGBUS: there is no memory for the "
			     "page table",
			     (unsigned long)address);
		fill_give_up_unknown(pager, address);
		return;
	}
	if (!chunk_try_lock(chunk))
		return;
	bit = mask_bit(chunk_index(chunk, address));
	if (chunk_readable(chunk) & bit) {
		pager->arena.beyond = pager->arena.used + BEYOND_FRAMES;
	} else if (!((chunk->resident | chunk->cached | chunk->filling | chunk->poisoned) & bit)) {
		error_report(EVENT_NO_ROOM,
			     "touching the page at %lx raises SIGBUS: memory and swap space are "
			     "full, and nothing can make room for it",
			     (unsigned long)address);
		fill_give_up(pager, chunk, bit);
	}
	chunk_unlock(chunk);
}

/* First the allowance, then a page; what cannot leave is no reason to lose one. */
static void out_of_room(struct handler *handler)
{
	struct pager *pager = handler->pager;
	int64_t allowance = (int64_t)(pager->options.overcommit >> page_shift());

	handler->futile_since = 0;
	handler->futile_rounds = 0;
	if (!handler->refused && !pager->swap_full)
		evict_exceed(pager);
	else if (credit_allow(&pager->arena, allowance))
		return;
	else if (handler->refused)
		give_up(pager, handler->refused);
	else if (handler->fault_count)
		give_up(pager, handler->faults[0].address);
}

/* Does a fault wait, and has nothing come since the last round? */
static bool waits_in_vain(struct handler *handler, bool served)
{
	const struct pager *pager = handler->pager;
	uint64_t written = pager->written;
	bool news = served || written != handler->written_seen;

	handler->written_seen = written;
	return handler->fault_count && !news && !fork_is_near();
}

/* A new page has no place, or even an old one has none to come back to: no write to swap space
 * succeeds, or the kernel lets nothing leave (DMA).  A round in which a lock is in the way, or
 * a read or write still on its way, tells nothing. */
static bool is_futile(const struct handler *handler)
{
	const struct pager *pager = handler->pager;

	if (handler->refused)
		return true;
	return handler->starved && !pager->writes && !handler->reads_in_flight &&
	       (pager->swap_full || pager->refusals > REFUSALS);
}

static void note_futility(struct handler *handler, bool served)
{
	if (!waits_in_vain(handler, served)) {
		handler->futile_since = 0;
		handler->futile_rounds = 0;
	} else if (!handler->futile_since) {
		handler->futile_since = sys_now();
	} else if (is_futile(handler) && ++handler->futile_rounds > FUTILE_ROUNDS &&
		   sys_now() - handler->futile_since > FUTILE_NS) {
		out_of_room(handler);
	}
}

/* -- the loop ---------------------------------------------------------------------- */

/* Is there a read that somebody waits for, and few enough that the CPU would idle? */
static bool spins(const struct handler *handler)
{
	unsigned demanded = handler_demanded(handler);

	return demanded > 0 && demanded <= SPIN_READS &&
	       !(handler->pager->options.disable & SPILL_FEATURE_SPIN);
}

static int ear_of(const struct pager *pager)
{
	return pager->share ? pager->share->ear : pager->ear;
}

/* It does not say what it rang for. */
static void listen_to_bell(struct pager *pager)
{
	if (pager->share)
		share_lend(pager);
	steering_obey(pager);
}

static void look(struct handler *handler, uint64_t timeout_ns)
{
	unsigned ready = io_wait(handler->io, timeout_ns);
	uint64_t count;

	if (ready & (1u << WATCH_UFFD))
		handler->more_faults = true;
	if (ready & (1u << WATCH_WAKE))
		sys_read(handler->wake_fd, &count, sizeof(count));
	if ((ready & (1u << WATCH_BELL)) && bell_heard(ear_of(handler->pager)))
		listen_to_bell(handler->pager);
}

static bool has_news(const struct handler *handler)
{
	return handler->more_faults || handler->finished_fills || handler->finished_writes;
}

static void note_shared(struct handler *handler, uint64_t now)
{
	handler->shared_ns = handler_back_off(handler->shared_ns, SHARED_MIN_NS, SHARED_MAX_NS);
	handler->shared_until = now + handler->shared_ns;
}

/* Looks for reads in flight without sleeping, for a while, if nobody else wants the CPU. */
static void spin(struct handler *handler)
{
	uint64_t now = sys_now(), end = now + SPIN_NS, before;

	if (now < handler->shared_until)
		return;
	do {
		look(handler, 0);
		if (has_news(handler) || handler->pager->stopping)
			return;
		before = now;
		sys_yield();
		now = sys_now();
		if (now - before > YIELD_NS) {
			note_shared(handler, now);
			return;
		}
		handler->shared_ns = 0;
	} while (now < end);
}

/* Gives blocks of free segments back, one a round.  While pages are written such segments are
 * soon used again, and to give their blocks back would only cost.  Gives when it is worth to
 * look again, in ns. */
static uint64_t tidy(struct handler *handler)
{
	struct pager *pager = handler->pager;
	uint64_t now, written = pager->written;

	if (!swap_is_punchable(&pager->swap))
		return UINT64_MAX;
	now = sys_now();
	if (written != handler->tidy_written) {
		handler->tidy_written = written;
		handler->tidy_since = now;
	}
	if (now - handler->tidy_since < TIDY_NS)
		return TIDY_NS - (now - handler->tidy_since);
	swap_punch(&pager->swap);
	return 0;
}

static void rest_recording(struct handler *handler)
{
	bool flush = handler->flush;

	if (handler->trace) {
		pager_note_gauges(handler->pager, handler->trace, flush);
		trace_rest(handler->trace, flush);
	}
	if (flush)
		handler->flush = false;
}

/* Everything was tried: sleeps until there is something to do. */
static void rest(struct handler *handler)
{
	bool waiting = handler->fault_count || handler->finished_fills || handler->finished_writes;
	uint64_t timeout;

	/* Faults that were left to the others while this one evicted: they may not get
	 * their CPU, and nothing tells of them again. */
	if (handler->more_faults) {
		read_faults(handler);
		if (handler->fault_count)
			return;
	}
	writeback_submit(handler);
	if (waiting || is_asked(handler)) {
		look(handler, handler->evicting || handler->starved || !waiting ? PAUSE_NS : 0);
		sys_yield();
		return;
	}
	if (spins(handler)) {
		spin(handler);
		if (has_news(handler))
			return;
	}
	rest_recording(handler);
	timeout = pager_publish_soon(handler->pager);
	timeout = sys_sooner(timeout, stall_check(handler));
	timeout = sys_sooner(timeout, watchdog_sleep(handler));
	if (handler->number == 0) {
		timeout = sys_sooner(timeout, share_check(handler->pager));
		timeout = sys_sooner(timeout, last_check());
		timeout = sys_sooner(timeout, evict_check_children(handler->pager));
		timeout = sys_sooner(timeout, tidy(handler));
		evict_check_held_back(handler->pager);
	}
	timeout = duty_rest(handler, timeout);
	stall_note(handler, handler_demanded(handler) > 0);
	look(handler, handler->evicting || watch_is_sweeping(handler->pager->watch)
			      ? sys_sooner(timeout, PAUSE_NS)
			      : timeout);
}

static bool work(struct handler *handler)
{
	struct pager *pager = handler->pager;
	bool progress, served;

	stall_note(handler, true);
	watchdog_look(handler);
	if (__builtin_expect(pager->recording != (handler->trace && handler->trace->fd >= 0), 0))
		record_follow(handler);
	handler->starved = false;
	if (!handler->evicting || !duty_is_done_by_another(handler))
		read_faults(handler);
	served = serve_faults(handler);
	progress = served;
	if (handler->finished_fills)
		progress |= fill_finish_all(handler);
	if (handler->finished_writes)
		progress |= writeback_finish_all(handler);
	if (handler->starved || spent_is_full(&pager->arena))
		spent_sweep(pager);
	if (pager_is_armed(pager) && !pager->dormant)
		grow_ahead(handler);
	progress |= evict_ahead(handler);
	if (fork_is_near()) { /* a fork waits for it */
		watch_call_back(handler);
		writeback_submit(handler);
	}
	if (handler->trace) {
		pager_note_gauges(pager, handler->trace, false);
		progress |= watch_sweep(handler);
	}
	handler->summoned = false;
	progress |= serve_requests(handler);
	note_futility(handler, served);
	return progress;
}

static void drain(struct handler *handler)
{
	writeback_submit(handler);
	while (handler->reads_in_flight || handler->pager->writes || handler->growing) {
		fill_finish_all(handler);
		writeback_finish_all(handler);
		look(handler, PAUSE_NS);
	}
}

static void handler_main(void *arg)
{
	struct handler *handler = arg;
	struct pager *pager = handler->pager;

	handler->tid = sys_gettid();
	sys_call3(SYS_sched_setaffinity, 0, sizeof(handler->cpus), &handler->cpus);
	if (io_enable(handler->io) < 0)
		error_fatal("a handler cannot start its io_uring");
	handler->more_faults = true;
	while (!pager->stopping) {
		thread_attend();
		/* Whoever was waiting can go on only when we sleep, if it runs on this
		 * CPU: no look around if there is nothing left to do. */
		if (work(handler) &&
		    (handler->fault_count || handler->evicting || is_asked(handler)))
			look(handler, 0);
		else
			rest(handler);
	}
	drain(handler);
}

/* -- starting and stopping ----------------------------------------------------------- */

/* The CPUs of the process, dealt out: handler n gets every HANDLERS_MAX-th. */
static void deal_cpus(struct handler *handler)
{
	unsigned handlers = handler->pager->handler_count;
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

static int make_io(struct handler *handler)
{
	struct pager *pager = handler->pager;
	int watches[IO_WATCHES];

	handler->wake_fd = fd_raise(sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (handler->wake_fd < 0)
		return handler->wake_fd;
	watches[WATCH_UFFD] = pager->uffd.fd;
	watches[WATCH_WAKE] = handler->wake_fd;
	watches[WATCH_BELL] = ear_of(pager);
	handler->seal = (struct io_seal){
		.cipher = pager->cipher,
		.handler = handler->number,
		.piece_pages = bounce_pages(pager),
	};
	return io_open(&handler->io, pager->options.disable, HANDLER_FILLS + HANDLER_WRITES + 1,
		       watches, pager->cipher ? &handler->seal : NULL);
}

static void wake(void *arg)
{
	handler_wake(arg);
}

static size_t bounce_size(unsigned pages)
{
	return (size_t)(pages + FILL_GAP_MAX) << page_shift();
}

int handler_init(struct pager *pager, struct handler *handler, unsigned number)
{
	char *bounce;
	int err;

	handler->pager = pager;
	handler->number = number;
	deal_cpus(handler);
	bounce = meta_map(bounce_size(bounce_pages(pager)));
	if (!bounce)
		return -ENOMEM;
	fill_init(handler, bounce, bounce_pages(pager));
	err = writeback_init(handler);
	return err ? err : make_io(handler);
}

int handler_start(struct handler *handler)
{
	char name[16] = "spill/";
	int err;

	error_format(name, sizeof(name), "spill/%u", handler->number);
	lock_be_strict(true);
	err = thread_start(&handler->thread, name, handler_main, wake, handler);
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
	handler->started = handler->growing = false;
	io_close(handler->io, in_child);
	handler->io = NULL;
	fd_close(handler->wake_fd);
	handler->wake_fd = -1;
	trace_free(handler->trace, in_child);
	handler->trace = NULL;
	writeback_free(handler);
	meta_unmap(handler->bounce, bounce_size(handler->bounce_pages));
	handler->bounce = NULL;
}

void handler_wake(struct handler *handler)
{
	uint64_t one = 1;

	sys_write(handler->wake_fd, &one, sizeof(one));
}
