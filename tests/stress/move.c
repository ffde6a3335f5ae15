/* SPDX-License-Identifier: MIT */
/* move.c - mremap
 *
 * A move with MREMAP_FIXED may fail half-way, when what lay at its target is
 * gone and the source is shortened; so after a failure both are unmapped.
 * EFAULT: the kernel before 6.17 moves what is one mapping to it, and the pager
 * moves what can be read and written.
 */
#include "worker.h"
#include <errno.h>
#include <sys/mman.h>

/* The pages are there now, and holes where they were. */
static void model_move(const struct range *from, const struct range *to)
{
	for (size_t i = 0; i < to->n; i++)
		if (i < from->n)
			*range_page(to, i) = *range_page(from, i);
		else
			page_reset(range_page(to, i), PRIVATE, range_page(from, 0)->prot, 0);
	range_reset(from, HOLE, PROT_NONE);
}

static bool remap(struct worker *worker, const struct range *from, const struct range *to,
		  int flags)
{
	char *got = mremap(range_address(from), range_bytes(from), range_bytes(to), flags,
			   range_address(to));
	long ret = got == MAP_FAILED ? -1 : 0;

	call_result(worker, to, "mremap to", flags, ret, MAY_FAIL(EFAULT, EINVAL));
	if (call_result(worker, from, "mremap from", flags, ret, MAY_FAIL(EFAULT, EINVAL))) {
		if (got != range_address(to))
			fail(worker, to, "MREMAP_FIXED gave %p", (void *)got);
		return true;
	}
	range_unmap(worker, to);
	return false;
}

/* Where the move shall go: often as many pages, sometimes fewer or more. */
static bool pick_target(struct worker *worker, const struct range *from, struct range *ret_to)
{
	size_t most = from->n + (dice_once_in(&worker->dice, 4) ? 8 : 0);

	return pick_other(worker, from, most, ret_to) && !ret_to->plot->floats;
}

void do_move(struct worker *worker, struct range *from)
{
	struct range to;

	if (!range_uniform(from) || !pick_target(worker, from, &to))
		return;
	/* Locks of memory that moves are not followed. */
	range_reset(&to, HOLE, PROT_NONE);
	if (remap(worker, from, &to, MREMAP_MAYMOVE | MREMAP_FIXED)) {
		model_move(from, &to);
		range_check(worker, &to);
	} else if (from->n > to.n) {
		struct range tail = { from->plot, from->first + to.n, from->n - to.n };

		range_unmap(worker, &tail);
	}
}

/* MREMAP_DONTUNMAP: the source stays, and holds zeros. */
void do_move_copy(struct worker *worker, struct range *from)
{
	struct range to;

	if (!range_uniform(from) || !pick_other(worker, from, from->n, &to) || to.plot->floats)
		return;
	from->n = to.n;
	range_reset(&to, HOLE, PROT_NONE);
	if (!remap(worker, from, &to, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return;
	for (size_t i = 0; i < from->n; i++) {
		*range_page(&to, i) = *range_page(from, i);
		page_discarded(range_page(from, i));
	}
	range_check(worker, &to);
	range_check(worker, from);
}

/* It went where the kernel put it: what it holds is looked at, and let go. */
static void check_elsewhere(struct worker *worker, const struct range *from, char *got, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct page *page = range_page(from, i < from->n ? i : 0);
		uint64_t content = i < from->n ? page->content : 0;

		if (page_readable(page) && !page->freed &&
		    !content_holds(got + i * page_size, content, page_size))
			fail(worker, from, "page %zu, moved to %p, is wrong", i, (void *)got);
	}
	if (munmap(got, n * page_size) < 0)
		fail(worker, from, "munmap of what was moved to %p", (void *)got);
}

/* In place, if there is a hole behind it; within its plot, since holes behind that are others'. */
void do_grow(struct worker *worker, struct range *range)
{
	size_t behind = range->plot->pages - range->first - range->n;
	struct range more = { range->plot, range->first + range->n, 0 };
	int flags = dice_once_in(&worker->dice, 2) ? MREMAP_MAYMOVE : 0;
	char *got;

	if (!behind || !range_uniform(range))
		return;
	more.n = 1 + dice_below(&worker->dice, behind < 64 ? behind : 64);
	got = mremap(range_address(range), range_bytes(range),
		     range_bytes(range) + range_bytes(&more), flags);
	if (!call_result(worker, range, "mremap", (long)more.n << 4 | flags,
			 got == MAP_FAILED ? -1 : 0,
			 flags ? MAY_FAIL(EFAULT) : MAY_FAIL(EFAULT, ENOMEM)))
		return;
	if (got != range_address(range)) {
		check_elsewhere(worker, range, got, range->n + more.n);
		range_reset(range, HOLE, PROT_NONE);
		return;
	}
	if (!range_all(&more, page_is_hole))
		fail(worker, &more, "mremap grew over mappings");
	range_reset(&more, PRIVATE, range_page(range, 0)->prot);
	range_check(worker, range);
	range_write(worker, &more);
}

void do_shrink(struct worker *worker, struct range *range)
{
	size_t n = 1 + dice_below(&worker->dice, range->n);
	struct range tail = { range->plot, range->first + n, range->n - n };
	char *got;

	if (!range_all(range, page_is_private))
		return;
	got = mremap(range_address(range), range_bytes(range), n * page_size, 0);
	call_result(worker, range, "mremap", (long)n, got == MAP_FAILED ? -1 : 0, MUST_WORK);
	if (got != range_address(range))
		fail(worker, range, "mremap to fewer pages gave %p", (void *)got);
	range_reset(&tail, HOLE, PROT_NONE);
}

/* An old size of 0 maps shared memory twice; private memory it does not. */
void do_duplicate(struct worker *worker, struct range *range)
{
	char *got;

	if (!range_all(range, page_is_private))
		return;
	got = mremap(range_address(range), 0, range_bytes(range), MREMAP_MAYMOVE);
	if (call_result(worker, range, "mremap", 0, got == MAP_FAILED ? -1 : 0, MAY_FAIL(EINVAL)))
		fail(worker, range, "mremap of private memory from size 0 works");
}
