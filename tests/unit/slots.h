/* SPDX-License-Identifier: MIT */
/* slots.h - what the tests of slot maps have in common */
#ifndef SLOTS_H
#define SLOTS_H

#include "unit.h"
#include "base/fd.h"
#include "store/slot.h"

/* A map of a space of its own. */
static inline void open_alone(struct slot_map *map, uint64_t slots)
{
	int owners = slot_owners_create(slots);

	ck_assert_int_ge(owners, 0);
	ck_assert_int_eq(slot_map_init(map, slots, owners), 0);
	fd_close(owners);
}

/* Takes n slots, by as many runs as it needs; gives the first one. */
static inline uint64_t take(struct slot_map *from, unsigned n)
{
	uint64_t first = UINT64_MAX, run;

	while (n > 0) {
		int length = slot_alloc(from, n, &run);

		unit_check(length > 0);
		if (first == UINT64_MAX)
			first = run;
		n -= (unsigned)length;
	}
	return first;
}

static inline void assert_full(struct slot_map *m)
{
	uint64_t slot = 12345;

	ck_assert_int_eq(slot_alloc(m, 1, &slot), -ENOSPC);
	ck_assert_uint_eq(slot, 12345);
}

#endif
