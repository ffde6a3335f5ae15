/* SPDX-License-Identifier: MIT */
/* lane.c - a handler's way into the store: see lane.h */
#include "store/lane.h"
#include "base/page.h"

int lane_open(struct lane *lane, struct store *store, const struct lane_setup *setup)
{
	unsigned depth = setup->gets + setup->puts + 1; /* one more for a file's step */

	lane->store = store;
	lane->puts_most = setup->puts;
	lane->seal = (struct io_seal){
		.cipher = store->cipher,
		.handler = setup->number,
		.piece_pages = setup->piece_pages,
	};
	return io_open(&lane->io, setup->disable, depth, setup->ears,
		       store->cipher ? &lane->seal : NULL);
}

void lane_close(struct lane *lane, bool in_child)
{
	io_close(lane->io, in_child);
	lane->io = NULL;
	lane->growing = false;
}

unsigned lane_frames(const struct store *store, unsigned piece_pages)
{
	return store->cipher ? IO_SEALED_PIECES * piece_pages : 0;
}

/* -- put and get ------------------------------------------------------------------- */

/* Spaces that should get no more of this lane's puts for now. */
static uint64_t crowded_spaces(const struct lane *lane, int64_t crowd)
{
	const struct swap *swap = &lane->store->swap;
	uint64_t mask = 0;

	for (unsigned i = 0; i < swap->count; i++)
		if (lane->puts[i] >= lane->puts_most / 2 || swap->space[i].writing >= crowd)
			mask |= mask_bit(i);
	return mask;
}

int lane_find(struct lane *lane, unsigned want, int64_t crowd, struct place *ret_place)
{
	struct swap_asker asker = { .now = lane->now, .crowded = crowded_spaces(lane, crowd) };
	uint64_t slot;
	int n = swap_alloc(&lane->store->swap, asker, want, &slot);

	if (n > 0)
		*ret_place = place_of_slot(slot);
	return n;
}

static void submit(struct lane *lane, uint64_t slot, struct io_request *request)
{
	const struct swap *swap = &lane->store->swap;

	request->fd = swap_fd(swap, slot);
	request->offset = swap_offset(swap, slot);
	request->salt = swap_salt(swap, slot);
	request->allocate = 0;
	io_submit(lane->io, request);
}

void lane_get(struct lane *lane, struct place place, struct io_request *request)
{
	request->write = false;
	submit(lane, place_number(place), request);
}

void lane_put(struct lane *lane, struct place place, unsigned pages, struct io_request *request)
{
	uint64_t slot = place_number(place);

	lane->puts[slot_space(slot)]++;
	swap_write_begins(&lane->store->swap, slot, pages, lane->now);
	request->write = true;
	submit(lane, slot, request);
}

void lane_put_done(struct lane *lane, struct place place, unsigned pages, uint64_t now)
{
	uint64_t slot = place_number(place);

	lane->puts[slot_space(slot)]--;
	swap_write_ends(&lane->store->swap, slot, pages, now);
}

/* -- growing ------------------------------------------------------------------------- */

static void step_done(struct io_request *request, long result)
{
	struct lane *lane = request->owner;

	swap_grow_end(&lane->store->swap, &lane->growth, result, sys_now());
	lane->growing = false;
}

void lane_grow(struct lane *lane)
{
	if (lane->growing || !swap_grow_begin(&lane->store->swap, lane->now, &lane->growth))
		return;
	lane->growing = true;
	lane->step = (struct io_request){
		.done = step_done,
		.fd = lane->growth.fd,
		.allocate = lane->growth.bytes,
		.offset = lane->growth.offset,
		.owner = lane,
	};
	io_submit(lane->io, &lane->step);
}
