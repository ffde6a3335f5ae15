/* SPDX-License-Identifier: MIT */
/* work.c - which operation, on which range, and when: see worker.h */
#include "worker.h"
#include <stdio.h>
#include <sys/mman.h>

/* One of weight 0 is never picked: the first is what is done at the start and the end. */
struct operation operations[] = {
	{ "all", 0, false, do_check, false },
	{ "check", 16, false, do_check, false },
	{ "check-down", 4, false, do_check_down, false },
	{ "write", 12, false, do_write, false },
	{ "write-some", 16, false, do_write_some, false },
	{ "clear", 4, false, do_clear, false },
	{ "trespass", 8, false, do_trespass, false },
	{ "renew", 14, false, do_renew, false },
	{ "map", 6, false, do_map, false },
	{ "map-exclusive", 4, true, do_map_exclusive, false },
	{ "map-file", 2, false, do_map_file, false },
	{ "map-shared", 2, false, do_map_shared, false },
	{ "reserve", 4, false, do_reserve, false },
	{ "unmap", 5, true, do_unmap, false },
	{ "protect", 12, false, do_protect, false },
	{ "float", 6, false, do_float, false },
	{ "move", 10, true, do_move, false },
	{ "move-copy", 2, true, do_move_copy, false },
	{ "grow", 5, true, do_grow, false },
	{ "shrink", 3, true, do_shrink, false },
	{ "duplicate", 1, false, do_duplicate, false },
	{ "discard", 5, false, do_discard, false },
	{ "discard-locked", 1, false, do_discard_locked, false },
	{ "free", 4, false, do_free, false },
	{ "advise", 14, false, do_advise, false },
	{ "populate", 4, false, do_populate, false },
	{ "advise-fork", 3, false, do_advise_fork, true },
	{ "lock", 6, false, do_lock, false },
	{ "look", 2, false, do_look, false },
	{ "pipe", 6, false, do_pipe, false },
	{ "file", 6, false, do_file, false },
	{ "process-vm", 5, false, do_process_vm, false },
	{ "process-vm-write", 5, false, do_process_vm_write, true },
	{ "refused", 3, false, do_refused, false },
	{ "allocate", 14, false, do_allocate, false },
	{ "fork", 1, false, do_fork, false },
};
const unsigned operation_count = sizeof(operations) / sizeof(operations[0]);
_Static_assert(sizeof(operations) / sizeof(operations[0]) <= OPERATIONS_MAX, "counters");

/* How often a plot is looked for that can be had. */
#define PICK_TRIES 64

int pick_protection(struct worker *worker)
{
	static const int prot[] = {
		PROT_NONE,
		PROT_READ,
		PROT_READ | PROT_EXEC,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_WRITE,
	};

	return prot[dice_below(&worker->dice, sizeof(prot) / sizeof(prot[0]))];
}

/* -- plots and ranges -------------------------------------------------------------- */

/* Large ones are few, and hold as much as all the small ones. */
static struct plot *pick_plot(struct worker *worker)
{
	unsigned from = 0, to = plots_large;

	switch (dice_below(&worker->dice, 8)) {
	case 0:
		from = plots_floating, to = plot_count;
		break;
	case 1 ... 4:
		from = plots_large, to = plots_floating;
		break;
	}
	if (from == to)
		from = 0, to = plots_floating;
	return &plots[from + dice_below(&worker->dice, to - from)];
}

static bool plot_take(struct worker *worker, struct plot *plot)
{
	if (plot->owner == worker->number)
		return plot->pages > 0;
	return plot->owner == ANYBODY && !worker->is_child &&
	       pthread_mutex_trylock(&plot->lock) == 0;
}

static void plot_drop(struct plot *plot)
{
	if (plot->owner == ANYBODY)
		pthread_mutex_unlock(&plot->lock);
}

/* Mostly few pages, sometimes a thousand. */
static size_t pick_length(struct worker *worker)
{
	static const size_t most[] = { 3, 3, 3, 16, 16, 64, 64, 200, 200, 1024 };
	size_t n = most[dice_below(&worker->dice, sizeof(most) / sizeof(most[0]))];

	return 1 + dice_below(&worker->dice, n);
}

static struct range pick_range(struct worker *worker, struct plot *plot, size_t n)
{
	struct range range = { plot, 0, n < plot->pages ? n : plot->pages };

	range.first = dice_below(&worker->dice, plot->pages - range.n + 1);
	return range;
}

static bool overlap(const struct range *a, const struct range *b)
{
	return a->plot == b->plot && a->first < b->first + b->n && b->first < a->first + a->n;
}

bool pick_other(struct worker *worker, const struct range *than, size_t n, struct range *ret_range)
{
	for (unsigned i = 0; i < PICK_TRIES; i++) {
		struct plot *plot = pick_plot(worker);

		if (plot->owner != worker->number || !plot->pages)
			continue;
		*ret_range = pick_range(worker, plot, n);
		if (!overlap(ret_range, than))
			return true;
	}
	return false;
}

/* -- a step --------------------------------------------------------------------------- */

static const struct operation *pick_operation(struct worker *worker)
{
	unsigned total = 0, at;
	unsigned i;

	for (i = 0; i < operation_count; i++)
		total += operations[i].off ? 0 : operations[i].weight;
	at = (unsigned)dice_below(&worker->dice, total);
	for (i = 0; operations[i].off || at >= operations[i].weight; i++)
		at -= operations[i].off ? 0 : operations[i].weight;
	return &operations[i];
}

void worker_step(struct worker *worker)
{
	const struct operation *operation = pick_operation(worker);
	struct plot *plot = NULL;
	unsigned tries = 0;

	do {
		plot = pick_plot(worker);
		if (++tries > PICK_TRIES)
			return;
	} while ((operation->makes_holes && plot->floats) || !plot_take(worker, plot));
	worker->steps++;
	worker->operation = operation;
	worker->range = pick_range(worker, plot, pick_length(worker));
	operation->run(worker, &worker->range);
	plot_drop(plot);
}

/* -- all of it -------------------------------------------------------------------------- */

/* What cannot be read is made so; what was locked stays. */
static void plot_check(struct worker *worker, struct plot *plot)
{
	struct range all = { plot, 0, plot->pages };

	for (size_t i = 0; i < plot->pages; i++) {
		struct range one = { plot, i, 1 };
		struct page *page = &plot->page[i];

		if (page->kind == HOLE || page_readable(page))
			continue;
		call_result(worker, &one, "mprotect", PROT_READ,
			    mprotect(range_address(&one), page_size, PROT_READ), MUST_WORK);
		page->prot = PROT_READ;
	}
	range_check(worker, &all);
}

void worker_check_all(struct worker *worker)
{
	worker->operation = operations;
	for (unsigned i = 0; i < plot_count; i++) {
		if (!plots[i].pages || !plot_take(worker, &plots[i]))
			continue;
		worker->range = (struct range){ &plots[i], 0, plots[i].pages };
		plot_check(worker, &plots[i]);
		plot_drop(&plots[i]);
	}
	heap_check_all(worker);
}

/* One page of five is left as zeros. */
void worker_fill_all(struct worker *worker)
{
	for (unsigned i = 0; i < plot_count; i++) {
		struct range all = { &plots[i], 0, plots[i].pages };

		if (plots[i].owner != worker->number)
			continue;
		for (size_t k = 0; k < all.n; k++)
			if (!dice_once_in(&worker->dice, 5))
				page_write(worker, &all, k);
	}
}
