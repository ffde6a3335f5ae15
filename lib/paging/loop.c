/* SPDX-License-Identifier: MIT */
/* loop.c - what a handler does, round by round: see loop.h */
#include "paging/loop.h"
#include "base/error.h"
#include "base/fork_near.h"
#include "base/usdt.h"
#include "command/bell.h"
#include "kernel/last.h"
#include "pages/debug.h"
#include "paging/duty.h"
#include "paging/evict.h"
#include "paging/exceed.h"
#include "paging/fault.h"
#include "paging/gauges.h"
#include "paging/recording.h"
#include "paging/spent.h"
#include "paging/stall.h"
#include "paging/steer.h"
#include "paging/watch.h"
#include "paging/watchdog.h"

/* How long a handler with reads in flight looks for them before it sleeps: about one disk read.
 * This keeps the CPU out of its idle state, from which a wake-up costs as much again.  The handler
 * yields to anybody who wants the CPU. */
#define SPIN_NS 150000
/* How often it yields meanwhile: often enough for a thread that has just become ready not to notice,
 * and not after each look, which alone costs no system call. */
#define YIELD_EVERY_NS 3000
/* A yield that took longer than this gave the CPU to a thread that uses up its time slices.  That
 * costs some milliseconds each time, while a handler that sleeps gets the CPU when its read is
 * done.  So there is no spinning for a while, and that while doubles as long as this goes on. */
#define YIELD_NS 500000
#define SHARED_MIN_NS 5000000
#define SHARED_MAX_NS 320000000
/* With more reads in flight than this the handler sleeps: it has enough to do, one wake-up collects
 * several reads, and spinning would cost more than it gains. */
#define SPIN_READS 2
/* How long to wait when nothing can be done now: a lock is held, or a write must finish first. */
#define PAUSE_NS 100000
/* A hint is dropped when nothing could be done for it for this long.  WILL_NEED: there may be no
 * frames to read ahead, now or later.  COLD: what leaves waits for writes, and the disk may be
 * busy. */
#define WILL_NEED_NS 20000000
#define COLD_NS 1000000000
/* Something is given up, the page or the budget, after nothing could make room for a fault for this
 * long, and in this many rounds (the process may have been stopped meanwhile). */
#define FUTILE_NS 300000000
#define FUTILE_ROUNDS 200
/* If the kernel refuses every page of this many chunks in a row, it refuses all. */
#define REFUSALS 100
/* When a page of swap space finds no frame, this many may come back beyond the budget: each leaves
 * its slot to another page. */
#define BEYOND_FRAMES 64
/* Blocks of free segments are given back when nothing was written for this long. */
#define TIDY_NS 500000000

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
	return handler->has_request || handler->paging->requests.count;
}

/* Does a little of what was asked for.  true: something was done.  What stands in the way (a lock,
 * a fork, writes in flight) soon passes; or it is a hint that cannot be followed, since there are
 * no frames for it. */
static bool serve_requests(struct handler *handler)
{
	uintptr_t before;

	if (!handler->has_request) {
		handler->has_request = request_pop(&handler->paging->requests, &handler->request);
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

	if (!handler->more_faults || handler->paging->paused)
		return;
	while (handler->more_faults && handler->fault_count < HANDLER_FAULTS) {
		unsigned room = HANDLER_FAULTS - handler->fault_count;
		int n;

		room = room < UFFD_READ_BATCH ? room : UFFD_READ_BATCH;
		n = uffd_read(&handler->paging->uffd, handler->faults + handler->fault_count, room);
		/* Fewer than there was room for: that was all.  The next fault will be news. */
		handler->more_faults = n == (int)room;
		if (n > 0) {
			note_seen(handler->faults + handler->fault_count, (unsigned)n);
			debug_faults(handler->faults + handler->fault_count, (unsigned)n);
			handler->fault_count += (unsigned)n;
			paging_note_waiting(handler->paging, n);
			handler->paging->dormant = false;
		}
	}
	duty_note(handler, handler->fault_count - before);
}

/* Since when has the first fault been the first? */
static void note_waiting(struct handler *handler)
{
	uintptr_t first = handler->fault_count ? handler->faults[0].address : 0;

	if (first == handler->waiting)
		return;
	handler->waiting = first;
	handler->waiting_since = first ? handler->round : 0;
}

/* Serves what can be served; the others keep their order.  true: something was served. */
static bool serve_faults(struct handler *handler)
{
	unsigned left = 0;
	unsigned count = handler->fault_count;

	handler->refused = 0;
	for (unsigned i = 0; i < count; i++) {
		struct uffd_fault *fault = &handler->faults[i];
		enum answer answer = fault_serve(handler, fault);

		if (answer == ANSWER_DONE)
			continue;
		if (answer == ANSWER_STARVED)
			handler->starved = true;
		else if (answer == ANSWER_REFUSED)
			handler->refused = page_round_down(fault->address);
		handler->faults[left++] = *fault;
	}
	handler->fault_count = left;
	paging_note_waiting(handler->paging, (int)left - (int)count);
	note_waiting(handler);
	return left < count;
}

/* -- nothing left -------------------------------------------------------------------- */

/* Gives the page up, unless it has come meanwhile or is on swap space.  In that case it comes, and
 * so do those that are waited for next, beyond the budget. */
static void give_up(struct paging *paging, uintptr_t address)
{
	struct chunk *chunk = pagetable_find(&paging->pages.table, address);
	uint64_t bit;

	if (!chunk) {
		error_report(EVENT_NO_ROOM,
			     "touching the page at %lx raises SIGBUS: there is no memory for the "
			     "page table",
			     (unsigned long)address);
		fill_give_up_unknown(paging, address);
		return;
	}
	if (!chunk_try_lock(chunk))
		return;
	bit = mask_bit(chunk_index(chunk, address));
	if (chunk_readable(chunk) & bit) {
		paging->budget.beyond = paging->budget.used + BEYOND_FRAMES;
	} else if (!((chunk->resident | chunk->cached | chunk->filling | chunk->poisoned) & bit)) {
		error_report(EVENT_NO_ROOM,
			     "touching the page at %lx raises SIGBUS: memory and swap space are "
			     "full, and nothing can make room for it",
			     (unsigned long)address);
		fill_give_up(paging, chunk, bit);
	}
	chunk_unlock(chunk);
}

/* Is there room on swap space after all?  Nobody has asked while nothing was evicted.  Asks once for
 * each fault that waits. */
static bool finds_room(struct handler *handler)
{
	if (!handler->paging->swap_full || handler->asked >= handler->waiting_since)
		return false;
	handler->asked = handler->round;
	return writeback_asks_again(&handler->writes);
}

/* First the allowance goes.  Then full spaces are asked for room again, unless they were asked
 * after the fault began to wait.  Then a page goes.  If something cannot leave, that is no reason
 * to lose a page: then the budget is exceeded. */
static void out_of_room(struct handler *handler)
{
	struct paging *paging = handler->paging;
	uint64_t since = handler->futile_since;

	handler->futile_since = 0;
	handler->futile_rounds = 0;
	if (!handler->refused && !paging->swap_full)
		exceed_by_step(paging);
	else if (credit_allow(&paging->budget, paging->allowance))
		return;
	else if (store_insist(&paging->store, since) || finds_room(handler))
		return;
	else if (handler->refused)
		give_up(paging, handler->refused);
	else if (handler->fault_count)
		give_up(paging, handler->faults[0].address);
}

/* Does a fault wait, with no news since the last round? */
static bool waits_in_vain(struct handler *handler, bool served)
{
	const struct paging *paging = handler->paging;
	uint64_t written = paging->written;
	bool news = served || written != handler->written_seen;

	handler->written_seen = written;
	return handler->fault_count && !news && !fork_is_near();
}

/* A new page finds no room, or even an old one cannot come back: no write to swap space succeeds,
 * or the kernel lets nothing leave (DMA).  A round in which a lock is in the way, or a read or
 * write is still under way, does not count. */
static bool is_futile(const struct handler *handler)
{
	const struct paging *paging = handler->paging;

	if (handler->refused)
		return true;
	return handler->starved && !paging->writes && !handler->fills.in_flight &&
	       (paging->swap_full || paging->refusals > REFUSALS);
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

/* Is there a read that somebody waits for, and so few of them that the CPU would idle?  Is it known
 * that spinning gets more reads done? */
static bool spins(const struct handler *handler)
{
	struct paging *paging = handler->paging;
	unsigned demanded = fill_demanded(&handler->fills);

	if (!demanded || (paging->disable & SPILL_FEATURE_SPIN))
		return false;
	judge_look(&paging->spinning, handler->round, stat_get(&paging->stats->faults_major));
	return demanded <= SPIN_READS && paging->spinning.dear;
}

/* The bell does not say what it rang for. */
static void listen_to_bell(struct paging *paging)
{
	if (paging->share)
		share_lend(paging->share);
	steer(paging);
}

static void look(struct handler *handler, uint64_t timeout_ns)
{
	unsigned ready = io_wait(handler->lane.io, timeout_ns);
	uint64_t count;

	if (ready & (1u << EAR_UFFD))
		handler->more_faults = true;
	if (ready & (1u << EAR_WAKE))
		sys_read(handler->wake_fd, &count, sizeof(count));
	if ((ready & (1u << EAR_BELL)) && bell_heard(handler_ear(handler->paging)))
		listen_to_bell(handler->paging);
}

static bool has_news(const struct handler *handler)
{
	return handler->more_faults || handler->fills.finished || handler->writes.finished;
}

static void note_shared(struct handler *handler, uint64_t now)
{
	handler->shared_ns = handler_back_off(handler->shared_ns, SHARED_MIN_NS, SHARED_MAX_NS);
	handler->shared_until = now + handler->shared_ns;
}

/* Looks for reads in flight for a while, without sleeping, unless somebody else wants the CPU. */
static void spin(struct handler *handler)
{
	uint64_t now = sys_now(), end = now + SPIN_NS, yielded = now;

	if (now < handler->shared_until)
		return;
	do {
		look(handler, 0);
		if (has_news(handler) || handler->paging->stopping)
			return;
		now = sys_now();
		if (now < yielded + YIELD_EVERY_NS)
			continue;
		sys_yield();
		yielded = sys_now();
		if (yielded - now > YIELD_NS) {
			note_shared(handler, yielded);
			return;
		}
		handler->shared_ns = 0;
	} while (now < end);
}

/* Gives blocks of free segments back, one segment a round.  While pages are written such segments
 * are soon used again, and giving back their blocks would only cost.  Returns the ns after which to
 * look again. */
static uint64_t tidy(struct handler *handler)
{
	struct paging *paging = handler->paging;
	uint64_t now, written = paging->written;

	if (store_is_tidy(&paging->store))
		return UINT64_MAX;
	now = sys_now();
	if (written != handler->tidy_written) {
		handler->tidy_written = written;
		handler->tidy_since = now;
	}
	if (now - handler->tidy_since < TIDY_NS)
		return TIDY_NS - (now - handler->tidy_since);
	store_tidy(&paging->store);
	return 0;
}

static void rest_recording(struct handler *handler)
{
	bool flush = handler->flush;

	if (handler->trace) {
		gauges_record(handler->paging, handler->trace, flush);
		trace_rest(handler->trace, flush);
	}
	if (flush)
		handler->flush = false;
}

/* Returns the ns after which to check again.  A child that lives on its parent's frames needs us
 * once these run out. */
static uint64_t check_share(struct paging *paging)
{
	uint64_t ret = paging->share ? share_check(paging->share) : UINT64_MAX;

	if (paging->dormant && paging->budget.used > paging->budget.limit)
		paging->dormant = false;
	return ret;
}

/* Everything was tried: sleeps until there is something to do. */
static void rest(struct handler *handler)
{
	bool waiting = handler->fault_count || handler->fills.finished || handler->writes.finished;
	uint64_t timeout;

	/* While this handler evicted, it left faults to the others.  They may not be getting their
	 * CPU, and nothing reports those faults again. */
	if (handler->more_faults) {
		read_faults(handler);
		if (handler->fault_count)
			return;
	}
	writeback_submit(&handler->writes);
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
	timeout = gauges_publish_soon(handler->paging);
	timeout = sys_sooner(timeout, stall_check(handler));
	timeout = sys_sooner(timeout, watchdog_sleep(handler));
	if (handler->number == 0) {
		timeout = sys_sooner(timeout, check_share(handler->paging));
		timeout = sys_sooner(timeout, last_check());
		timeout = sys_sooner(timeout, evict_check_children(handler->paging));
		timeout = sys_sooner(timeout, tidy(handler));
		exceed_check(handler->paging);
	}
	timeout = duty_rest(handler, timeout);
	stall_note(handler, fill_demanded(&handler->fills) > 0);
	look(handler, handler->evicting || watch_is_sweeping(handler->paging->watch)
			      ? sys_sooner(timeout, PAUSE_NS)
			      : timeout);
}

static bool finish_fills(struct handler *handler)
{
	enum answer answer = fill_finish_all(&handler->fills);

	if (answer == ANSWER_STARVED)
		handler->starved = true;
	return answer != ANSWER_LATER;
}

static bool work(struct handler *handler)
{
	struct paging *paging = handler->paging;
	bool progress, served;

	stall_note(handler, true);
	handler->lane.now = handler->round;
	watchdog_look(handler);
	recording_look(handler);
	handler->starved = false;
	if (!handler->evicting || !duty_is_done_by_another(handler))
		read_faults(handler);
	served = serve_faults(handler);
	progress = served;
	if (handler->fills.finished)
		progress |= finish_fills(handler);
	if (handler->writes.finished)
		progress |= writeback_finish_all(&handler->writes);
	if (handler->starved || spent_is_full(&paging->pages.arena))
		spent_sweep(paging);
	if (paging_is_armed(paging) && !paging->dormant)
		lane_grow(&handler->lane);
	progress |= evict_ahead(handler);
	if (fork_is_near()) { /* the fork waits for this */
		evict_save_all(handler);
		writeback_submit(&handler->writes);
	}
	if (handler->trace) {
		gauges_record(paging, handler->trace, false);
		progress |= watch_sweep(handler);
	}
	handler->summoned = false;
	progress |= serve_requests(handler);
	note_futility(handler, served);
	return progress;
}

static void drain(struct handler *handler)
{
	writeback_submit(&handler->writes);
	while (handler->fills.in_flight || handler->paging->writes || handler->lane.growing) {
		fill_finish_all(&handler->fills);
		writeback_finish_all(&handler->writes);
		look(handler, PAUSE_NS);
	}
}

void loop(void *arg)
{
	struct handler *handler = arg;
	struct paging *paging = handler->paging;

	handler->tid = sys_gettid();
	sys_call3(SYS_sched_setaffinity, 0, sizeof(handler->cpus), &handler->cpus);
	if (io_enable(handler->lane.io) < 0)
		error_fatal("a handler cannot start its io_uring");
	handler->more_faults = true;
	while (!paging->stopping) {
		thread_attend();
		/* A thread that waited may share this CPU, and then runs only when we sleep.  So
		 * look around only if there is something left to do. */
		if (work(handler) &&
		    (handler->fault_count || handler->evicting || is_asked(handler)))
			look(handler, 0);
		else
			rest(handler);
	}
	drain(handler);
}
