/* SPDX-License-Identifier: MIT */
/* slot_owner.c - who owns which segment: see slot_owner.h */
#include "slot_owner.h"
#include "process.h"
#include <stdatomic.h>

/* Owners that one look remembers to be alive, by their process ids. */
#define ALIVE_CACHE 64

/* In slot_owners.forked: more owners have forked than there is room for. */
#define FORKED_ALL UINT64_MAX

/* The segment of that owner (0: of nobody) becomes ours, if nobody is faster. */
static bool owner_replace(struct slot_owners *owners, uint32_t segment, uint64_t from, uint64_t to)
{
	_Atomic uint64_t *entry = &owners->segment[segment];

	/* A look first: a compare-and-swap that fails takes the cache line too. */
	return atomic_load_explicit(entry, memory_order_relaxed) == from &&
	       atomic_compare_exchange_strong(entry, &from, to);
}

bool owner_claim_next(struct slot_owners *owners, uint64_t mark, uint32_t n, uint32_t limit,
		      uint32_t *hint, uint32_t *ret_segment)
{
	for (; n > 0 && limit > 0; n--) {
		uint32_t segment = *hint < limit ? *hint : 0;

		*hint = segment + 1;
		if (owner_replace(owners, segment, 0, mark)) {
			*ret_segment = segment;
			return true;
		}
	}
	return false;
}

bool owner_claim_any(struct slot_owners *owners, uint64_t mark, uint32_t limit,
		     uint32_t *ret_segment)
{
	uint32_t hint = 0;

	return owner_claim_next(owners, mark, limit, limit, &hint, ret_segment);
}

/* May a living child still read what this owner leaves behind? */
static bool owner_forked(struct slot_owners *owners, uint64_t mark)
{
	for (unsigned i = 0; i < OWNERS_FORKED; i++) {
		uint64_t forked = atomic_load(&owners->forked[i]);

		if (forked == mark || forked == FORKED_ALL)
			return true;
	}
	return false;
}

/* Is it certain that nobody reads the segments of this owner any more?  The
 * order matters: after its death it cannot fork and say so. */
static bool owner_is_gone(struct slot_owners *owners, uint64_t mark)
{
	return !process_is_alive(mark) && !owner_forked(owners, mark);
}

bool owner_claim_dead(struct slot_owners *owners, uint64_t mark, uint32_t limit,
		      uint32_t *ret_segment)
{
	uint64_t alive[ALIVE_CACHE] = { 0 };

	for (uint32_t i = 0; i < limit; i++) {
		uint64_t owner = atomic_load_explicit(&owners->segment[i], memory_order_relaxed);
		uint64_t *known = &alive[process_pid(owner) % ALIVE_CACHE];

		if (owner == 0 || owner == mark || owner == *known)
			continue;
		if (!owner_is_gone(owners, owner)) {
			*known = owner;
		} else if (owner_replace(owners, i, owner, mark)) {
			*ret_segment = i;
			return true;
		}
	}
	return false;
}

void owner_release(struct slot_owners *owners, uint32_t segment)
{
	atomic_store(&owners->segment[segment], 0);
}

void owner_note_fork(struct slot_owners *owners, uint64_t mark)
{
	for (unsigned i = 0; i < OWNERS_FORKED; i++) {
		uint64_t nobody = 0;

		if (atomic_compare_exchange_strong(&owners->forked[i], &nobody, mark))
			return;
	}
	/* Stands for whomever it overwrites, too. */
	atomic_store(&owners->forked[OWNERS_FORKED - 1], FORKED_ALL);
}

void owner_note_fork_done(struct slot_owners *owners, uint64_t mark)
{
	for (unsigned i = 0; i < OWNERS_FORKED; i++) {
		uint64_t ours = mark;

		if (atomic_compare_exchange_strong(&owners->forked[i], &ours, 0))
			return;
	}
}
