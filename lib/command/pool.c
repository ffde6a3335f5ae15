/* SPDX-License-Identifier: MIT */
/* pool.c - the budget of a command: see pool.h */
#include "command/pool.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/page.h"
#include "base/process.h"
#include "base/sys.h"

/* How many processes each measurement asks for what they share, and of how much memory at most: 5
 * ms. */
#define SHARED_LOOKS 4
#define SHARED_BYTES_MAX ((size_t)64 << 20)

/* The mark of an entry that is being cleared. */
#define MARK_CLEARING UINT64_MAX

#define pool_for_each(entry, pool) \
	for ((entry) = (pool)->entry; (entry) < (pool)->entry + pool_entries(pool); (entry)++)

int pool_create(int64_t total)
{
	int fd = fd_memory(POOL_NAME, sizeof(struct pool));
	struct pool *pool = fd < 0 ? NULL : pool_map(fd);

	if (!pool) {
		fd_close(fd);
		return fd < 0 ? fd : -ENOMEM;
	}
	pool->total = total;
	pool_unmap(pool);
	return fd;
}

struct pool *pool_map(int fd)
{
	struct pool *pool;

	if (!fd_is_memory(fd, sizeof(*pool)))
		return NULL;
	pool = sys_mmap(NULL, sizeof(*pool), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return sys_is_error(pool) ? NULL : pool;
}

void pool_unmap(struct pool *pool)
{
	sys_munmap(pool, sizeof(*pool));
}

int64_t pool_total(const struct pool *pool)
{
	return pool_frames(&pool->total);
}

uint32_t pool_entries(const struct pool *pool)
{
	uint32_t entries = atomic_load(&pool->entries);

	return entries < POOL_ENTRIES ? entries : POOL_ENTRIES;
}

/* -- entries ------------------------------------------------------------------------ */

static void entry_clear(struct pool_entry *entry)
{
	entry->granted = entry->held = entry->outside = entry->wanted = 0;
	entry->shared = entry->overlap = 0;
	entry->active = entry->given = 0;
	entry->related = 0;
	atomic_fetch_add(&entry->claims, 1);
}

/* Changes the entry's mark from one to the other, if it still is from. */
static bool entry_replace(struct pool_entry *entry, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong(&entry->mark, &from, to);
}

static struct pool_entry *claim_free(struct pool *pool, uint64_t mark)
{
	struct pool_entry *entry;

	pool_for_each(entry, pool) if (atomic_load(&entry->mark) == 0 &&
				       entry_replace(entry, 0, mark)) return entry;
	/* entries only grows, so this many attempts are enough, unless somebody writes to it who
	 * should not. */
	for (unsigned attempt = 0; attempt < POOL_ENTRIES; attempt++) {
		uint32_t next = atomic_load(&pool->entries);

		if (next >= POOL_ENTRIES)
			break;
		atomic_compare_exchange_strong(&pool->entries, &next, next + 1);
		if (next >= POOL_ENTRIES)
			break;
		if (entry_replace(&pool->entry[next], 0, mark))
			return &pool->entry[next];
	}
	return NULL;
}

struct pool_entry *pool_claim(struct pool *pool, uint64_t mark)
{
	struct pool_entry *entry;

	pool_for_each(entry, pool) if (atomic_load(&entry->mark) == mark)
	{
		entry_clear(entry);
		return entry;
	}
	entry = claim_free(pool, mark);
	if (!entry && pool_sweep(pool))
		entry = claim_free(pool, mark);
	return entry;
}

bool pool_sweep(struct pool *pool)
{
	struct pool_entry *entry;
	bool any = false;

	pool_for_each(entry, pool)
	{
		uint64_t mark = atomic_load(&entry->mark);

		if (!mark || mark == MARK_CLEARING || process_is_alive(mark) ||
		    !entry_replace(entry, mark, MARK_CLEARING))
			continue;
		entry_clear(entry);
		atomic_store(&entry->mark, 0);
		any = true;
	}
	return any;
}

/* -- sums ----------------------------------------------------------------------------- */

int64_t pool_sum(const struct pool *pool)
{
	const struct pool_entry *entry;
	int64_t sum = 0;

	pool_for_each(entry, pool)
		sum += pool_frames(&entry->granted) + pool_frames(&entry->outside);
	return sum;
}

int64_t pool_held(const struct pool *pool)
{
	const struct pool_entry *entry;
	int64_t sum = 0;

	pool_for_each(entry, pool) sum += pool_frames(&entry->held) - pool_frames(&entry->overlap) +
					  pool_frames(&entry->outside);
	return sum > 0 ? sum : 0;
}

int64_t pool_left(const struct pool *pool)
{
	return pool_total(pool) - pool_sum(pool);
}

bool pool_take(struct pool *pool, struct pool_entry *ours, int64_t frames)
{
	atomic_fetch_add(&ours->granted, frames);
	if (pool_left(pool) >= 0)
		return true;
	atomic_fetch_sub(&ours->granted, frames);
	return false;
}

struct pool_need pool_need(const struct pool *pool, const struct pool_entry *ours, uint64_t now)
{
	struct pool_need need = { .active = 1, .managed = pool_total(pool) };
	const struct pool_entry *entry;

	pool_for_each(entry, pool)
	{
		need.managed -= pool_frames(&entry->outside);
		if (entry == ours || atomic_load(&entry->active) < now)
			continue;
		need.active++;
		need.wanted += pool_frames(&entry->wanted);
	}
	return need;
}

/* -- what is outside ---------------------------------------------------------------------- */

/* counted may exceed what is resident: some frames have not come yet, and some pages of managed
 * mappings were never touched. */
static int64_t outside_of(const struct pool_entry *entry, uint64_t mark)
{
	int64_t anonymous = process_anonymous(process_pid(mark));
	int64_t counted = pool_frames(&entry->held) + pool_frames(&entry->shared);

	return anonymous > counted ? anonymous - counted : 0;
}

/* Asks what a process shares, if its private memory is small and a relative may have it too;
 * returns whether it asked. */
static bool look_shared(struct pool_entry *entry)
{
	uint64_t mark = atomic_load(&entry->mark);
	int64_t anonymous, proportional = -1, shared = 0;

	if (mark && mark != MARK_CLEARING && entry->related) {
		anonymous = process_anonymous(process_pid(mark));
		if (anonymous > pool_frames(&entry->held) &&
		    (uint64_t)anonymous <= SHARED_BYTES_MAX >> page_shift())
			proportional = process_proportional(process_pid(mark));
		if (proportional >= 0)
			shared = anonymous - proportional - pool_frames(&entry->overlap);
	}
	entry->shared = shared > 0 ? shared : 0;
	return proportional >= 0;
}

/* A few at a time, in turn. */
static void look_some_shared(struct pool *pool)
{
	uint32_t n = pool_entries(pool), at = atomic_load(&pool->looked);

	for (uint32_t i = 0, looks = 0; i < n && looks < SHARED_LOOKS; i++) {
		at = at < n - 1 ? at + 1 : 0;
		looks += look_shared(&pool->entry[at]);
	}
	pool->looked = at;
}

/* Warnings that were already printed: bits of pool->told. */
#define TOLD_OUTSIDE 1u
#define TOLD_SHARED 2u

static unsigned long mib(int64_t pages)
{
	return (unsigned long)(((uint64_t)pages << page_shift()) >> 20);
}

/* pid has most of what is outside. */
static void tell_outside(struct pool *pool, int64_t outside, uint32_t pid, int64_t its)
{
	if (!(atomic_fetch_or(&pool->told, TOLD_OUTSIDE) & TOLD_OUTSIDE))
		error_report(
			EVENT_OUTSIDE,
			"memory that cannot be paged takes %lu MiB by itself, more than the budget "
			"of %lu MiB; process %u has %lu MiB of it (stacks, small heaps, the break, "
			"what is mapped without libc, programs without spill); raise the budget",
			mib(outside), mib(pool_total(pool)), pid, mib(its));
}

/* Shared memory does not count, since another process may have it too.  But it may hold a heap. */
void pool_look_for_shared(struct pool *pool, uint32_t pid)
{
	int64_t shared, total = pool_total(pool);

	if (atomic_load(&pool->told) & TOLD_SHARED)
		return;
	shared = process_shared(pid);
	if (shared > total && !(atomic_fetch_or(&pool->told, TOLD_SHARED) & TOLD_SHARED))
		error_report(
			EVENT_SHARED,
			"process %u has %lu MiB of shared memory, more than the budget of %lu MiB: "
			"shared memory is not paged, and does not count",
			pid, mib(shared), mib(total));
}

int64_t pool_measure(struct pool *pool)
{
	struct pool_entry *entry;
	int64_t sum = 0, most = 0;
	uint32_t who = 0;

	look_some_shared(pool);
	pool_for_each(entry, pool)
	{
		uint64_t mark = atomic_load(&entry->mark);
		int64_t outside;

		if (!mark || mark == MARK_CLEARING)
			continue;
		outside = outside_of(entry, mark);
		atomic_store(&entry->outside, outside);
		sum += outside;
		if (outside > most) {
			most = outside;
			who = process_pid(mark);
		}
	}
	if (sum > pool_total(pool))
		tell_outside(pool, sum, who, most);
	return sum;
}

void pool_look_for_all_shared(struct pool *pool)
{
	struct pool_entry *entry;

	pool_for_each(entry, pool)
	{
		uint64_t mark = atomic_load(&entry->mark);

		if (mark && mark != MARK_CLEARING)
			pool_look_for_shared(pool, process_pid(mark));
	}
}
