/* SPDX-License-Identifier: MIT */
/* map.c - mmap, munmap and mprotect */
#include "worker.h"
#include <errno.h>
#include <sys/mman.h>

#define READ_WRITE (PROT_READ | PROT_WRITE)

/* The largest piece of a reservation that is made accessible at once. */
#define PIECE_PAGES_MAX 20

/* -- mmap ------------------------------------------------------------------------- */

/* MAP_FIXED leaves no doubt where it is. */
static void map_over(struct worker *worker, const struct range *range, int prot, int flags, int fd,
		     size_t file_page)
{
	char *wanted = range_address(range);
	char *got = mmap(wanted, range_bytes(range), prot, flags | MAP_FIXED, fd,
			 (off_t)(file_page * page_size));
	long ret = got == MAP_FAILED ? -1 : 0;

	call_result(worker, range, "mmap", (long)flags << 4 | prot, ret, MUST_WORK);
	if (got != wanted)
		fail(worker, range, "MAP_FIXED gave %p", (void *)got);
}

void range_map(struct worker *worker, const struct range *range, int prot, int flags)
{
	map_over(worker, range, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	range_reset(range, PRIVATE, prot);
}

static int pick_flags(struct worker *worker)
{
	static const int flags[] = { 0, 0, MAP_NORESERVE, MAP_POPULATE, MAP_NORESERVE };

	return flags[dice_below(&worker->dice, sizeof(flags) / sizeof(flags[0]))];
}

void do_map(struct worker *worker, struct range *range)
{
	range_map(worker, range, pick_protection(worker), pick_flags(worker));
}

void do_map_exclusive(struct worker *worker, struct range *range)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | pick_flags(worker);
	bool is_free = range_all(range, page_is_hole);
	char *got = mmap(range_address(range), range_bytes(range), READ_WRITE, flags, -1, 0);
	long ret = got == MAP_FAILED ? -1 : 0;

	if (!call_result(worker, range, "mmap", (long)flags << 4 | READ_WRITE, ret,
			 is_free ? MUST_WORK : MAY_FAIL(EEXIST)))
		return;
	if (got != range_address(range))
		fail(worker, range, "MAP_FIXED_NOREPLACE gave %p", (void *)got);
	if (!is_free)
		fail(worker, range, "MAP_FIXED_NOREPLACE over mappings works");
	range_reset(range, PRIVATE, READ_WRITE);
	range_write(worker, range);
}

void do_map_file(struct worker *worker, struct range *range)
{
	size_t first = dice_below(&worker->dice, FILE_PAGES);

	if (range->n > FILE_PAGES - first)
		range->n = FILE_PAGES - first;
	map_over(worker, range, READ_WRITE, MAP_PRIVATE, model_file, first);
	for (size_t i = 0; i < range->n; i++)
		page_reset(range_page(range, i), COPY, READ_WRITE, content_of_file(first + i));
}

void do_map_shared(struct worker *worker, struct range *range)
{
	map_over(worker, range, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	range_reset(range, SHARED, READ_WRITE);
	range_write(worker, range);
}

/* -- munmap ------------------------------------------------------------------------ */

void range_unmap(struct worker *worker, const struct range *range)
{
	long ret = munmap(range_address(range), range_bytes(range));

	call_result(worker, range, "munmap", 0, ret, MUST_WORK);
	range_reset(range, HOLE, PROT_NONE);
}

void do_unmap(struct worker *worker, struct range *range)
{
	/* Small plots come back with mremap only as what the pager manages. */
	if (range->plot->pages < PIECE_PAGES_MAX && !dice_once_in(&worker->dice, 8))
		return;
	range_unmap(worker, range);
}

/* -- mprotect ----------------------------------------------------------------------- */

/* Where there is a hole the kernel stops, and has changed all before it. */
static size_t pages_to_hole(const struct range *range)
{
	size_t i = 0;

	while (i < range->n && !page_is_hole(range_page(range, i)))
		i++;
	return i;
}

static void protect(struct worker *worker, const struct range *range, int prot)
{
	size_t n = pages_to_hole(range);
	long ret = mprotect(range_address(range), range_bytes(range), prot);

	if (call_result(worker, range, "mprotect", prot, ret,
			n < range->n ? MAY_FAIL(ENOMEM) : MUST_WORK) &&
	    n < range->n)
		fail(worker, range, "mprotect of a hole works");
	for (size_t i = 0; i < n; i++)
		range_page(range, i)->prot = (uint8_t)prot;
}

void do_protect(struct worker *worker, struct range *range)
{
	protect(worker, range, pick_protection(worker));
}

/* As allocators do: addresses first, and then, piece by piece, memory. */
void do_reserve(struct worker *worker, struct range *range)
{
	range_map(worker, range, PROT_NONE, MAP_NORESERVE);
	for (size_t at = 0, n; at < range->n; at += n) {
		struct range piece = { range->plot, range->first + at, 0 };

		n = 1 + dice_below(&worker->dice, PIECE_PAGES_MAX);
		n = n < range->n - at ? n : range->n - at;
		piece.n = n;
		if (dice_once_in(&worker->dice, 4))
			continue;
		protect(worker, &piece, READ_WRITE);
		range_write(worker, &piece);
	}
}

/* -- floating plots -------------------------------------------------------------------- */

static void float_map(struct worker *worker, struct plot *plot)
{
	struct range all = { plot, 0, 1 + dice_below(&worker->dice, plot->room) };
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | pick_flags(worker);
	char *got = mmap(NULL, range_bytes(&all), READ_WRITE, flags, -1, 0);
	long ret = got == MAP_FAILED ? -1 : 0;

	call_result(worker, &all, "mmap", (long)flags << 4 | READ_WRITE, ret, MUST_WORK);
	plot->base = got;
	plot->pages = all.n;
	range_reset(&all, PRIVATE, READ_WRITE);
	range_write(worker, &all);
}

static void float_resize(struct worker *worker, struct plot *plot)
{
	size_t n = 1 + dice_below(&worker->dice, plot->room);
	struct range all = { plot, 0, plot->pages };
	struct range more = { plot, plot->pages, n > plot->pages ? n - plot->pages : 0 };
	struct range tail = { plot, n, n < plot->pages ? plot->pages - n : 0 };
	bool uniform = range_uniform(&all);
	char *got;

	if (!uniform && n >= plot->pages)
		return;
	got = mremap(plot->base, range_bytes(&all), n * page_size, MREMAP_MAYMOVE);
	if (!call_result(worker, &all, "mremap", (long)n, got == MAP_FAILED ? -1 : 0,
			 MAY_FAIL(EFAULT)))
		return;
	plot->base = got;
	plot->pages = n;
	range_reset(&tail, HOLE, PROT_NONE);
	range_reset(&more, PRIVATE, plot->page[0].prot);
	range_write(worker, &more);
}

/* What is left moves to the front of the model. */
static void float_cut(struct worker *worker, struct plot *plot)
{
	size_t n = dice_below(&worker->dice, plot->pages);
	struct range head = { plot, 0, n };

	if (!n)
		return;
	range_unmap(worker, &head);
	for (size_t i = n; i < plot->pages; i++) {
		plot->page[i - n] = plot->page[i];
		plot->page[i].locked = false; /* counted where it is now */
	}
	plot->base += n * page_size;
	plot->pages -= n;
}

static void float_unmap(struct worker *worker, struct plot *plot)
{
	struct range all = { plot, 0, plot->pages };

	range_check(worker, &all);
	range_unmap(worker, &all);
	plot->base = NULL;
	plot->pages = 0;
}

/* Of a plot that need not be mapped. */
void do_float(struct worker *worker, struct range *range)
{
	unsigned workers = (plot_count - plots_floating) / FLOATS_PER_WORKER;
	unsigned i = (unsigned)dice_below(&worker->dice, FLOATS_PER_WORKER);
	struct plot *plot = &plots[plots_floating + i * workers + worker->number];

	(void)range;
	if (!plot->pages)
		float_map(worker, plot);
	else if (dice_once_in(&worker->dice, 4))
		float_unmap(worker, plot);
	else if (dice_once_in(&worker->dice, 3))
		float_cut(worker, plot);
	else
		float_resize(worker, plot);
}
