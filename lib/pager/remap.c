/* SPDX-License-Identifier: MIT */
/* remap.c - mremap of managed ranges: see region.h
 *
 * Growing in place and shrinking are the kernel's own calls.  Moving maps a new region and copies
 * the old contents chunk by chunk, giving each chunk back as it goes.  This is right whatever state
 * the pages are in, and stays within the budget.
 *
 * What the kernel refuses is refused here before anything has changed.  (Since Linux 6.17 the
 * kernel moves ranges of several mappings if their size stays the same; we do not.)
 */
#include "base/newer.h"
#include "pager/pager.h"
#include "pager/region.h"
#include <string.h>

#define READ_WRITE (PROT_READ | PROT_WRITE)

struct remap_args {
	void *addr;
	size_t old_size, new_size;
};

/* -- in place -------------------------------------------------------------------------- */

static long op_shrink(void *context, void *tail, size_t size)
{
	const struct remap_args *a = context;
	void *result = sys_mremap(a->addr, a->old_size, a->new_size, 0, NULL);

	(void)tail, (void)size;
	return sys_is_error(result) ? sys_error(result) : 0;
}

/* Cuts off what lies beyond the new size, managed or not. */
static void *shrink(struct pager *pager, void *addr, size_t old_size, size_t new_size)
{
	struct remap_args args = { .addr = addr, .old_size = old_size, .new_size = new_size };
	char *tail = (char *)addr + new_size;
	long err = 0;

	if (new_size < old_size)
		err = region_replace(pager, tail, old_size - new_size, false, op_shrink, &args);
	return err ? (void *)err : addr;
}

static long grow_locked(struct pager *pager, void *argument)
{
	const struct remap_args *a = argument;
	void *result = sys_mremap(a->addr, a->old_size, a->new_size, 0, NULL);

	(void)pager;
	return sys_is_error(result) ? sys_error(result) : 0;
}

static void *grow_in_place(struct pager *pager, void *addr, size_t old_size, size_t new_size,
			   int prot)
{
	struct remap_args args = { .addr = addr, .old_size = old_size, .new_size = new_size };
	char *tail = (char *)addr + old_size;
	int err = (int)region_call(pager, grow_locked, &args, sizeof(args));

	if (!err) {
		err = region_adopt(pager, tail, new_size - old_size, prot);
		if (err)
			region_unmap(pager, tail, new_size - old_size);
	}
	return err ? (void *)(long)err : addr;
}

/* -- moving ---------------------------------------------------------------------------- */

struct move {
	struct pager *pager;
	char *to, *from;
	int prot;
};

/* A part that cannot be both read and written is made so for the copy: readable at the old place,
 * writable at the new one.  Only where there is something to copy, since accessible memory
 * counts.  from, to: the protections of the two meanwhile, or those that they get back. */
static int protect_both(const struct move *m, size_t done, size_t size, int from, int to)
{
	int err = 0;

	if ((m->prot & READ_WRITE) == READ_WRITE)
		return 0;
	if (!(m->prot & PROT_READ))
		err = region_protect(m->pager, m->from + done, size, from, NO_KEY);
	return err ? err : region_protect(m->pager, m->to + done, size, to, NO_KEY);
}

/* Which of n pages must be copied?  -EFAULT: one of them is lost. */
static int pages_to_copy(const unsigned char *state, size_t n, uint64_t *ret_mask)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned s = state[i] & SPILL_STATE_MASK;

		if (s == SPILL_POISONED)
			return -EFAULT;
		if (s != SPILL_ABSENT)
			mask |= mask_bit(i);
	}
	*ret_mask = mask;
	return 0;
}

/* Copies the pages of one chunk that are not absent, and discards the old ones.  It touches the
 * memory as the program would, and faults are served as usual. */
static int move_chunk(const struct move *m, size_t done, size_t size)
{
	unsigned char state[CHUNK_PAGES];
	uint64_t mask;
	int err = region_states(m->pager, m->from + done, size, state);
	unsigned i;

	if (!err)
		err = pages_to_copy(state, size >> page_shift(), &mask);
	if (err || !mask)
		return err;
	err = protect_both(m, done, size, PROT_READ, READ_WRITE);
	if (err)
		return err;
	mask_for_each(i, mask) {
		size_t at = done + ((size_t)i << page_shift());

		memcpy(m->to + at, m->from + at, page_size());
	}
	region_discard(m->pager, m->from + done, size);
	return protect_both(m, done, size, m->prot, m->prot);
}

static int move_pages(const struct move *m, size_t size)
{
	uintptr_t from = (uintptr_t)m->from, end = from + size;
	int err = 0;

	for (uintptr_t at = from, next; at < end && !err; at = next) {
		next = chunk_part_end(at, end);
		err = move_chunk(m, at - from, next - at);
	}
	return err;
}

static long op_map_fixed(void *context, void *addr, size_t size)
{
	int prot = *(int *)context;

	return (long)sys_mmap(addr, size, prot,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

static void *map_target(struct pager *pager, size_t size, int prot, void *fixed)
{
	void *to;
	int err;

	if (fixed)
		to = (void *)region_replace(pager, fixed, size, false, op_map_fixed, &prot);
	else
		to = sys_mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_is_error(to))
		return to;
	err = region_adopt(pager, to, size, prot);
	if (err) {
		sys_munmap(to, size);
		return (void *)(long)err;
	}
	return to;
}

/* keep: the old range stays, as zeros. */
static void *move(struct pager *pager, void *addr, size_t old_size, size_t new_size, int prot,
		  void *fixed, bool keep)
{
	struct move m = { .pager = pager, .from = addr, .prot = prot };
	int err;

	m.to = map_target(pager, new_size, prot, fixed);
	if (sys_is_error(m.to))
		return m.to;
	err = move_pages(&m, old_size < new_size ? old_size : new_size);
	if (err) {
		region_unmap(pager, m.to, new_size);
		return (void *)(long)err;
	}
	if (!keep)
		region_unmap(pager, addr, old_size);
	return m.to;
}

/* -- which ------------------------------------------------------------------------------- */

static bool is_valid(const char *addr, size_t old_size, size_t new_size, int flags,
		     const char *fixed)
{
	if (!old_size || !new_size || (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return false;
	if ((flags & MREMAP_DONTUNMAP) && (!(flags & MREMAP_MAYMOVE) || old_size != new_size))
		return false;
	if (!(flags & MREMAP_FIXED))
		return true;
	return (flags & MREMAP_MAYMOVE) && (uintptr_t)fixed % page_size() == 0 &&
	       (uintptr_t)fixed + new_size > (uintptr_t)fixed &&
	       (fixed + new_size <= addr || addr + old_size <= fixed);
}

void *region_remap(struct pager *pager, void *addr, size_t old_size, size_t new_size, int flags,
		   void *fixed)
{
	bool moves = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
	int prot;

	old_size = page_round_up(old_size);
	new_size = page_round_up(new_size);
	if (!is_valid(addr, old_size, new_size, flags, fixed))
		return (void *)-EINVAL;
	if (!moves && new_size <= old_size)
		return shrink(pager, addr, old_size, new_size);
	prot = region_protection(pager, addr, old_size);
	if (prot < 0)
		return (void *)(long)prot;
	if (!moves) {
		void *ret = grow_in_place(pager, addr, old_size, new_size, prot);

		if (!sys_is_error(ret) || !(flags & MREMAP_MAYMOVE))
			return ret;
	}
	return move(pager, addr, old_size, new_size, prot, fixed, flags & MREMAP_DONTUNMAP);
}
