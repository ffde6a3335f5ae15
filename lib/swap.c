/* SPDX-License-Identifier: MIT */
/* swap.c - the swap spaces of a pager: see swap.h */
#include "swap.h"
#include "fd.h"
#include "page.h"
#include "process.h"

/* Files grow by this much at once: few calls, long extents. */
#define GROW_STEP ((uint64_t)64 << 20)

/* A device to which no write ends for so long stalls: other swap spaces are used meanwhile. */
#define STALL_NS 1000000000

/* Its slots can be written: it is not what a fork's child inherited. */
static bool is_ours(const struct swap_space *space)
{
	return space->open && !space->map.read_only;
}

static uint64_t segment_bytes(void)
{
	return (uint64_t)SEGMENT_SLOTS << page_shift();
}

/* -- opening ---------------------------------------------------------------- */

static int map_owners(const struct target_file *file, uint64_t slots,
		      struct slot_owners **ret_owners)
{
	size_t size = page_round_up(slot_owners_size(slots));
	void *owners;

	*ret_owners = NULL;
	if (file->owners_fd < 0)
		return 0;
	if (!fd_is_memory(file->owners_fd, size))
		return -EBADF;
	owners = sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->owners_fd, 0);
	if (sys_is_error(owners))
		return sys_error(owners);
	*ret_owners = owners;
	return 0;
}

static int space_init(struct swap_space *space, const struct target_file *file)
{
	uint64_t slots = file->limit >> page_shift();
	struct slot_owners *owners;
	int err = map_owners(file, slots, &owners);

	if (!err)
		err = slot_map_init(&space->map, slots, owners, owners ? process_mark_self() : 0);
	if (err)
		return err;
	space->file = *file;
	space->size = file->kind == TARGET_DEVICE ? file->limit : 0;
	space->full = false;
	space->open = true;
	space->salt = sys_random();
	return 0;
}

static void space_close(struct swap_space *space)
{
	struct slot_owners *owners = space->map.owners;
	uint64_t slots = space->file.limit >> page_shift();

	if (!space->open)
		return;
	slot_map_free(&space->map);
	if (owners)
		sys_munmap(owners, page_round_up(slot_owners_size(slots)));
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

/* Closes those that there is no place for. */
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

int swap_open(struct swap *swap, const struct options *options, const char **ret_why)
{
	struct target_file files[SWAP_MAX];
	unsigned n = 0;
	int err = target_open_all(options, files, SWAP_MAX, &n, ret_why);

	swap->strict = options->strict;
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

static int allocate_blocks(struct swap_space *space, uint64_t from, uint64_t bytes)
{
	uint64_t at = space->file.offset + from;
	int err = sys_fallocate(space->file.fd, 0, at, bytes);

	/* Some file systems cannot reserve blocks: a write may then fail. */
	if (err == -EOPNOTSUPP)
		err = sys_ftruncate(space->file.fd, at + bytes);
	return err;
}

/* Makes the file reach to end, or as far as it gets: the step is halved while
 * the file system has no room for it. */
static void grow_to(struct swap_space *space, uint64_t end)
{
	uint64_t step = GROW_STEP;

	while (space->size < end && step >= segment_bytes()) {
		uint64_t left = space->file.limit - space->size;
		uint64_t bytes = step < left ? step : left;

		if (allocate_blocks(space, space->size, bytes) == 0)
			space->size += bytes;
		else
			step /= 2;
	}
	if (space->size < end) {
		space->full = true;
		slot_map_limit(&space->map, space->size >> page_shift());
	}
}

/* Are there blocks behind the slots before end (in bytes)? */
static bool space_reaches(struct swap_space *space, uint64_t end)
{
	if (end <= space->size)
		return true;
	lock_take(&space->grow_lock, LOCK_ARENA);
	if (!space->full)
		grow_to(space, end);
	lock_drop(&space->grow_lock, LOCK_ARENA);
	return end <= space->size;
}

/* -- slots ------------------------------------------------------------------- */

static int space_alloc(struct swap_space *space, unsigned want, uint64_t *ret_first)
{
	int n = slot_alloc(&space->map, want, ret_first);

	if (n > 0 && !space_reaches(space, (*ret_first + (unsigned)n) << page_shift())) {
		/* No blocks behind them, now or later. */
		slot_retire(&space->map, *ret_first, (unsigned)n);
		return -ENOSPC;
	}
	return n;
}

/* The highest priority below limit that an open, writable space has. */
static bool next_priority(const struct swap *swap, int64_t limit, int64_t *ret_priority)
{
	bool found = false;

	for (unsigned i = 0; i < swap->count; i++) {
		const struct swap_space *space = &swap->space[i];

		if (!is_ours(space) || space->file.priority >= limit)
			continue;
		if (!found || space->file.priority > *ret_priority)
			*ret_priority = space->file.priority;
		found = true;
	}
	return found;
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
		if (is_ours(&swap->space[i]) && swap->space[i].file.priority == priority)
			mask |= mask_bit(i);
	return mask;
}

bool swap_is_single(const struct swap *swap)
{
	unsigned n = 0;

	for (unsigned i = 0; i < swap->count; i++)
		n += is_ours(&swap->space[i]);
	return n == 1;
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
		if (spaces & crowded)
			return -EAGAIN;
		if (spaces & stalls)
			err = -EAGAIN;
	}
	return err;
}

void swap_free(struct swap *swap, uint64_t slot, unsigned n)
{
	slot_free(&swap->space[slot_space(slot)].map, slot_number(slot), n);
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
		if (is_ours(&swap->space[i]))
			slots += slots_owned(&swap->space[i].map);
	return slots;
}

/* One more segment, with blocks. */
static bool back_segment(struct swap_space *space)
{
	uint64_t first;

	if (!is_ours(space) || !slot_claim(&space->map, &first))
		return false;
	if (space_reaches(space, (first + SEGMENT_SLOTS) << page_shift()))
		return true;
	slot_retire(&space->map, first, SEGMENT_SLOTS);
	return false;
}

int swap_back(struct swap *swap, uint64_t bytes)
{
	uint64_t wanted = bytes >> page_shift(), owned = owned_slots(swap);

	/* Files grow for what can be had as a whole only. */
	if (owned < wanted && swap_capacity(swap, false) < wanted)
		return -ENOSPC;
	for (unsigned i = 0; i < swap->count && owned < wanted; i++)
		while (owned < wanted && back_segment(&swap->space[i]))
			owned += SEGMENT_SLOTS;
	return owned < wanted ? -ENOSPC : 0;
}

/* -- blocks given back --------------------------------------------------------- */

static bool gives_back(const struct swap_space *space)
{
	return is_ours(space) && space->file.kind != TARGET_DEVICE && !space->file.kept;
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
		return;
	}
}

static uint64_t space_capacity(const struct swap_space *space, bool exhausted)
{
	uint64_t most = (space->full ? space->size : space->file.limit) >> page_shift();
	uint64_t lost = space->map.retired_slots + space->map.deferred_slots;

	if (!space->open)
		return 0;
	/* What a child has inherited is of use until it is read back. */
	if (space->map.read_only || (space->map.owners && exhausted))
		return space->map.used_slots;
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
			bytes += swap->space[i].size;
	return bytes;
}

/* -- fork -------------------------------------------------------------------- */

void swap_fork(struct swap *swap)
{
	for (unsigned i = 0; i < swap->count; i++)
		if (is_ours(&swap->space[i]))
			slot_map_fork(&swap->space[i].map);
}

void swap_fork_done(struct swap *swap)
{
	for (unsigned i = 0; i < swap->count; i++)
		if (is_ours(&swap->space[i]))
			slot_map_fork_done(&swap->space[i].map);
}

/* What the child inherited is the parent's; a named file it shares, by a map of
 * its own. */
static int inherit_space(struct swap *swap, struct swap_space *space)
{
	struct target_file file;
	int err;

	if (!is_ours(space))
		return 0;
	slot_map_fork_child(&space->map);
	if (space->file.kind == TARGET_DIRECTORY)
		return 0;
	if (swap->count == SWAP_MAX)
		return -EMFILE;
	err = target_duplicate(&space->file, &file);
	return err ? err : add_space(swap, &file);
}

int swap_fork_child(struct swap *swap, const struct options *options, const char **ret_why)
{
	struct target_file files[SWAP_MAX];
	unsigned inherited = swap->count, n = 0;
	int err = 0;

	for (unsigned i = 0; i < inherited && !err; i++)
		err = inherit_space(swap, &swap->space[i]);
	if (!err)
		err = target_open_directories(options, files, SWAP_MAX - swap->count, &n, ret_why);
	return err ? err : add_spaces(swap, files, n);
}
