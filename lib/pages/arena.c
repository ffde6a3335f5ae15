/* SPDX-License-Identifier: MIT */
/* arena.c - trays and frames: see arena.h */
#include "pages/arena.h"
#include "base/meta.h"
#include "kernel/zap.h"

/* Addresses for a few times the budget, since the trays of scattered chunks are sparse.  This costs
 * address space and nothing else.  If it runs out, trays are reclaimed earlier. */
#define ARENA_BUDGETS 4
#define ARENA_TRAYS_MIN 256

static bool arena_map(struct arena *arena)
{
	size_t size = arena->tray_count * chunk_size();
	char *base = sys_mmap(NULL, size + chunk_size(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t head;

	if (sys_is_error(base))
		return false;
	head = (chunk_size() - (uintptr_t)base % chunk_size()) % chunk_size();
	if (head)
		sys_munmap(base, head);
	sys_munmap(base + head + size, chunk_size() - head);
	arena->base = base + head;
	/* MOVE takes single pages; a child has no use for the arena. */
	sys_madvise(arena->base, size, MADV_NOHUGEPAGE);
	sys_madvise(arena->base, size, MADV_DONTFORK);
	return true;
}

static size_t count_trays(uint64_t budget_frames)
{
	size_t count = budget_frames / CHUNK_PAGES * ARENA_BUDGETS;

	return count < ARENA_TRAYS_MIN ? ARENA_TRAYS_MIN : (count + 63) & ~(size_t)63;
}

size_t arena_tables(uint64_t budget_frames)
{
	return count_trays(budget_frames) * sizeof(struct tray);
}

size_t arena_bytes(const struct arena *arena)
{
	return arena->tray_count * sizeof(struct tray);
}

int arena_init(struct arena *arena, uint64_t budget_frames)
{
	size_t count = count_trays(budget_frames);

	arena->tray_count = count;
	arena->spent_count = 0;
	arena->trays = meta_map(count * sizeof(struct tray));
	arena->taken = meta_map(count / 8);
	if (!arena->trays || !arena->taken || !arena_map(arena)) {
		arena_free(arena);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		arena->trays[i].address = arena->base + i * chunk_size();
	return 0;
}

void arena_free(struct arena *arena)
{
	if (arena->base)
		sys_munmap(arena->base, arena->tray_count * chunk_size());
	meta_unmap(arena->trays, arena->tray_count * sizeof(struct tray));
	meta_unmap(arena->taken, arena->tray_count / 8);
	arena->base = NULL;
	arena->trays = NULL;
	arena->taken = NULL;
}

struct tray *tray_alloc(struct arena *arena)
{
	size_t words = arena->tray_count / 64;
	struct tray *ret = NULL;

	lock_take(&arena->lock, LOCK_ARENA);
	for (size_t n = 0; n < words && !ret; n++) {
		uint64_t free = ~arena->taken[arena->cursor];

		if (free) {
			unsigned bit = mask_first(free);

			arena->taken[arena->cursor] |= mask_bit(bit);
			ret = &arena->trays[arena->cursor * 64 + bit];
		} else {
			arena->cursor = (arena->cursor + 1) % words;
		}
	}
	lock_drop(&arena->lock, LOCK_ARENA);
	return ret;
}

static void tray_release(struct arena *arena, struct tray *tray)
{
	size_t i = (size_t)(tray - arena->trays);

	tray->frames = 0;
	if (tray->lent)
		credit_lent(arena->budget, tray->lent);
	tray->lent = 0;
	lock_take(&arena->lock, LOCK_ARENA);
	arena->taken[i / 64] &= ~mask_bit(i % 64);
	lock_drop(&arena->lock, LOCK_ARENA);
}

/* Counts the frames of trays[0] and the trays next to it in the arena; *ret_end: the first tray
 * after those. */
static uint64_t neighbours(struct tray *trays[], unsigned n, unsigned *ret_end)
{
	uint64_t frames = 0;
	unsigned end;

	for (end = 0; end < n && trays[end] == trays[0] + end; end++)
		frames += mask_count(trays[end]->frames);
	*ret_end = end;
	return frames;
}

void tray_free(struct arena *arena, struct tray *trays[], unsigned n)
{
	struct iovec ranges[TRAY_FREE_MAX];
	uint64_t frames = 0, some;
	unsigned count = 0;

	assert(n <= TRAY_FREE_MAX);
	for (unsigned i = 0, end; i < n; i += end) {
		some = neighbours(trays + i, n - i, &end);
		if (some)
			ranges[count++] = (struct iovec){ trays[i]->address, end * chunk_size() };
		frames += some;
	}
	if (frames) {
		zap_ours(ranges, count);
		credit_give(arena->budget, frames);
	}
	for (unsigned i = 0; i < n; i++) {
		tray_changed(trays[i], trays[i]->frames);
		tray_release(arena, trays[i]);
	}
}
