/* SPDX-License-Identifier: MIT */
/* heap.c - the allocator: see heap.h
 *
 * jemalloc's archive is prepared with jemalloc.syms.  Its functions become je_...; what it calls in
 * libc, where it would reach our own functions, becomes allocator_...
 */
#define _GNU_SOURCE 1
#include "preload/heap.h"
#include "base/page.h"
#include "pager/pager.h"
#include "preload/preload.h"
#include "kernel/probe.h"
#include "pager/region.h"
#include "base/sys.h"
#include <pthread.h>
#include <string.h>

/* An object of this size or more is never plain: half of arena 0's first extent. */
#define HEAP_SMALL_OBJECT ((size_t)1 << 20)

/* Extents of this size and more are unmapped when they are purged.  Smaller ones stay mapped,
 * discarded, so that the address space does not fragment.  jemalloc purges extents at once from the
 * same size up (its oversize_threshold). */
#define HEAP_UNMAP_LEAST ((size_t)8 << 20)

/* An arena grows by this part of the budget: the pager arms by what is mapped, and mapping ahead of
 * need should not decide when. */
#define HEAP_GROW_PART 128
#define HEAP_GROW_LEAST ((size_t)2 << 20)
#define HEAP_GROW_MOST ((size_t)64 << 20)

/* The number that jemalloc uses for its own arenas.  One per CPU is too few: a thread that loses
 * its CPU while it holds an arena's lock stops all others of that arena (8 threads on 2 CPUs: up to
 * 3.5 times slower). */
#define HEAP_ARENAS_PER_CPU 4
#define HEAP_ARENAS_MAX 256

/* The size of a huge page.  Extents begin at multiples of it, so that they can have huge pages
 * until the pager arms (2 MiB on x86-64 and, with pages of 4 KiB, on aarch64). */
#define HEAP_ALIGN ((uintptr_t)2 << 20)

/* jemalloc's options:
 *
 *	narenas:1		threads are bound by us (heap_bind_thread)
 *	retain:true		extents of the size that we set are cut up, not mapped singly
 *	dirty_decay_ms:1000	freed frames are given back within a second of allocations:
 *				the default of 10 s keeps frames (and would write them to
 *				swap), 0 is a system call for each free of a few pages
 *	muzzy_decay_ms:0	no MADV_FREE: the pager would have to treat it like DONTNEED
 *	trust_madvise:true	no test run at start-up; it is meant for emulators
 *	zero_realloc:free	realloc(p, 0) as in glibc */
static const char heap_config[] = "narenas:1,retain:true,dss:disabled,thp:default,"
				  "metadata_thp:disabled,background_thread:false,"
				  "dirty_decay_ms:1000,muzzy_decay_ms:0,"
				  "trust_madvise:true,zero_realloc:free";

static _Atomic size_t plain_mapped;   /* bytes that jemalloc has mapped itself */
static _Atomic size_t plain_first;    /* the same, when it had just set itself up */
static _Atomic uintptr_t extents_end; /* where the next extent should begin; 0: not known yet */
static _Atomic unsigned arenas[HEAP_ARENAS_MAX]; /* 0: not made yet */

/* --- extents of managed memory */

/* Our extents grow upwards in a part of the address space where nothing else lies, an eighth of it
 * below the libraries.  So they form one mapping and one region. */
static uintptr_t extents_begin(void)
{
	void *addr = sys_mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t expected = 0, begin;

	if (sys_is_error(addr))
		return 0;
	sys_munmap(addr, page_size());
	begin = ((uintptr_t)addr - (uintptr_t)addr / 8) & ~(HEAP_ALIGN - 1);
	return atomic_compare_exchange_strong(&extents_end, &expected, begin) ? begin : expected;
}

/* Where the next extent of this size should lie; two threads never get the same place. */
static void *extent_hint(size_t size)
{
	if (atomic_load(&extents_end) == 0)
		extents_begin();
	return (void *)atomic_fetch_add(&extents_end, size);
}

static void *extent_map(void *hint, size_t size)
{
	void *addr = sys_mmap(hint, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return sys_is_error(addr) ? NULL : addr;
}

/* Maps more than needed, and cuts off the surplus. */
static void *extent_map_aligned(size_t size, size_t align)
{
	size_t more = size + align - page_size();
	uintptr_t addr, start;

	if (more < size)
		return NULL;
	addr = (uintptr_t)extent_map(extent_hint(more), more);
	if (!addr)
		return NULL;
	start = (addr + align - 1) & ~(uintptr_t)(align - 1);
	if (start > addr)
		sys_munmap((void *)addr, start - addr);
	if (addr + more > start + size)
		sys_munmap((void *)(start + size), addr + more - (start + size));
	return (void *)start;
}

static void *extent_alloc(extent_hooks_t *hooks, void *at, size_t size, size_t align, bool *zero,
			  bool *commit, unsigned arena)
{
	struct pager *pager;
	void *addr;

	(void)hooks;
	(void)arena;
	if (at) /* growing in place: jemalloc does not ask for it when it retains */
		return NULL;
	addr = align <= page_size() ? extent_map(extent_hint(size), size)
				    : extent_map_aligned(size, align);
	if (!addr)
		return NULL;
	pager = preload_pager();
	if (pager && region_adopt(pager, addr, size, PROT_READ | PROT_WRITE) < 0) {
		sys_munmap(addr, size);
		return NULL;
	}
	*zero = true;
	*commit = true;
	return addr;
}

static int extent_unmap(void *addr, size_t size)
{
	struct pager *pager = preload_pager_made();

	return pager ? region_unmap(pager, addr, size) : sys_munmap(addr, size);
}

static bool extent_dalloc(extent_hooks_t *hooks, void *addr, size_t size, bool committed,
			  unsigned arena)
{
	uintptr_t end = (uintptr_t)addr + size;

	(void)hooks;
	(void)committed;
	(void)arena;
	if (size < HEAP_UNMAP_LEAST || extent_unmap(addr, size) < 0)
		return true;
	/* If this was the last extent, its place is free again (a buffer that comes and goes). */
	atomic_compare_exchange_strong(&extents_end, &end, (uintptr_t)addr);
	return false;
}

static void extent_destroy(extent_hooks_t *hooks, void *addr, size_t size, bool committed,
			   unsigned arena)
{
	(void)hooks;
	(void)committed;
	(void)arena;
	extent_unmap(addr, size);
}

/* Free memory belongs to nobody: pins of the objects that were there (in_place.c) end now. */
static bool extent_purge(extent_hooks_t *hooks, void *addr, size_t size, size_t offset,
			 size_t length, unsigned arena)
{
	struct pager *pager = preload_pager_made();
	char *start = (char *)addr + offset;

	(void)hooks;
	(void)size;
	(void)arena;
	if (!pager) /* it has retired */
		return sys_madvise(start, length, MADV_DONTNEED) < 0;
	if (pager->paging.budget.pinned)
		region_unpin(pager, start, length);
	return region_discard(pager, start, length) < 0;
}

/* Linux does not mind where one mapping ends and the next begins. */
static bool extent_split(extent_hooks_t *hooks, void *addr, size_t size, size_t size_a,
			 size_t size_b, bool committed, unsigned arena)
{
	(void)hooks;
	(void)addr;
	(void)size;
	(void)size_a;
	(void)size_b;
	(void)committed;
	(void)arena;
	return false;
}

static bool extent_merge(extent_hooks_t *hooks, void *addr_a, size_t size_a, void *addr_b,
			 size_t size_b, bool committed, unsigned arena)
{
	(void)hooks;
	(void)addr_a;
	(void)size_a;
	(void)addr_b;
	(void)size_b;
	(void)committed;
	(void)arena;
	return false;
}

static extent_hooks_t extent_hooks = {
	.alloc = extent_alloc,
	.dalloc = extent_dalloc,
	.destroy = extent_destroy,
	.purge_forced = extent_purge,
	.split = extent_split,
	.merge = extent_merge,
};

/* --- arenas */

static size_t arena_growth(const struct pager *pager)
{
	uint64_t part = pager->paging.budget.bytes / HEAP_GROW_PART;

	if (part < HEAP_GROW_LEAST)
		return HEAP_GROW_LEAST;
	return part < HEAP_GROW_MOST ? (size_t)part : HEAP_GROW_MOST;
}

/* Sets "arena.<arena>.<leaf>"; name is written as for arena 0. */
static int arena_set(unsigned arena, const char *name, void *value, size_t size)
{
	size_t mib[3], depth = 3;
	int err = je_mallctlnametomib(name, mib, &depth);

	mib[1] = arena;
	return err ? err : je_mallctlbymib(mib, depth, NULL, NULL, value, size);
}

/* A new arena of managed memory, or 0. */
static unsigned arena_new(const struct pager *pager)
{
	extent_hooks_t *hooks = &extent_hooks;
	size_t growth = arena_growth(pager);
	unsigned arena;
	size_t size = sizeof(arena);

	if (je_mallctl("arenas.create", &arena, &size, NULL, 0))
		return 0;
	if (arena_set(arena, "arena.0.extent_hooks", &hooks, sizeof(hooks)) ||
	    arena_set(arena, "arena.0.retain_grow_limit", &growth, sizeof(growth)))
		return 0;
	return arena;
}

/* Which of arenas[] the next thread gets. */
static unsigned arena_next_place(void)
{
	static _Atomic unsigned places, turn;
	unsigned n = atomic_load(&places);

	if (n == 0) {
		n = HEAP_ARENAS_PER_CPU * probe_cpus();
		n = n < HEAP_ARENAS_MAX ? n : HEAP_ARENAS_MAX;
		atomic_store(&places, n);
	}
	return atomic_fetch_add(&turn, 1) % n;
}

bool heap_bind_thread(void)
{
	struct pager *pager = preload_pager();
	unsigned place, arena, none = 0;

	if (!pager)
		return false;
	place = arena_next_place();
	arena = atomic_load(&arenas[place]);
	if (arena == 0) {
		arena = arena_new(pager);
		/* If another thread was as quick, this thread has our arena to itself. */
		atomic_compare_exchange_strong(&arenas[place], &none, arena);
	}
	return arena != 0 && je_mallctl("thread.arena", NULL, NULL, &arena, sizeof(arena)) == 0;
}

/* What jemalloc maps when it starts includes a first extent of 2 MiB for arena 0.  As long as the
 * process needs no more than that, it is small. */
bool heap_is_small(size_t size)
{
	return size < HEAP_SMALL_OBJECT && atomic_load(&plain_mapped) <= atomic_load(&plain_first);
}

void *heap_plain_alloc(size_t size, size_t align, bool zero)
{
	int flags = MALLOCX_ARENA(0) | MALLOCX_TCACHE_NONE | MALLOCX_ALIGN(align);

	return je_mallocx(size ? size : 1, flags | (zero ? MALLOCX_ZERO : 0));
}

#define TEXT_OF(n) #n
#define ALL_ARENAS(leaf) ALL_ARENAS_(MALLCTL_ARENAS_ALL, leaf)
#define ALL_ARENAS_(all, leaf) "arena." TEXT_OF(all) "." leaf

void heap_trim(void)
{
	je_mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	je_mallctl(ALL_ARENAS("purge"), NULL, NULL, NULL, 0);
}

/* --- what jemalloc calls instead of libc's functions (jemalloc.syms) */

void *allocator_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int allocator_munmap(void *addr, size_t size);
int allocator_mprotect(void *addr, size_t size, int prot);
int allocator_madvise(void *addr, size_t size, int advice);
void *allocator_sbrk(intptr_t increment);
int allocator_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
const char *allocator_getenv(const char *name);
double allocator_log(double x);
double allocator_exp(double x);
double allocator_round(double x);
int allocator_unwind(void *callback, void *argument);
uintptr_t allocator_unwind_ip(void *context);

static int result(long ret)
{
	if (ret >= 0)
		return (int)ret;
	errno = (int)-ret;
	return -1;
}

/* For its tables, and the extents of arena 0. */
void *allocator_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *ret = sys_mmap(addr, size, prot, flags, fd, offset);

	if (sys_is_error(ret)) {
		errno = -sys_error(ret);
		return MAP_FAILED;
	}
	atomic_fetch_add_explicit(&plain_mapped, size, memory_order_relaxed);
	if (preload_retired)
		preload_note_plain(size);
	return ret;
}

int allocator_munmap(void *addr, size_t size)
{
	atomic_fetch_sub_explicit(&plain_mapped, size, memory_order_relaxed);
	return result(sys_munmap(addr, size));
}

int allocator_mprotect(void *addr, size_t size, int prot)
{
	return result(sys_mprotect(addr, size, prot));
}

int allocator_madvise(void *addr, size_t size, int advice)
{
	return result(sys_madvise(addr, size, advice));
}

/* The break is the program's. */
void *allocator_sbrk(intptr_t increment)
{
	(void)increment;
	errno = ENOMEM;
	return (void *)-1;
}

/* The last call that jemalloc makes when it sets itself up. */
int allocator_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	atomic_store(&plain_first, atomic_load(&plain_mapped));
	preload_register_fork();
	return pthread_atfork(prepare, parent, child);
}

/* jemalloc shifts large objects by up to a page, so that their starts do not share cache sets.
 * This costs each object of 16 KiB one more frame, and tips mappings of a size class into the next,
 * which is a quarter larger.  jemalloc's configuration has no option for this before 5.3.1. */
extern bool je_opt_cache_oblivious;

/* jemalloc asks for only one variable, MALLOC_CONF, and does so before it uses any option.  The
 * user's value is meant for the user's own jemalloc; ours also overrides /etc/malloc.conf. */
const char *allocator_getenv(const char *name)
{
	if (strcmp(name, "MALLOC_CONF") != 0)
		return NULL;
	je_opt_cache_oblivious = false;
	return heap_config;
}

/* For heap profiling, which is off: the real ones would need libm and libgcc_s. */
double allocator_log(double x)
{
	return x;
}

double allocator_exp(double x)
{
	return x;
}

double allocator_round(double x)
{
	return x;
}

int allocator_unwind(void *callback, void *argument)
{
	(void)callback;
	(void)argument;
	return 0;
}

uintptr_t allocator_unwind_ip(void *context)
{
	(void)context;
	return 0;
}
