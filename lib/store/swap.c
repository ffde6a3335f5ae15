/* SPDX-License-Identifier: MIT */
/* swap.c - the swap spaces of a pager: see swap.h */
#include "store/swap.h"
#include "base/fd.h"
#include "base/page.h"
#include <limits.h>

/* The step by which files grow: few calls, long extents. */
#define GROW_STEP ((uint64_t)64 << 20)

/* The next step begins when less than this has blocks and was never used. */
#define GROW_AHEAD ((uint64_t)16 << 20)

/* How long to leave a full file system alone. */
#define RETRY_MIN_NS 100000000
#define RETRY_MAX_NS UINT64_C(10000000000)

/* A space stalls when no write to it has ended for this long.  Other spaces are used meanwhile. */
#define STALL_NS 1000000000

static uint64_t segment_bytes(void)
{
	return (uint64_t)SEGMENT_SLOTS << page_shift();
}

/* -- opening ---------------------------------------------------------------- */

/* Bytes of slots for which the file has blocks.  Other processes share this word, may have let the
 * file grow, and may have written anything there. */
static uint64_t space_size(const struct swap_space *space)
{
	uint64_t size = atomic_load(&space->map.owner.table->size);

	return size < space->file.limit ? size : space->file.limit;
}

static void space_has_grown(struct swap_space *space, uint64_t size)
{
	_Atomic uint64_t *shared = &space->map.owner.table->size;
	uint64_t now = atomic_load(shared);

	while (now < size && !atomic_compare_exchange_weak(shared, &now, size))
		;
}

static int space_init(struct swap_space *space, const struct target_file *file)
{
	int err = slot_map_init(&space->map, file->limit >> page_shift(), file->owners_fd);

	if (err)
		return err;
	space->file = *file;
	/* The map has opened it for itself. */
	fd_close(space->file.owners_fd);
	space->file.owners_fd = -1;
	space->full = space->wanted = false;
	space->growing = false;
	space->step = GROW_STEP;
	space->retry = space->pause = 0;
	space->open = true;
	space->salt = sys_random();
	if (file->kind == TARGET_DEVICE)
		space_has_grown(space, file->limit);
	space->backed = space_size(space);
	slot_map_limit(&space->map, space->backed >> page_shift());
	return 0;
}

static void space_close(struct swap_space *space)
{
	if (!space->open)
		return;
	slot_map_free(&space->map);
	target_close(&space->file);
	space->open = false;
}

static int add_space(struct swap *swap, const struct target_file *file)
{
	int err = space_init(&swap->space[swap->count], file);

	if (err)
		target_close(file);
	else
		swap->count++;
	return err;
}

/* Closes those for which there is no room. */
static int add_spaces(struct swap *swap, const struct target_file files[], unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!err)
			err = add_space(swap, &files[i]);
		else
			target_close(&files[i]);
	}
	return err;
}

int swap_open(struct swap *swap, const struct target_list *targets, bool strict,
	      const char **ret_why)
{
	struct target_file files[SWAP_MAX];
	unsigned n = 0;
	int err = target_open_all(targets, files, SWAP_MAX, &n, ret_why);

	swap->strict = strict;
	if (!err)
		err = add_spaces(swap, files, n);

	if (err)
		swap_close(swap);
	return err;
}

void swap_close(struct swap *swap)
{
	for (unsigned i = 0; i < swap->count; i++)
		space_close(&swap->space[i]);
	swap->count = 0;
}

/* -- growing ---------------------------------------------------------------- */

/* The highest priority below limit among open spaces. */
static bool next_priority(const struct swap *swap, int64_t limit, int64_t *ret_priority)
{
	bool found = false;

	for (unsigned i = 0; i < swap->count; i++) {
		const struct swap_space *space = &swap->space[i];

		if (!space->open || space->file.priority >= limit)
			continue;
		if (!found || space->file.priority > *ret_priority)
			*ret_priority = space->file.priority;
		found = true;
	}
	return found;
}

/* Are slots taken there, or would they be next? */
static bool is_in_use(const struct swap *swap, const struct swap_space *space)
{
	int64_t highest = 0;

	next_priority(swap, INT64_MAX, &highest);
	return space->file.priority == highest || slot_map_reach(&space->map) > 0;
}

/* Bytes that have blocks and were never used. */
static uint64_t unused_bytes(const struct swap_space *space, uint64_t size)
{
	uint64_t used = slot_map_reach(&space->map) << page_shift();

	return used < size ? size - used : 0;
}

static uint64_t most_bytes(const struct swap_space *space)
{
	return space->file.limit / segment_bytes() * segment_bytes();
}

static bool should_grow(const struct swap *swap, const struct swap_space *space, uint64_t now)
{
	uint64_t size = space->open ? space_size(space) : 0;

	if (!space->open || size >= most_bytes(space) || (space->full && now < space->retry))
		return false;
	return space->wanted || (is_in_use(swap, space) && unused_bytes(space, size) < GROW_AHEAD);
}

static void release_growth(struct swap_space *space)
{
	space->growing = false;
	sys_futex_wake(&space->growing, INT_MAX);
}

/* Claims the growth of a space that should grow.  Another handler's step may end between the check
 * and the claim, so it checks again. */
static bool take_growth(const struct swap *swap, struct swap_space *space, uint64_t now)
{
	if (!should_grow(swap, space, now) || space->growing ||
	    atomic_exchange(&space->growing, true))
		return false;
	if (should_grow(swap, space, now))
		return true;
	release_growth(space);
	return false;
}

static struct swap_growth next_step(const struct swap_space *space, unsigned number)
{
	uint64_t size = space_size(space), most = most_bytes(space);
	uint64_t left = size < most ? most - size : 0;

	return (struct swap_growth){
		.space = number,
		.fd = space->file.fd,
		.offset = space->file.offset + size,
		.from = size,
		.bytes = space->step < left ? space->step : left,
	};
}

bool swap_grow_begin(struct swap *swap, uint64_t now, struct swap_growth *ret_growth)
{
	for (unsigned i = 0; i < swap->count; i++) {
		struct swap_space *space = &swap->space[i];

		if (!take_growth(swap, space, now))
			continue;
		space->since = now;
		*ret_growth = next_step(space, i);
		return true;
	}
	return false;
}

static void space_grows_on(struct swap_space *space, uint64_t size)
{
	space_has_grown(space, size);
	space->step = GROW_STEP;
	space->pause = 0;
	space->wanted = space->full = false;
}

/* A smaller step may succeed.  After the smallest, the space is full for a while. */
static void space_is_full(struct swap_space *space, uint64_t now)
{
	space->step /= 2;
	if (space->step >= segment_bytes())
		return;
	space->step = GROW_STEP;
	space->pause *= 2;
	if (space->pause < RETRY_MIN_NS)
		space->pause = RETRY_MIN_NS;
	if (space->pause > RETRY_MAX_NS)
		space->pause = RETRY_MAX_NS;
	space->retry = now + space->pause;
	space->refused = now;
	space->full = true;
}

bool swap_insist(struct swap *swap, uint64_t since)
{
	bool any = false;

	for (unsigned i = 0; i < swap->count; i++) {
		struct swap_space *space = &swap->space[i];

		if (!space->open || !space->full || space->refused >= since)
			continue;
		space->retry = 0;
		any = true;
	}
	return any;
}

void swap_grow_end(struct swap *swap, const struct swap_growth *growth, long result, uint64_t now)
{
	struct swap_space *space = &swap->space[growth->space];

	/* Some file systems cannot reserve blocks.  There a write may fail later. */
	if (result == 0 || result == -EOPNOTSUPP)
		space_grows_on(space, growth->from + growth->bytes);
	else if (result != -EINTR)
		space_is_full(space, now);
	release_growth(space);
}

/* Waits for the steps that handlers have under way.  Were there any? */
static bool await_growth(struct swap *swap)
{
	bool any = false;

	for (unsigned i = 0; i < swap->count; i++)
		while (swap->space[i].growing) {
			sys_futex_wait(&swap->space[i].growing, true, NULL);
			any = true;
		}
	return any;
}

bool swap_grow(struct swap *swap, uint64_t now)
{
	struct swap_growth growth;
	int err = -EAGAIN;

	while (err && swap_grow_begin(swap, now, &growth)) {
		err = sys_fallocate(growth.fd, 0, growth.offset, growth.bytes);
		swap_grow_end(swap, &growth, err, now);
		err = err == -EOPNOTSUPP ? 0 : err;
	}
	return !err;
}

/* Slots are handed out only as far as there are blocks. */
static void follow_growth(struct swap_space *space)
{
	uint64_t size = space_size(space);

	if (atomic_exchange(&space->backed, size) != size)
		slot_map_raise(&space->map, size >> page_shift());
}

/* More slots may come in a moment.  After a second without, others are used instead. */
static bool space_grows(const struct swap_space *space, uint64_t now)
{
	if (!space->growing)
		return space->wanted && !space->full &&
		       space_size(space) / segment_bytes() < space->file.limit / segment_bytes();
	return now < space->since || now - space->since < STALL_NS;
}

/* -- slots ------------------------------------------------------------------- */

static int space_alloc(struct swap_space *space, unsigned want, uint64_t *ret_first)
{
	int n;

	follow_growth(space);
	n = slot_alloc(&space->map, want, ret_first);
	if (n < 0)
		space->wanted = true;
	return n;
}

/* -- those that stall ---------------------------------------------------------- */

void swap_write_begins(struct swap *swap, uint64_t slot, unsigned pages, uint64_t now)
{
	struct swap_space *space = &swap->space[slot_space(slot)];

	if (atomic_fetch_add(&space->writing, pages) == 0)
		space->progress = now;
}

void swap_write_ends(struct swap *swap, uint64_t slot, unsigned pages, uint64_t now)
{
	struct swap_space *space = &swap->space[slot_space(slot)];

	space->progress = now;
	atomic_fetch_sub(&space->writing, pages);
}

static bool space_stalls(const struct swap_space *space, uint64_t now)
{
	uint64_t progress = space->progress;

	return space->writing && now > progress && now - progress > STALL_NS;
}

bool swap_stalls(const struct swap *swap, uint64_t slot, uint64_t now)
{
	return space_stalls(&swap->space[slot_space(slot)], now);
}

static uint64_t spaces_that_stall(const struct swap *swap, uint64_t now)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < swap->count; i++)
		if (space_stalls(&swap->space[i], now))
			mask |= mask_bit(i);
	return mask;
}

bool swap_any_stalls(const struct swap *swap, uint64_t now)
{
	return spaces_that_stall(swap, now) != 0;
}

/* -- taking slots ---------------------------------------------------------------- */

static uint64_t spaces_at(const struct swap *swap, int64_t priority)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < swap->count; i++)
		if (swap->space[i].open && swap->space[i].file.priority == priority)
			mask |= mask_bit(i);
	return mask;
}

bool swap_is_single(const struct swap *swap)
{
	unsigned n = 0;

	for (unsigned i = 0; i < swap->count; i++)
		n += swap->space[i].open;
	return n == 1;
}

static bool any_grows(const struct swap *swap, uint64_t spaces, uint64_t now)
{
	for (unsigned i = 0; i < swap->count; i++)
		if (spaces & mask_bit(i) && space_grows(&swap->space[i], now))
			return true;
	return false;
}

static int alloc_among(struct swap *swap, uint64_t spaces, unsigned want, uint64_t *ret_slot)
{
	unsigned turn = atomic_fetch_add_explicit(&swap->turn, 1, memory_order_relaxed);

	for (unsigned k = 0; k < swap->count; k++) {
		unsigned i = (turn + k) % swap->count;
		uint64_t first;
		int n = spaces & mask_bit(i) ? space_alloc(&swap->space[i], want, &first) : 0;

		if (n > 0) {
			*ret_slot = first | (uint64_t)i << SLOT_SPACE_SHIFT;
			return n;
		}
	}
	return -ENOSPC;
}

int swap_alloc(struct swap *swap, struct swap_asker asker, unsigned want, uint64_t *ret_slot)
{
	bool single = swap_is_single(swap);
	uint64_t stalls = single ? 0 : spaces_that_stall(swap, asker.now);
	uint64_t crowded = single ? 0 : asker.crowded & ~stalls;
	int64_t priority = INT64_MAX;
	int err = -ENOSPC;

	while (next_priority(swap, priority, &priority)) {
		uint64_t spaces = spaces_at(swap, priority);
		int n = alloc_among(swap, spaces & ~stalls & ~crowded, want, ret_slot);

		if (n > 0)
			return n;
		if (spaces & crowded || any_grows(swap, spaces & ~stalls, asker.now))
			return -EAGAIN;
		if (spaces & stalls)
			err = -EAGAIN;
	}
	return err;
}

bool swap_free(struct swap *swap, uint64_t slot, unsigned n)
{
	return slot_free(&swap->space[slot_space(slot)].map, slot_number(slot), n);
}

void swap_retire(struct swap *swap, uint64_t slot, unsigned n)
{
	slot_retire(&swap->space[slot_space(slot)].map, slot_number(slot), n);
}

int swap_fd(const struct swap *swap, uint64_t slot)
{
	return swap->space[slot_space(slot)].file.fd;
}

uint64_t swap_offset(const struct swap *swap, uint64_t slot)
{
	return swap->space[slot_space(slot)].file.offset + (slot_number(slot) << page_shift());
}

uint64_t swap_salt(const struct swap *swap, uint64_t slot)
{
	return swap->space[slot_space(slot)].salt;
}

/* -- backing ----------------------------------------------------------------- */

static uint64_t owned_slots(const struct swap *swap)
{
	uint64_t slots = 0;

	for (unsigned i = 0; i < swap->count; i++)
		if (swap->space[i].open)
			slots += slots_owned(&swap->space[i].map);
	return slots;
}

/* Claims one more segment, with blocks. */
static bool back_segment(struct swap *swap)
{
	for (unsigned i = 0; i < swap->count; i++) {
		struct swap_space *space = &swap->space[i];
		uint64_t first;

		if (!space->open)
			continue;
		follow_growth(space);
		if (slot_claim(&space->map, &first))
			return true;
		space->wanted = true;
	}
	return false;
}

/* Waits for more blocks: those of a step that a handler has under way, or ours.  A handler may begin
 * a step when we have just seen none, or end one.  false: there are no more. */
static bool more_blocks(struct swap *swap, uint64_t size)
{
	return await_growth(swap) || swap_grow(swap, sys_now()) || await_growth(swap) ||
	       swap_size(swap) != size;
}

int swap_back(struct swap *swap, uint64_t bytes)
{
	uint64_t size, wanted = bytes >> page_shift(), owned = owned_slots(swap);

	/* Do not let files grow for a request that cannot be met in full. */
	if (owned < wanted && swap_capacity(swap, false) < wanted)
		return -ENOSPC;
	do {
		size = swap_size(swap);
		owned = owned_slots(swap);
	} while (owned < wanted && (back_segment(swap) || more_blocks(swap, size)));
	return owned < wanted ? -ENOSPC : 0;
}

/* -- blocks given back --------------------------------------------------------- */

static bool gives_back(const struct swap_space *space)
{
	return space->open && space->file.kind != TARGET_DEVICE && !space->file.kept;
}

bool swap_is_punchable(const struct swap *swap)
{
	for (unsigned i = 0; i < swap->count; i++)
		if (gives_back(&swap->space[i]) && slot_is_punchable(&swap->space[i].map))
			return true;
	return false;
}

void swap_punch(struct swap *swap)
{
	for (unsigned i = 0; i < swap->count; i++) {
		struct swap_space *space = &swap->space[i];
		uint64_t first;

		if (!gives_back(space) || !slot_punchable(&space->map, &first))
			continue;
		sys_fallocate(space->file.fd,
			      (swap->strict ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE) |
				      FALLOC_FL_KEEP_SIZE,
			      space->file.offset + (first << page_shift()), segment_bytes());
		slot_punched(&space->map, first, swap->strict);
		/* Now the file system may have room. */
		if (!swap->strict)
			space->retry = 0;
		return;
	}
}

static uint64_t space_capacity(const struct swap_space *space, bool exhausted)
{
	uint64_t most, lost;

	if (!space->open)
		return 0;
	/* The file may have grown since. */
	if (exhausted)
		return space->map.used_slots +
		       (unused_bytes(space, space_size(space)) >> page_shift());
	most = (space->full ? space_size(space) : space->file.limit) >> page_shift();
	lost = space->map.retired_slots + space->map.deferred_slots;
	return lost < most ? most - lost : 0;
}

uint64_t swap_capacity(const struct swap *swap, bool exhausted)
{
	uint64_t slots = 0;

	for (unsigned i = 0; i < swap->count; i++)
		slots += space_capacity(&swap->space[i], exhausted);
	return slots;
}

uint64_t swap_used(const struct swap *swap)
{
	uint64_t slots = 0;

	for (unsigned i = 0; i < swap->count; i++)
		if (swap->space[i].open)
			slots += swap->space[i].map.used_slots;
	return slots << page_shift();
}

uint64_t swap_size(const struct swap *swap)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < swap->count; i++)
		if (swap->space[i].open)
			bytes += space_size(&swap->space[i]);
	return bytes;
}

/* -- fork -------------------------------------------------------------------- */

void swap_fork(struct swap *swap, unsigned generation)
{
	for (unsigned i = 0; i < swap->count; i++)
		if (swap->space[i].open)
			slot_map_fork(&swap->space[i].map, generation);
}

void swap_fork_parent(struct swap *swap)
{
	for (unsigned i = 0; i < swap->count; i++)
		if (swap->space[i].open)
			slot_map_fork_parent(&swap->space[i].map);
}

void swap_fork_child(struct swap *swap)
{
	for (unsigned i = 0; i < swap->count; i++) {
		swap->space[i].growing = false;
		swap->space[i].writing = 0;
		if (swap->space[i].open)
			slot_map_fork_child(&swap->space[i].map);
	}
}

void swap_generation_gone(struct swap *swap, unsigned generation)
{
	for (unsigned i = 0; i < swap->count; i++)
		if (swap->space[i].open)
			slot_generation_gone(&swap->space[i].map, generation);
}
