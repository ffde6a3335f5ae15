/* SPDX-License-Identifier: MIT */
/* pager.c - making, arming, stopping a pager: see pager.h */
#include "pager/pager.h"
#include "store/cipher.h"
#include "base/error.h"
#include "base/fd.h"
#include "pager/fork.h"
#include "paging/handler.h"
#include "kernel/pagemap.h"
#include "base/process.h"
#include "observe/trace.h"
#include "paging/watch.h"
#include <linux/memfd.h>

/* Eviction keeps between a 64th and a 32nd of the budget free, within bounds:
 * a window of readahead on one side, a few milliseconds of the disk on the
 * other. */
#define LOW_DIVISOR 64
#define LOW_MIN 32
#define LOW_MAX 1024

/* pager_settle looks again after this long, and gives up on a swap space that
 * is full when nothing has changed so often. */
#define SETTLE_NS 10000000
#define SETTLE_FUTILE 50

/* How often the statistics that are not counted on the way are brought up to
 * date, at most. */
#define SAMPLE_NS 100000000
/* Handlers that are about to sleep publish no more often: there may be a fault every
 * few microseconds. */
#define PUBLISH_NS 2000000
/* How often a recording has them. */
#define GAUGE_NS 50000000
/* A handler is asked for what it has recorded so often, in the end. */
#define FLUSH_NS 100000
#define FLUSH_ROUNDS 2000

_Static_assert(HANDLERS_MAX <= CIPHER_CONTEXTS, "each handler encrypts with a context of its own");

/* -- making ------------------------------------------------------------------------- */

static void close_fd(int *fd)
{
	fd_close(*fd);
	*fd = -1;
}

int pager_new(const struct options *options, struct pager **ret_pager, const char **ret_why)
{
	struct pager *pager;
	int err;

	page_init();
	pager = meta_map(sizeof(*pager));
	if (!pager)
		return -ENOMEM;
	pager->options = *options;
	pager->stall_ns = options->stall_warning * UINT64_C(1000000000);
	pager->uffd.fd = pager->memory_fd = pager->pagemap_fd = pager->poison_fd = -1;
	pager->trace_fd = pager->ear = -1;
	readahead_init(&pager->readahead, READAHEAD_STREAMS);
	family_init(&pager->family);
	pager->hash_key = sys_random();
	error_quiet(options->quiet);
	err = stats_private(&pager->seat) ? 0 : -ENOMEM;
	pager->stats = pager->seat.stats;
	if (!err)
		err = ranges_init(&pager->regions);
	if (!err)
		err = pagetable_init(&pager->table);
	if (!err && options->encrypt)
		err = cipher_new(&pager->cipher, HANDLERS_MAX, &pager->why);
	if (err) {
		if (pager->why)
			*ret_why = pager->why;
		pager_free(pager);
		return err;
	}
	pager_set_limit(pager, options->budget);
	fork_enlist(pager);
	*ret_pager = pager;
	return 0;
}

static void unmap_regions(struct pager *pager)
{
	for (size_t i = 0; i < pager->regions.count; i++) {
		struct region *region = &pager->regions.region[i];

		sys_munmap((void *)region->start, region->end - region->start);
	}
}

void pager_free(struct pager *pager)
{
	if (!pager)
		return;
	fork_delist(pager);
	pager_stop(pager, false);
	swap_close(&pager->swap);
	if (pager->regions.region)
		unmap_regions(pager);
	ranges_free(&pager->regions);
	pagetable_free(&pager->table);
	family_leave(&pager->family);
	cipher_free(pager->cipher);
	stats_release(&pager->seat);
	meta_unmap(pager, sizeof(*pager));
}

/* A long window keeps the device busy while the reader catches up; several streams
 * must fit a small budget. */
static unsigned window_most(uint64_t frames)
{
	uint64_t n = frames / READAHEAD_DIVISOR / CHUNK_PAGES * CHUNK_PAGES;

	return n < CHUNK_PAGES ? CHUNK_PAGES : n < READAHEAD_MAX ? (unsigned)n : READAHEAD_MAX;
}

void pager_set_limit(struct pager *pager, uint64_t budget)
{
	__atomic_store_n(&pager->options.budget, budget, __ATOMIC_RELAXED);
	pager_set_share(pager, (int64_t)(budget >> page_shift()));
}

void pager_set_share(struct pager *pager, int64_t share)
{
	uint64_t frames = (uint64_t)share;
	uint64_t low = frames / LOW_DIVISOR;

	low = low < LOW_MIN ? LOW_MIN : low > LOW_MAX ? LOW_MAX : low;
	pager->low_frames = low;
	pager->high_frames = low * 2 < CHUNK_PAGES + LOW_MIN ? CHUNK_PAGES + LOW_MIN : low * 2;
	pager->readahead.most = window_most(frames);
	atomic_store(&pager->arena.limit, share);
}

/* -- starting -------------------------------------------------------------------------- */

static int open_poison(void)
{
	return (int)sys_call2(SYS_memfd_create, "spill-poison", MFD_CLOEXEC);
}

/* What copying needs: zeros, /proc/self/mem, a file to poison with. */
static int make_helpers(struct pager *pager)
{
	/* Never written to, so it is the kernel's page of zeros 64 times. */
	if (!pager->zeros)
		pager->zeros = sys_mmap(NULL, chunk_size(), PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_is_error(pager->zeros)) {
		pager->zeros = NULL;
		return -ENOMEM;
	}
	sys_madvise((void *)(uintptr_t)pager->zeros, chunk_size(), MADV_NOHUGEPAGE);
	pager->memory_fd = fd_raise(sys_open("/proc/self/mem", O_RDONLY | O_CLOEXEC, 0));
	pager->pagemap_fd = fd_raise(pagemap_open());
	if (!pager->uffd.poison)
		pager->poison_fd = fd_raise(open_poison());
	if (!pager->uffd.move && pager->memory_fd < 0) {
		pager->why =
			pager->memory_fd == -EACCES
				? "/proc/self/mem is closed to this process (PR_SET_DUMPABLE, or "
				  "privileges that it gave up), and the pager needs it where the "
				  "kernel has no UFFDIO_MOVE"
				: "/proc is missing, and the pager needs it where the kernel has "
				  "no UFFDIO_MOVE";
		return pager->memory_fd;
	}
	return 0;
}

static unsigned count_handlers(const struct pager *pager)
{
	unsigned n = pager->options.handlers;

	return n < HANDLERS_MAX ? n : HANDLERS_MAX;
}

static int start_handlers(struct pager *pager)
{
	int err = 0;

	pager->handler_count = count_handlers(pager);
	share_begin(pager);
	if (!pager->share)
		pager->ear = stats_listen(&pager->seat);
	pager->handlers = meta_map(pager->handler_count * sizeof(struct handler));
	if (!pager->handlers)
		return -ENOMEM;
	for (unsigned i = 0; i < pager->handler_count; i++)
		pager->handlers[i].wake_fd = -1; /* all are stopped, if one does not start */
	credit_force(&pager->arena, pager->handler_count * handler_charge(pager));
	pager->on_duty = pager->handler_count;
	steering_obey(pager);
	for (unsigned i = 0; i < pager->handler_count && !err; i++)
		err = handler_init(pager, &pager->handlers[i], i);
	for (unsigned i = 0; i < pager->handler_count && !err; i++)
		err = handler_start(&pager->handlers[i]);
	if (err)
		pager->why = "its handler threads did not start";
	return err;
}

int pager_start(struct pager *pager)
{
	int err = uffd_open(&pager->uffd, pager->options.disable, pager->options.user_mode);

	pager->registered = false;
	if (err) {
		pager->uffd.fd = -1;
		pager->why = "userfaultfd is refused or missing";
		return err;
	}
	err = arena_init(&pager->arena, pager->options.budget >> page_shift());
	if (!err && pager->uffd.move)
		err = uffd_register(&pager->uffd, pager->arena.base,
				    pager->arena.tray_count * chunk_size(), false);
	if (!err)
		err = make_helpers(pager);
	if (!err)
		err = start_handlers(pager);
	return err;
}

void pager_stop(struct pager *pager, bool in_child)
{
	atomic_store(&pager->stopping, true);
	if (pager->handlers) {
		for (unsigned i = 0; i < pager->handler_count; i++)
			handler_stop(&pager->handlers[i], in_child);
		meta_unmap(pager->handlers, pager->handler_count * sizeof(struct handler));
	}
	pager->handlers = NULL;
	uffd_close(&pager->uffd);
	close_fd(&pager->memory_fd);
	close_fd(&pager->pagemap_fd);
	close_fd(&pager->poison_fd);
	trace_free(pager->discards, in_child);
	pager->discards = NULL;
	watch_free(pager->watch);
	pager->watch = NULL;
	close_fd(&pager->trace_fd);
	pager->recording = false;
	pager->recorders = 0;
	pager->trace_events = 0;
	close_fd(&pager->ear);
	if (pager->zeros)
		sys_munmap((void *)(uintptr_t)pager->zeros, chunk_size());
	pager->zeros = NULL;
	if (in_child)
		pager->arena.base = NULL; /* MADV_DONTFORK: not here */
	arena_free(&pager->arena);
	atomic_store(&pager->stopping, false);
}

/* -- arming ------------------------------------------------------------------------------ */

void pager_guard_forks(struct pager *pager, bool on)
{
	for (size_t i = 0; i < pager->regions.count; i++) {
		const struct region *region = &pager->regions.region[i];

		if (!(region->inherit & INHERIT_NOTHING))
			sys_madvise((void *)region->start, region->end - region->start,
				    on ? MADV_DONTFORK : MADV_DOFORK);
	}
}

int pager_register(struct pager *pager, void *addr, size_t size)
{
	/* The pager moves single pages. */
	sys_madvise(addr, size, MADV_NOHUGEPAGE);
	sys_madvise(addr, size, MADV_DONTFORK); /* pager_guard_forks */
	return uffd_register(&pager->uffd, addr, size, true);
}

/* Enters the pages of one chunk that are there already. */
static int scan_chunk(struct pager *pager, int pagemap, uintptr_t start, uintptr_t end)
{
	unsigned n = (unsigned)((end - start) >> page_shift());
	struct chunk *chunk = pagetable_make(&pager->table, start);
	uint64_t present;

	if (!chunk)
		return -ENOMEM;
	lock_take(&chunk->lock, LOCK_CHUNK);
	present = pagemap_present(pagemap, (void *)start, n) << chunk_index(chunk, start);
	chunk_found_resident(pager, chunk, present);
	if (chunk->resident)
		policy_insert(&pager->policy, chunk);
	chunk_unlock(chunk);
	return 0;
}

static int scan_region(struct pager *pager, int pagemap, const struct region *region)
{
	int err = 0;

	for (uintptr_t at = region->start, next; at < region->end && !err; at = next) {
		next = (at | (chunk_size() - 1)) + 1;
		next = next < region->end ? next : region->end;
		err = scan_chunk(pager, pagemap, at, next);
	}
	return err;
}

int pager_register_all(struct pager *pager, bool scan)
{
	int pagemap = pagemap_open();
	int err = 0;

	for (size_t i = 0; i < pager->regions.count && !err; i++) {
		struct region *region = &pager->regions.region[i];

		err = pager_register(pager, (void *)region->start, region->end - region->start);
		if (!err && scan && region->touched)
			err = scan_region(pager, pagemap, region);
	}
	fd_close(pagemap);
	pager->registered = err == 0;
	return err;
}

/* Arming failed half-way: memory is plain again.  A ring that watched the userfaultfd is taken down
 * after its descriptor is closed, and keeps it till then: faults would wait, and a second attempt to
 * arm get EBUSY. */
static void unregister_all(struct pager *pager)
{
	for (size_t i = 0; i < pager->regions.count; i++) {
		struct region *region = &pager->regions.region[i];

		uffd_unregister(&pager->uffd, (void *)region->start, region->end - region->start);
	}
}

/* And nothing is known of any page. */
static void forget_pages(struct pager *pager)
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->table, 0, PAGETABLE_END)
		chunk_forget(chunk);
	pager->policy = (struct policy){ 0 };
	pager->resident = pager->kept = 0;
	pager->arena.used = 0;
}

static void claim_stats(struct pager *pager)
{
	struct stats_seat claimed;

	if (!stats_claim(&claimed))
		return;
	stats_release(&pager->seat);
	pager->seat = claimed;
	pager->stats = claimed.stats;
}

uint64_t pager_command_budget(const struct pager *pager)
{
	if (!pager->share)
		return pager_budget(pager);
	return (uint64_t)pool_total(pager->share->pool) << page_shift();
}

static void open_trace(struct pager *pager)
{
	if (pager->trace_fd < 0)
		pager->trace_fd = trace_open(pager_command_budget(pager), count_handlers(pager));
}

/* What there is no memory for is not recorded. */
static void begin_trace(struct pager *pager)
{
	open_trace(pager);
	pager->trace_events = pager->trace_fd < 0 ? 0 : TRACE_EVENTS;
	pager->discards = trace_new(pager->trace_fd, HANDLERS_MAX, TRACE_EVENTS);
	if (pager->discards && pager->options.trace_sample)
		pager->watch = watch_new(pager->options.trace_sample);
	pager->recording = pager->discards != NULL;
}

uint64_t pager_charge(const struct pager *pager)
{
	return (uint64_t)count_handlers(pager) * handler_charge(pager);
}

/* Is this the process to be recorded, and from its first page on? */
static bool must_see_all(struct pager *pager)
{
	if (!pager->options.trace_sample)
		return false;
	open_trace(pager);
	return pager->trace_fd >= 0;
}

bool pager_fits(struct pager *pager, uint64_t bytes)
{
	uint64_t frames = page_round_up(bytes) >> page_shift();

	if (frames && !pager->kept_whole && must_see_all(pager))
		return false;
	if (pager->share)
		return share_reserve(pager, (int64_t)frames) || pager->kept_whole;
	if (pager->kept_whole)
		return true;
	return frames + pager_charge(pager) <= pager->options.budget >> page_shift();
}

int pager_arm(struct pager *pager)
{
	struct target_list targets = options_targets(&pager->options);
	int err;

	pager->why = NULL;
	err = swap_open(&pager->swap, &targets, pager->options.strict, &pager->why);
	if (!err) {
		claim_stats(pager);
		begin_trace(pager);
		err = pager_start(pager);
	}
	if (!err)
		err = pager_register_all(pager, true);
	if (err) {
		error_report(EVENT_ARM_FAILED, "memory beyond the budget is refused: %s (%s)",
			     pager->why ? pager->why : "paging did not start", error_name(err));
		pager_guard_forks(pager, false);
		unregister_all(pager);
		pager_stop(pager, false);
		swap_close(&pager->swap);
		forget_pages(pager);
		return err;
	}
	stat_set(&pager->stats->armed, 1);
	atomic_store_explicit(&pager->armed, true, memory_order_release);
	pager_wake(pager);
	return 0;
}

/* -- waiting -------------------------------------------------------------------------------- */

void pager_wake(struct pager *pager)
{
	for (unsigned i = 0; i < pager->handler_count; i++)
		handler_wake(&pager->handlers[i]);
}

static void wait_for_room(struct pager *pager)
{
	struct timespec timeout = { 0, SETTLE_NS };
	uint32_t seen = pager->settled;

	atomic_fetch_add(&pager->settle_waiters, 1);
	pager_wake(pager);
	if (credit_left(&pager->arena) < 0)
		sys_futex_wait(&pager->settled, seen, &timeout);
	atomic_fetch_sub(&pager->settle_waiters, 1);
}

int pager_settle(struct pager *pager)
{
	unsigned futile = 0;
	int64_t before = credit_left(&pager->arena);

	while (before < 0) {
		int64_t left;

		wait_for_room(pager);
		left = credit_left(&pager->arena);
		futile = left > before || !pager->swap_full ? 0 : futile + 1;
		if (futile > SETTLE_FUTILE)
			return -ENOSPC;
		before = left;
	}
	return 0;
}

/* -- when all is full --------------------------------------------------------------------- */

/* To bring a page in where all is full, another must leave: a chunk of it is
 * evicted into free slots first, and the slot of the page that came is free then.
 * Each handler may have taken a run of slots for itself. */
uint64_t pager_reserve(const struct pager *pager)
{
	return pager->handler_count * (uint64_t)(WRITE_PAGES_MAX + CHUNK_PAGES);
}

int64_t pager_room(const struct pager *pager)
{
	uint64_t charge = pager->handler_count * (uint64_t)handler_charge(pager);
	uint64_t slots = swap_capacity(&pager->swap, pager->swap_full);
	int64_t frames = share_most(pager) + pager->arena.overcommit - (int64_t)charge;

	return frames + (int64_t)slots - (int64_t)(pager->kept + pager_reserve(pager));
}

void pager_tell_full(const struct pager *pager)
{
	error_report(EVENT_SWAP_FULL,
		     "swap space is full (%lu MiB): pages stay in memory; name a larger target "
		     "(-s, SPILL_SWAP)",
		     (unsigned long)(swap_used(&pager->swap) >> 20));
}

/* -- behind our back ---------------------------------------------------------------------- */

#define BEHIND_TOLD 16

void pager_note_behind(struct pager *pager)
{
	if (atomic_fetch_add(&pager->behind, 1) == BEHIND_TOLD)
		error_report(EVENT_BEHIND,
			     "the program discards or unmaps memory by system calls that are not "
			     "libc's: what was paged out may come back; see BUGS in spill(7)");
}

/* -- seeing it -------------------------------------------------------------------------------- */

static uint64_t metadata_bytes(const struct pager *pager)
{
	return pagetable_bytes(&pager->table) + pager->arena.tray_count * sizeof(struct tray);
}

/* Three counts that change one after the other. */
static uint64_t pages_swapped(const struct pager *pager)
{
	uint64_t here = pager->resident + pager->cached, kept = pager->kept;

	return kept > here ? kept - here : 0;
}

/* What the process has of private memory beside our frames: its stacks, its small
 * mappings, our tables. */
static void sample_unmanaged(struct pager *pager)
{
	int64_t anonymous = process_anonymous((uint32_t)sys_getpid());
	int64_t used = pager->arena.used;

	if (anonymous > used)
		stat_raise(&pager->stats->unmanaged_peak, (uint64_t)(anonymous - used)
								  << page_shift());
}

void pager_sample(struct pager *pager)
{
	uint64_t now = sys_now();
	uint64_t last = pager->sampled;

	if (now - last < SAMPLE_NS || !atomic_compare_exchange_strong(&pager->sampled, &last, now))
		return;
	sample_unmanaged(pager);
	pager_publish(pager);
}

uint64_t pager_publish_soon(struct pager *pager)
{
	uint64_t now = sys_now();
	uint64_t last = pager->published;

	if (now - last < PUBLISH_NS)
		return PUBLISH_NS - (now - last);
	pager->published = now;
	pager_publish(pager);
	return UINT64_MAX;
}

void pager_publish(struct pager *pager)
{
	struct stats *stats = pager->stats;

	stat_set(&stats->budget, pager_command_budget(pager));
	stat_set(&stats->held, (uint64_t)pager->arena.used << page_shift());
	stat_set(&stats->peak, (uint64_t)pager->arena.peak << page_shift());
	stat_set(&stats->reserved, pager->regions.reserved);
	stat_set(&stats->resident, pager->resident << page_shift());
	stat_set(&stats->cached, pager->cached << page_shift());
	stat_set(&stats->swapped, pages_swapped(pager) << page_shift());
	stat_set(&stats->swap_used, swap_used(&pager->swap));
	stat_set(&stats->swap_size, swap_size(&pager->swap));
	stat_set(&stats->metadata, metadata_bytes(pager));
}

/* -- the recording ---------------------------------------------------------------------------- */

static void note_gauge(struct trace *trace, enum trace_gauge gauge, uint64_t value)
{
	trace_append(trace, TRACE_GAUGE, gauge, value);
}

static uint64_t pages_unmanaged(const struct pager *pager)
{
	size_t tables = pager->arena.tray_count * sizeof(struct tray);
	int64_t unmanaged = process_anonymous((uint32_t)sys_getpid()) - pager->arena.used -
			    (int64_t)(tables >> page_shift());

	return unmanaged > 0 ? (uint64_t)unmanaged : 0;
}

static void append_gauges(struct pager *pager, struct trace *trace)
{
	const struct stats *stats = pager->stats;
	const struct watch *watch = pager->watch;

	note_gauge(trace, GAUGE_KEPT, pager->kept);
	note_gauge(trace, GAUGE_HELD, (uint64_t)pager->arena.used);
	note_gauge(trace, GAUGE_UNMANAGED, pages_unmanaged(pager));
	note_gauge(trace, GAUGE_ZEROED, stat_get(&stats->pages_zeroed));
	note_gauge(trace, GAUGE_FAULTS_ZERO, stat_get(&stats->faults_zero));
	note_gauge(trace, GAUGE_FAULTS_SOFT, stat_get(&stats->faults_soft));
	note_gauge(trace, GAUGE_FAULTS_MAJOR, stat_get(&stats->faults_major));
	note_gauge(trace, GAUGE_READ, stat_get(&stats->pages_read));
	note_gauge(trace, GAUGE_EVICTED, stat_get(&stats->pages_evicted));
	note_gauge(trace, GAUGE_THRESHOLD, watch ? watch->threshold : 0);
	note_gauge(trace, GAUGE_LOST, trace_lost());
}

void pager_note_gauges(struct pager *pager, struct trace *trace, bool now)
{
	uint64_t time = sys_now(), last = pager->gauged;

	if ((now || time - last >= GAUGE_NS) &&
	    atomic_compare_exchange_strong(&pager->gauged, &last, time))
		append_gauges(pager, trace);
}

void pager_flush_trace(struct pager *pager)
{
	struct timespec pause = { 0, FLUSH_NS };

	if (!pager_is_armed(pager) || !pager->recording)
		return;
	for (unsigned i = 0; i < pager->handler_count; i++) {
		struct handler *handler = &pager->handlers[i];

		handler->flush = true;
		for (unsigned n = 0; n < FLUSH_ROUNDS && handler->flush; n++) {
			handler_wake(handler);
			sys_call2(SYS_nanosleep, &pause, 0);
		}
	}
}
