/* SPDX-License-Identifier: MIT */
/* advise.c - madvise, mlock and mincore */
#include "base/newer.h"
#include "worker.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* So much of all may be locked at a time. */
#define LOCKED_PAGES_MAX 512
#define LOCK_PAGES_MAX 16

#define POPULATE_PAGES_MAX 256

static bool advise(struct worker *worker, const struct range *range, int advice,
		   const int *may_fail)
{
	long ret = madvise(range_address(range), range_bytes(range), advice);

	return call_result(worker, range, "madvise", advice, ret, may_fail);
}

/* -- contents go ------------------------------------------------------------------- */

/* The call may have failed, some of its way done. */
static void model_may_discard(const struct range *range)
{
	for (size_t i = 0; i < range->n; i++) {
		struct page *page = range_page(range, i);

		if (page->kind == PRIVATE || page->kind == COPY)
			page->freed |= !page->locked && page->content != page->origin;
	}
}

static void model_discard(const struct range *range)
{
	for (size_t i = 0; i < range->n; i++)
		if (range_page(range, i)->kind != HOLE)
			page_discarded(range_page(range, i));
}

/* Around holes all is discarded; what is locked is refused. */
void do_discard(struct worker *worker, struct range *range)
{
	if (range_any(range, page_is_locked)) {
		advise(worker, range, MADV_DONTNEED, MAY_FAIL(EINVAL, ENOMEM));
		model_may_discard(range);
		return;
	}
	if (!range_any(range, page_is_hole))
		advise(worker, range, MADV_DONTNEED, MUST_WORK);
	else if (advise(worker, range, MADV_DONTNEED, MAY_FAIL(ENOMEM)))
		fail(worker, range, "madvise of a hole works");
	model_discard(range);
	range_check(worker, range);
}

void do_discard_locked(struct worker *worker, struct range *range)
{
	if (range_any(range, page_is_hole) ||
	    !advise(worker, range, MADV_DONTNEED_LOCKED, MAY_FAIL(EINVAL)))
		return;
	model_discard(range);
	range_check(worker, range);
}

void do_free(struct worker *worker, struct range *range)
{
	advise(worker, range, MADV_FREE,
	       range_uniform(range) ? MUST_WORK : MAY_FAIL(EINVAL, ENOMEM));
	model_may_discard(range);
	if (dice_once_in(&worker->dice, 2))
		range_check(worker, range);
}

/* -- contents stay ------------------------------------------------------------------- */

static int pick_advice(struct worker *worker)
{
	static const int advice[] = {
		MADV_NORMAL,   MADV_RANDOM,   MADV_SEQUENTIAL, MADV_WILLNEED, MADV_WILLNEED,
		MADV_WILLNEED, MADV_COLD,     MADV_PAGEOUT,    MADV_PAGEOUT,  MADV_PAGEOUT,
		MADV_HUGEPAGE, MADV_COLLAPSE, MADV_NOHUGEPAGE,
	};

	return advice[dice_below(&worker->dice, sizeof(advice) / sizeof(advice[0]))];
}

static bool is_about_huge_pages(int advice)
{
	return advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE || advice == MADV_COLLAPSE;
}

static void advise_posix(struct worker *worker, const struct range *range)
{
	int advice = (int)dice_below(&worker->dice, POSIX_MADV_DONTNEED + 1);
	int err = posix_madvise(range_address(range), range_bytes(range), advice);

	errno = err;
	call_result(worker, range, "posix_madvise", advice, err ? -1 : 0,
		    range_uniform(range) ? MUST_WORK : MAY_FAIL(ENOMEM, EINVAL, EBADF));
}

void do_advise(struct worker *worker, struct range *range)
{
	int advice = pick_advice(worker);

	if (dice_once_in(&worker->dice, 8))
		advise_posix(worker, range);
	else if (!is_about_huge_pages(advice) && range_uniform(range))
		advise(worker, range, advice, MUST_WORK);
	else
		advise(worker, range, advice, MAY_FAIL(ENOMEM, EINVAL, EBADF, EAGAIN, EBUSY));
	if (dice_once_in(&worker->dice, 4))
		range_check(worker, range);
}

void do_populate(struct worker *worker, struct range *range)
{
	bool write = dice_once_in(&worker->dice, 2);
	int advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	if (range->n > POPULATE_PAGES_MAX)
		range->n = POPULATE_PAGES_MAX;
	if (range_all(range, write ? page_writable : page_readable))
		advise(worker, range, advice, MUST_WORK);
	else if (advise(worker, range, advice, MAY_FAIL(ENOMEM, EINVAL, EFAULT)))
		fail(worker, range, "what cannot be %s is populated", write ? "written" : "read");
}

/* -- forks ------------------------------------------------------------------------------- */

void do_advise_fork(struct worker *worker, struct range *range)
{
	static const int advice[] = { MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_DONTFORK,
				      MADV_DOFORK };
	int which = advice[dice_below(&worker->dice, sizeof(advice) / sizeof(advice[0]))];

	if (!range_all(range, page_is_private))
		return;
	advise(worker, range, which, MUST_WORK);
	for (size_t i = 0; i < range->n; i++) {
		struct page *page = range_page(range, i);

		if (which == MADV_WIPEONFORK || which == MADV_KEEPONFORK)
			page->wiped = which == MADV_WIPEONFORK;
		else
			page->withheld = which == MADV_DONTFORK;
	}
}

/* -- locks -------------------------------------------------------------------------------- */

static bool may_lock(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	       limit.rlim_cur / page_size > 2 * LOCKED_PAGES_MAX;
}

static void check_resident(struct worker *worker, const struct range *range)
{
	unsigned char vector[LOCK_PAGES_MAX];
	long ret = mincore(range_address(range), range_bytes(range), vector);

	call_result(worker, range, "mincore", 0, ret, MUST_WORK);
	for (size_t i = 0; i < range->n; i++)
		if (!(vector[i] & 1))
			fail(worker, range, "page %zu of it is locked, and not resident", i);
}

static void set_locked(const struct range *range, bool on)
{
	for (size_t i = 0; i < range->n; i++)
		page_lock(range_page(range, i), on);
}

static void unlock_runs(struct worker *worker, const struct range *range)
{
	for (size_t i = 0; i < range->n; i++) {
		struct range run = { range->plot, range->first + i, 0 };

		while (i < range->n && range_page(range, i)->locked)
			run.n++, i++;
		if (!run.n)
			continue;
		call_result(worker, &run, "munlock", 0,
			    munlock(range_address(&run), range_bytes(&run)), MUST_WORK);
		set_locked(&run, false);
	}
}

void do_lock(struct worker *worker, struct range *range)
{
	bool later = dice_once_in(&worker->dice, 4);
	long ret;

	if (range_any(range, page_is_locked)) {
		unlock_runs(worker, range);
		return;
	}
	if (range->n > LOCK_PAGES_MAX)
		range->n = LOCK_PAGES_MAX;
	if (pages_locked() + range->n > LOCKED_PAGES_MAX || !may_lock() || !range_uniform(range) ||
	    !page_readable(range_page(range, 0)))
		return;
	ret = later ? mlock2(range_address(range), range_bytes(range), MLOCK_ONFAULT)
		    : mlock(range_address(range), range_bytes(range));
	call_result(worker, range, "mlock", later, ret, MUST_WORK);
	set_locked(range, true);
	if (!later)
		check_resident(worker, range);
	range_check(worker, range);
}

void do_look(struct worker *worker, struct range *range)
{
	unsigned char vector[PLOT_PAGES_MAX];
	bool holes = range_any(range, page_is_hole);
	long ret = mincore(range_address(range), range_bytes(range), vector);

	if (!call_result(worker, range, "mincore", 0, ret, holes ? MAY_FAIL(ENOMEM) : MUST_WORK))
		return;
	if (holes)
		fail(worker, range, "mincore of a hole works");
	for (size_t i = 0; i < range->n; i++)
		if (vector[i] & ~1u)
			fail(worker, range, "mincore says %#x of page %zu of it", vector[i], i);
}
