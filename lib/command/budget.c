/* SPDX-License-Identifier: MIT */
/* budget.c - the frames that a process may hold: see budget.h */
#include "command/budget.h"
#include "base/page.h"
#include "base/sys.h"
#include <assert.h>

/* Eviction keeps between a 256th and a 128th of the budget free, or four times as much while pages are
 * read ahead.  The bounds: at least a window of readahead, at most what the disk takes in a few
 * milliseconds. */
#define LOW_DIVISOR 256
#define LOW_AMPLE_DIVISOR 64
#define LOW_MIN 32
#define LOW_MAX 1024

/* Another thread may change what they follow from at the same time; whoever is last sees both. */
static void set_reserve(struct budget *budget)
{
	int64_t limit;
	bool ample;

	do {
		uint64_t low;

		limit = budget->limit;
		ample = budget->ample;
		low = (uint64_t)limit / (ample ? LOW_AMPLE_DIVISOR : LOW_DIVISOR);
		low = low < LOW_MIN ? LOW_MIN : low > LOW_MAX ? LOW_MAX : low;
		budget->low = low;
		budget->high = low * 2 < CHUNK_PAGES + LOW_MIN ? CHUNK_PAGES + LOW_MIN : low * 2;
	} while (limit != budget->limit || ample != budget->ample);
}

void budget_limit(struct budget *budget, int64_t frames)
{
	atomic_store(&budget->limit, frames);
	set_reserve(budget);
}

void budget_reserve(struct budget *budget, bool ample)
{
	if (budget->ample == ample)
		return;
	budget->ample = ample;
	set_reserve(budget);
}

void budget_reset(struct budget *budget)
{
	budget->used = budget->peak = budget->lent = budget->overcommit = 0;
	budget->exceeding = budget->beyond = 0;
	budget->allowed = false;
	budget->waiters = 0;
}

static void note_peak(struct budget *budget, int64_t used)
{
	int64_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);
	int64_t held = used - budget->lent;

	while (held > peak && !atomic_compare_exchange_weak(&budget->peak, &peak, held))
		;
}

static int64_t most_now(const struct budget *budget)
{
	return atomic_load(&budget->limit) + atomic_load(&budget->overcommit);
}

/* The limit may fall meanwhile (share.h), so it is read again afterwards: either we see the lower
 * limit, or whoever lowered it sees what we took. */
bool credit_take(struct budget *budget, unsigned n)
{
	int64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);

	do {
		if (used + n > most_now(budget))
			return false;
	} while (!atomic_compare_exchange_weak(&budget->used, &used, used + n));
	if (used + n > most_now(budget)) {
		atomic_fetch_sub(&budget->used, n);
		return false;
	}
	note_peak(budget, used + n);
	return true;
}

void credit_force(struct budget *budget, uint64_t n)
{
	note_peak(budget, atomic_fetch_add(&budget->used, (int64_t)n) + (int64_t)n);
}

bool credit_lend(struct budget *budget, uint64_t n)
{
	int64_t lent = 0;

	if (!atomic_compare_exchange_strong(&budget->lent, &lent, (int64_t)n))
		return false;
	credit_force(budget, n);
	return true;
}

void credit_lent(struct budget *budget, uint64_t n)
{
	atomic_fetch_sub(&budget->lent, (int64_t)n);
}

void credit_give(struct budget *budget, uint64_t n)
{
	int64_t before = atomic_fetch_sub(&budget->used, (int64_t)n);

	assert(before >= (int64_t)n);
	(void)before;
	if (budget->given)
		atomic_fetch_add_explicit(budget->given, n, memory_order_relaxed);
}

bool credit_allow(struct budget *budget, int64_t frames)
{
	if (!frames || atomic_exchange(&budget->allowed, true))
		return false;
	atomic_fetch_add(&budget->overcommit, frames);
	return true;
}

int64_t credit_left(const struct budget *budget)
{
	return atomic_load_explicit(&budget->limit, memory_order_relaxed) +
	       atomic_load_explicit(&budget->overcommit, memory_order_relaxed) -
	       atomic_load_explicit(&budget->used, memory_order_relaxed);
}

void budget_freed(struct budget *budget)
{
	if (!budget->waiters)
		return;
	atomic_fetch_add(&budget->freed, 1);
	sys_futex_wake(&budget->freed, INT32_MAX);
}

void budget_wait(struct budget *budget, uint64_t timeout_ns, void (*wake)(void *), void *arg)
{
	struct timespec timeout = { 0, (long)timeout_ns };
	uint32_t seen = budget->freed;

	atomic_fetch_add(&budget->waiters, 1);
	wake(arg);
	if (credit_left(budget) < 0)
		sys_futex_wait(&budget->freed, seen, &timeout);
	atomic_fetch_sub(&budget->waiters, 1);
}
