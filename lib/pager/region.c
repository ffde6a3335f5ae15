/* SPDX-License-Identifier: MIT */
/* region.c - what the application asks for: see region.h
 *
 * Each public function packs its arguments and enters: through region_call, where a function of the
 * same name with _locked does the work, or, where (G) is not needed, through guard_call, where one
 * with _guarded does.
 */
#include "pager/region.h"
#include "paging/start.h"
#include "paging/fill.h"
#include "base/guard.h"
#include "base/newer.h"
#include "kernel/pagemap.h"
#include "pager/pager.h"
#include "paging/watch.h"
#include <string.h>

struct range_args {
	void *addr;
	size_t size;
	int prot, key;
	int advice;
	bool keep;
	region_op op;
	void *context;
	unsigned char *states;
};

static uintptr_t start_of(const struct range_args *a)
{
	return (uintptr_t)a->addr;
}

static uintptr_t end_of(const struct range_args *a)
{
	return (uintptr_t)a->addr + page_round_up(a->size);
}

/* All the pages that a range touches. */
static struct range_args widened(void *addr, size_t size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);

	return (struct range_args){ .addr = (void *)start,
				    .size = page_round_up((uintptr_t)addr + size) - start };
}

/* -- the lock ----------------------------------------------------------------------- */

bool region_lock(struct pager *pager)
{
	if (pager->region_owner == sys_gettid())
		return false;
	lock_take(&pager->region_lock, LOCK_REGION);
	return true;
}

void region_unlock(struct pager *pager, bool taken)
{
	if (taken)
		lock_drop(&pager->region_lock, LOCK_REGION);
}

/* What region_call gives to guard_call. */
struct locked_call {
	guard_function function;
	_Alignas(max_align_t) char argument[REGION_ARGUMENT_MAX];
};
static_assert(sizeof(struct locked_call) <= GUARD_ARGUMENT_MAX, "guard_call takes no more");

static long call_locked(struct pager *pager, void *argument)
{
	struct locked_call *call = argument;
	bool taken = region_lock(pager);
	long result = call->function(pager, call->argument);

	region_unlock(pager, taken);
	return result;
}

long region_call(struct pager *pager, guard_function function, void *argument, size_t size)
{
	struct locked_call call = { .function = function };
	long result;

	assert(size <= sizeof(call.argument));
	memcpy(call.argument, argument, size);
	result = guard_call(pager, call_locked, &call, sizeof(call));
	memcpy(argument, call.argument, size);
	return result;
}

/* -- adopting --------------------------------------------------------------------------- */

/* What can be touched once [start, end) has this protection. */
static uint64_t accessible_then(struct pager *pager, const struct range_args *a, uint64_t bytes)
{
	uint64_t now = pager->regions.accessible;

	now -= ranges_bytes(&pager->regions, start_of(a), end_of(a), true);
	return a->prot == PROT_NONE ? now : now + bytes;
}

/* Strict: all that can be touched has a place on swap space beforehand, and what the handlers
 * take ahead. */
static int back(struct pager *pager, uint64_t accessible)
{
	if (!pager->options.strict)
		return 0;
	return store_back(&pager->paging.store,
			  accessible + (paging_reserve(&pager->paging) << page_shift()))
		       ? -ENOMEM
		       : 0;
}

/* Arms the pager if bytes of this range would pass the budget. */
static int arm_if_needed(struct pager *pager, const struct range_args *a, uint64_t bytes)
{
	uint64_t accessible = accessible_then(pager, a, bytes);
	int err = 0;

	if (!paging_is_armed(&pager->paging) && pager_fits(pager, accessible))
		return 0;
	if (!paging_is_armed(&pager->paging))
		err = pager_arm(pager);
	if (!err && accessible > pager->regions.accessible)
		err = back(pager, accessible);
	return err;
}

/* Frames and slots have run out: more memory could not be kept.  That may come before any eviction
 * has found no slot, so it is told here, too. */
static bool is_exhausted(struct pager *pager)
{
	if (!paging_is_armed(&pager->paging) || paging_room(&pager->paging) > 0)
		return false;
	paging_tell_full(&pager->paging);
	return true;
}

/* Changes the pages of the range in each row that there is, one after the other. */
static void change_chunks(struct pager *pager, const struct range_args *a,
			  void (*change)(struct chunk *chunk, uint64_t mask))
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, start_of(a), end_of(a)) {
		lock_take(&chunk->lock, LOCK_CHUNK);
		change(chunk, chunk_mask_of(chunk, start_of(a), end_of(a)));
		chunk_unlock(chunk);
	}
}

static long adopt_locked(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;
	int err;

	if (!ranges_have_room(&pager->regions) || is_exhausted(pager))
		return -ENOMEM;
	err = arm_if_needed(pager, a, end_of(a) - start_of(a));
	if (!err && paging_is_armed(&pager->paging))
		err = paging_register(&pager->paging, a->addr, end_of(a) - start_of(a));
	if (err)
		return err;
	/* What another userfaultfd had here is gone: the range was mapped anew. */
	change_chunks(pager, a, chunk_welcome);
	ranges_set(&pager->regions, start_of(a), end_of(a), a->prot);
	return 0;
}

/* What it waits for may take as long as the disk does: with signals open, and no lock held. */
int region_adopt(struct pager *pager, void *addr, size_t size, int prot)
{
	struct range_args args = { .addr = addr, .size = size, .prot = prot };
	bool was_armed = paging_is_armed(&pager->paging);
	int err = (int)region_call(pager, adopt_locked, &args, sizeof(args));

	if (!err && !was_armed && paging_is_armed(&pager->paging))
		pager_fit(pager);
	return err;
}

static long arm_locked(struct pager *pager, void *argument)
{
	bool only_if_needed = *(bool *)argument;

	if (paging_is_armed(&pager->paging) || pager->kept_whole)
		return 0;
	if (only_if_needed && pager_fits(pager, pager->regions.accessible))
		return 0;
	return pager_arm(pager);
}

static int arm(struct pager *pager, bool only_if_needed)
{
	return (int)region_call(pager, arm_locked, &only_if_needed, sizeof(only_if_needed));
}

int region_arm(struct pager *pager)
{
	return arm(pager, false);
}

int region_fit(struct pager *pager)
{
	return arm(pager, true);
}

static long keep_locked(struct pager *pager, void *argument)
{
	if (paging_is_armed(&pager->paging))
		return false;
	pager->kept_whole = *(bool *)argument;
	return true;
}

bool region_keep(struct pager *pager, bool keep)
{
	return region_call(pager, keep_locked, &keep, sizeof(keep));
}

/* -- replacing ------------------------------------------------------------------------ */

/* The rows that there are.  Others may appear as long as this lasts: somebody
 * touches a page for the first time while its range is discarded. */
static void lock_chunks(struct pager *pager, const struct range_args *a)
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, start_of(a), end_of(a)) {
		lock_take(&chunk->lock, LOCK_CHUNK);
		chunk->claimed = true;
	}
}

static void unlock_chunks(struct pager *pager, const struct range_args *a)
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, start_of(a), end_of(a)) {
		if (!chunk->claimed)
			continue;
		chunk->claimed = false;
		chunk_unlock(chunk);
	}
}

/* Pins end with the mapping that they were for. */
static void drop_pins(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	mask &= chunk->pinned;
	chunk->pinned &= ~mask;
	atomic_fetch_sub(&pager->paging.budget.pinned, mask_count(mask));
}

static void discard(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	if (__builtin_expect(pager->paging.discards != NULL, 0) && mask &&
	    watch_takes(pager->paging.watch, chunk))
		trace_append(pager->paging.discards, TRACE_DISCARD, chunk->address >> page_shift(),
			     mask);
	chunk_discard(&pager->paging.pages, chunk, mask);
}

/* A row that appeared meanwhile: its pages came before the call, and are gone, or
 * behind it. */
static void discard_latecomer(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	lock_take(&chunk->lock, LOCK_CHUNK);
	mask &= chunk->resident;
	mask &= ~pagemap_present(pager->paging.pagemap_fd, chunk_page(chunk, 0), CHUNK_PAGES);
	discard(pager, chunk, mask);
	chunk_unlock(chunk);
}

/* The mapping stays, so what poisoned pages of it must not. */
static void lift_poison(struct pager *pager, struct chunk *chunk, uint64_t mask)
{
	uintptr_t from = chunk->address, to = from + chunk_size();
	struct region part;
	size_t i;

	if (!(chunk->poisoned & mask))
		return;
	ranges_for_each(part, i, &pager->regions, from, to)
		fill_lift_poison(&pager->paging, chunk,
				 mask & chunk_mask_of(chunk, part.start, part.end), part.prot);
}

static void discard_chunks(struct pager *pager, const struct range_args *a)
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, start_of(a), end_of(a)) {
		uint64_t mask = chunk_mask_of(chunk, start_of(a), end_of(a));

		if (!chunk->claimed) {
			discard_latecomer(pager, chunk, mask);
			continue;
		}
		if (a->keep)
			lift_poison(pager, chunk, mask);
		else
			drop_pins(pager, chunk, mask);
		discard(pager, chunk, mask);
	}
}

/* The call failed at some mapping (of locked pages, for MADV_DONTNEED): what it discarded
 * before that is gone all the same. */
static void discard_gone(struct pager *pager, const struct range_args *a)
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, start_of(a), end_of(a)) {
		uint64_t mask = chunk_mask_of(chunk, start_of(a), end_of(a)) & chunk->resident;

		if (!chunk->claimed || !mask)
			continue;
		mask &= ~pagemap_present(pager->paging.pagemap_fd, chunk_page(chunk, 0),
					 CHUNK_PAGES);
		discard(pager, chunk, mask);
	}
}

static bool op_failed(long result)
{
	return result < 0 && result >= -4095;
}

static long replace_locked(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;
	bool armed = paging_is_armed(&pager->paging);
	long result;

	if (!ranges_have_room(&pager->regions))
		return -ENOMEM;
	if (armed)
		lock_chunks(pager, a);
	result = a->op(a->context, a->addr, a->size);
	if (op_failed(result)) {
		if (armed)
			discard_gone(pager, a);
	} else {
		if (armed)
			discard_chunks(pager, a);
		if (!a->keep) {
			ranges_clear(&pager->regions, start_of(a), end_of(a));
			readahead_advise(&pager->paging.readahead, start_of(a) >> page_shift(),
					 end_of(a) >> page_shift(), SPILL_NORMAL);
			if (!armed) /* others may have the rest */
				pager_fits(pager, pager->regions.accessible);
		}
	}
	if (armed)
		unlock_chunks(pager, a);
	return result;
}

long region_replace(struct pager *pager, void *addr, size_t size, bool keep, region_op op,
		    void *context)
{
	struct range_args args = {
		.addr = addr,
		.size = size,
		.keep = keep,
		.op = op,
		.context = context,
	};

	return region_call(pager, replace_locked, &args, sizeof(args));
}

static long op_unmap(void *context, void *addr, size_t size)
{
	(void)context;
	return sys_munmap(addr, size);
}

static long op_discard(void *context, void *addr, size_t size)
{
	(void)context;
	return sys_madvise(addr, size, MADV_DONTNEED);
}

int region_unmap(struct pager *pager, void *addr, size_t size)
{
	return (int)region_replace(pager, addr, size, false, op_unmap, NULL);
}

int region_discard(struct pager *pager, void *addr, size_t size)
{
	return (int)region_replace(pager, addr, size, true, op_discard, NULL);
}

/* -- protecting ------------------------------------------------------------------------ */

/* What MOVE refused before, it may take now. */
static void forget_unmovable(struct chunk *chunk, uint64_t mask)
{
	chunk->unmovable &= ~mask;
}

static int ask_kernel(const struct range_args *a, void *addr, size_t size)
{
	if (a->key == NO_KEY)
		return sys_mprotect(addr, size, a->prot);
	return (int)sys_call4(SYS_pkey_mprotect, addr, size, a->prot, a->key);
}

/* Where the part of the range that begins at at ends, and whether it is managed. */
static bool next_part(struct pager *pager, const struct range_args *a, uintptr_t at,
		      uintptr_t *ret_end)
{
	size_t i = ranges_find(&pager->regions, at);
	const struct region *next = &pager->regions.region[i];
	bool managed = i < pager->regions.count && next->start <= at;
	uintptr_t end = end_of(a);

	if (i < pager->regions.count)
		end = managed ? next->end : next->start;
	*ret_end = end < end_of(a) ? end : end_of(a);
	return managed;
}

/* Where something in the range is not mapped, or may not be so, the kernel stops, and has
 * changed what lies before that.  So do we, by going the same way part by part. */
static void protect_parts(struct pager *pager, const struct range_args *a)
{
	for (uintptr_t at = start_of(a), end; at < end_of(a); at = end) {
		bool managed = next_part(pager, a, at, &end);

		if (!ranges_have_room(&pager->regions) || ask_kernel(a, (void *)at, end - at) < 0)
			break;
		if (managed)
			ranges_protect(&pager->regions, at, end, a->prot);
	}
}

static long protect_locked(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;
	uint64_t managed = ranges_bytes(&pager->regions, start_of(a), end_of(a), false);
	int err;

	if (!ranges_have_room(&pager->regions))
		return -ENOMEM;
	err = arm_if_needed(pager, a, managed);
	if (err)
		return err;
	err = ask_kernel(a, a->addr, a->size);
	if (err)
		protect_parts(pager, a);
	else
		ranges_protect(&pager->regions, start_of(a), end_of(a), a->prot);
	if (paging_is_armed(&pager->paging))
		change_chunks(pager, a, forget_unmovable);
	return err;
}

int region_protect(struct pager *pager, void *addr, size_t size, int prot, int key)
{
	struct range_args args = { .addr = addr, .size = size, .prot = prot, .key = key };

	return (int)region_call(pager, protect_locked, &args, sizeof(args));
}

static long protection_locked(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;
	uintptr_t start = (uintptr_t)a->addr, end = start + a->size;
	uint64_t bytes = 0;
	struct region part;
	int prot = -1;
	size_t i;

	ranges_for_each(part, i, &pager->regions, start, end)
	{
		if (prot != -1 && prot != part.prot)
			break;
		prot = part.prot;
		bytes += part.end - part.start;
	}
	return bytes == a->size ? prot : -EFAULT;
}

int region_protection(struct pager *pager, void *addr, size_t size)
{
	struct range_args args = { .addr = addr, .size = size };

	return (int)region_call(pager, protection_locked, &args, sizeof(args));
}

/* -- what a fork's child has of it ------------------------------------------------------------- */

static void note_inherit(struct pager *pager, const struct range_args *a)
{
	bool fork = a->advice == MADV_DONTFORK || a->advice == MADV_DOFORK;

	ranges_inherit(&pager->regions, start_of(a), end_of(a),
		       fork ? INHERIT_NOTHING : INHERIT_ZEROS,
		       a->advice == MADV_DONTFORK || a->advice == MADV_WIPEONFORK);
}

/* As it was: see pager_guard_forks. */
static void guard_range(struct pager *pager, const struct range_args *a)
{
	struct region part;
	size_t i;

	ranges_for_each(part, i, &pager->regions, start_of(a), end_of(a))
		sys_madvise((void *)part.start, part.end - part.start, MADV_DONTFORK);
}

static long inherit_locked(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;
	int err = ranges_have_room(&pager->regions) ? sys_madvise(a->addr, a->size, a->advice)
						    : -ENOMEM;

	/* ENOMEM: it holds for what is mapped. */
	if ((!err || err == -ENOMEM) && ranges_have_room(&pager->regions))
		note_inherit(pager, a);
	if (paging_is_armed(&pager->paging) && a->advice == MADV_DOFORK)
		guard_range(pager, a);
	return err;
}

int region_inherit(struct pager *pager, void *addr, size_t size, int advice)
{
	struct range_args args = { .addr = addr, .size = size, .advice = advice };

	return (int)region_call(pager, inherit_locked, &args, sizeof(args));
}

static void forget_pages(struct pager *pager, const struct region *region)
{
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, region->start, region->end) {
		uint64_t mask = chunk_mask_of(chunk, region->start, region->end);

		drop_pins(pager, chunk, mask);
		chunk_discard(&pager->paging.pages, chunk, mask);
	}
}

/* Where the kernel left nothing, nothing is to be from now on: the pager's mappings that this
 * child is about to make would be what a stray pointer of the program finds there. */
static void block(const struct region *region)
{
	sys_mmap((void *)region->start, region->end - region->start, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}

void region_fork_child(struct pager *pager)
{
	for (size_t i = pager->regions.count; i-- > 0;) {
		struct region region = pager->regions.region[i];

		if (!region.inherit)
			continue;
		if (paging_is_armed(&pager->paging))
			forget_pages(pager, &region);
		if (!(region.inherit & INHERIT_NOTHING))
			continue;
		ranges_clear(&pager->regions, region.start, region.end);
		if (paging_is_armed(&pager->paging))
			block(&region);
	}
}

/* -- the budget ----------------------------------------------------------------------- */

/* What is left is for all else that comes and goes: with less than 4 MiB the pager is kept busy with
 * itself. */
#define UNPINNED_LEAST ((uint64_t)4 << 20)

/* Of so large a budget, the pages that may be pinned. */
static uint64_t pins_most(uint64_t budget)
{
	uint64_t rest = budget / 4 > UNPINNED_LEAST ? budget / 4 : UNPINNED_LEAST;

	return (budget - rest) >> page_shift();
}

static long set_budget_locked(struct pager *pager, void *argument)
{
	size_t bytes = *(size_t *)argument;

	if (pager->paging.budget.pinned > pins_most(bytes))
		return -EBUSY;
	paging_set_budget(&pager->paging, bytes);
	if (paging_is_armed(&pager->paging) || pager_fits(pager, pager->regions.accessible))
		return 0;
	return pager_arm(pager);
}

int region_set_budget(struct pager *pager, size_t budget)
{
	int err = (int)region_call(pager, set_budget_locked, &budget, sizeof(budget));

	return err || !paging_is_armed(&pager->paging) ? err : pager_fit(pager);
}

/* -- asking ---------------------------------------------------------------------------- */

static uint64_t managed_bytes(struct pager *pager, const struct range_args *a)
{
	return ranges_bytes(&pager->regions, start_of(a), end_of(a), false);
}

static long managed_locked(struct pager *pager, void *argument)
{
	return (long)managed_bytes(pager, argument);
}

static uint64_t region_bytes(struct pager *pager, const void *addr, size_t size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);
	struct range_args args = { .addr = (void *)start, .size = (uintptr_t)addr + size - start };

	if (!pager->regions.reserved)
		return 0;
	return (uint64_t)region_call(pager, managed_locked, &args, sizeof(args));
}

bool region_overlaps(struct pager *pager, const void *addr, size_t size)
{
	return region_bytes(pager, addr, size) > 0;
}

bool region_covers(struct pager *pager, const void *addr, size_t size)
{
	uintptr_t start = page_round_down((uintptr_t)addr);
	uintptr_t end = page_round_up((uintptr_t)addr + size);

	return region_bytes(pager, addr, size) == end - start;
}

/* The part is in the argument's place. */
static long first_part_locked(struct pager *pager, void *argument)
{
	struct range_args *a = argument;
	struct region part = { 0 };
	size_t i = ranges_find(&pager->regions, start_of(a));

	if (i < pager->regions.count)
		part = ranges_part(&pager->regions, i, start_of(a), end_of(a));
	if (part.start >= part.end)
		return false;
	*a = (struct range_args){ .addr = (void *)part.start, .size = part.end - part.start };
	return true;
}

/* Unmaps the parts of a range that are regions, one at a time. */
int region_release(struct pager *pager, void *addr, size_t size)
{
	char *end = (char *)addr + page_round_up(size);

	for (char *at = addr; at < end;) {
		struct range_args part = { .addr = at, .size = (size_t)(end - at) };
		int err;

		if (!region_call(pager, first_part_locked, &part, sizeof(part)))
			return 0;
		err = region_unmap(pager, part.addr, part.size);
		if (err)
			return err;
		at = (char *)part.addr + part.size;
	}
	return 0;
}

/* -- advising ---------------------------------------------------------------------------- */

static long note_guarded(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;

	readahead_advise(&pager->paging.readahead, start_of(a) >> page_shift(),
			 end_of(a) >> page_shift(), (unsigned)a->advice);
	return 0;
}

static long request_guarded(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;
	struct request request = { .start = start_of(a), .end = end_of(a) };

	request.kind = a->advice == SPILL_COLD ? REQUEST_COLD : REQUEST_WILL_NEED;
	request_push(&pager->paging.requests, request);
	handler_wake_all(&pager->paging);
	return 0;
}

int region_advise(struct pager *pager, void *addr, size_t size, enum spill_advice advice)
{
	struct range_args args = widened(addr, size);

	args.advice = (int)advice;
	switch (advice) {
	case SPILL_NORMAL:
	case SPILL_SEQUENTIAL:
	case SPILL_RANDOM:
		return (int)guard_call(pager, note_guarded, &args, sizeof(args));
	case SPILL_WILL_NEED:
	case SPILL_COLD:
		if (!paging_is_armed(&pager->paging))
			return 0;
		return (int)guard_call(pager, request_guarded, &args, sizeof(args));
	case SPILL_DONT_NEED:
		return region_discard(pager, args.addr, args.size);
	}
	return -EINVAL;
}

/* -- pinning ------------------------------------------------------------------------------ */

static uint64_t unpinned_pages(struct pager *pager, const struct range_args *a)
{
	uint64_t n = (end_of(a) - start_of(a)) >> page_shift();
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, start_of(a), end_of(a))
		n -= mask_count(chunk->pinned & chunk_mask_of(chunk, start_of(a), end_of(a)));
	return n;
}

static int set_pins(struct pager *pager, const struct range_args *a)
{
	for (uintptr_t at = start_of(a); at < end_of(a); at = (at | (chunk_size() - 1)) + 1) {
		struct chunk *chunk = pagetable_make(&pager->paging.pages.table, at);
		uint64_t more;

		if (!chunk)
			return -ENOMEM;
		lock_take(&chunk->lock, LOCK_CHUNK);
		more = chunk_mask_of(chunk, start_of(a), end_of(a)) & ~chunk->pinned;
		chunk->pinned |= more;
		atomic_fetch_add(&pager->paging.budget.pinned, mask_count(more));
		chunk_unlock(chunk);
	}
	return 0;
}

static long pin_locked(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;
	uint64_t most = pins_most(pager->paging.budget.bytes);

	if (managed_bytes(pager, a) != end_of(a) - start_of(a))
		return -ENOMEM;
	if (pager->paging.budget.pinned + unpinned_pages(pager, a) > most)
		return -ENOMEM;
	return set_pins(pager, a);
}

static long unpin_locked(struct pager *pager, void *argument)
{
	const struct range_args *a = argument;
	struct chunk *chunk;

	pagetable_for_each(chunk, &pager->paging.pages.table, start_of(a), end_of(a)) {
		lock_take(&chunk->lock, LOCK_CHUNK);
		drop_pins(pager, chunk, chunk_mask_of(chunk, start_of(a), end_of(a)));
		/* Handlers may have let it out of the queue. */
		if (chunk->resident)
			policy_insert(&pager->paging.policy, chunk);
		chunk_unlock(chunk);
	}
	return 0;
}

/* Touches every page; the kernel tells of a poisoned one instead of raising
 * SIGBUS.  Before Linux 5.14, and where kernel faults are not served, it cannot, and we touch
 * them ourselves. */
static int touch_pages(const struct pager *pager, const struct range_args *a)
{
	bool asks_us = paging_is_armed(&pager->paging) && !pager->paging.uffd.kernel;
	int err = asks_us ? -EINVAL : sys_madvise(a->addr, a->size, MADV_POPULATE_READ);

	if (err == -EFAULT || err == -EHWPOISON)
		return -EIO;
	if (err == -EINVAL)
		for (uintptr_t at = start_of(a); at < end_of(a); at += page_size())
			(void)*(volatile char *)at;
	return 0;
}

int region_pin(struct pager *pager, void *addr, size_t size)
{
	struct range_args args = widened(addr, size);
	int err = (int)region_call(pager, pin_locked, &args, sizeof(args));

	if (!err)
		err = touch_pages(pager, &args);
	if (err == -EIO)
		region_unpin(pager, addr, size);
	return err;
}

int region_unpin(struct pager *pager, void *addr, size_t size)
{
	struct range_args args = widened(addr, size);

	if (!region_covers(pager, addr, size))
		return -ENOMEM;
	return (int)region_call(pager, unpin_locked, &args, sizeof(args));
}
