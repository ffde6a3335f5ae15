/* SPDX-License-Identifier: MIT */
/* reference.c - LRU, FIFO and Belady's optimum, and the pager: see reference.h */
#include "reference.h"
#include "queue.h"
#include "report/model.h"

/* -- LRU and FIFO -------------------------------------------------------------------- */

/* by_use: a hit makes a page the newest. */
static uint64_t run_queue(const struct accesses *accesses, uint32_t frames, bool by_use)
{
	struct queue queue;
	uint64_t misses = 0;

	queue_init(&queue, accesses->pages);
	for (size_t i = 0; i < accesses->count; i++) {
		uint32_t page = accesses->page[i];
		bool hit = queue_has(&queue, page);

		if (hit && !by_use)
			continue;
		if (hit) {
			queue_renew(&queue, page);
			continue;
		}
		misses++;
		if (queue.count == frames)
			queue_pop(&queue);
		queue_push(&queue, page);
	}
	free(queue.link);
	return misses;
}

uint64_t reference_lru(const struct accesses *accesses, uint32_t frames)
{
	return run_queue(accesses, frames, true);
}

uint64_t reference_fifo(const struct accesses *accesses, uint32_t frames)
{
	return run_queue(accesses, frames, false);
}

/* -- the optimum -------------------------------------------------------------------- */

/* A heap of the pages in memory, the one that is needed last on top.  An entry
 * whose page has been touched since is out of date; it is dropped when it comes up. */
struct need {
	uint32_t page;
	size_t next; /* the access that needs it */
};

struct heap {
	struct need *need;
	size_t count;
};

static void heap_push(struct heap *heap, struct need need)
{
	size_t i = heap->count++;

	for (; i > 0 && heap->need[(i - 1) / 2].next < need.next; i = (i - 1) / 2)
		heap->need[i] = heap->need[(i - 1) / 2];
	heap->need[i] = need;
}

static struct need heap_pop(struct heap *heap)
{
	struct need top = heap->need[0];
	struct need last = heap->need[--heap->count];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < heap->count; i = child) {
		if (child + 1 < heap->count && heap->need[child + 1].next > heap->need[child].next)
			child++;
		if (heap->need[child].next <= last.next)
			break;
		heap->need[i] = heap->need[child];
	}
	heap->need[i] = last;
	return top;
}

/* For each access, the next one of the same page. */
static size_t *next_uses(const struct accesses *accesses)
{
	size_t *next = allocate(accesses->count, sizeof(*next));
	size_t *seen = allocate(accesses->pages, sizeof(*seen));

	for (uint32_t i = 0; i < accesses->pages; i++)
		seen[i] = accesses->count;
	for (size_t i = accesses->count; i-- > 0;) {
		next[i] = seen[accesses->page[i]];
		seen[accesses->page[i]] = i;
	}
	free(seen);
	return next;
}

uint64_t reference_optimum(const struct accesses *accesses, uint32_t frames)
{
	struct heap heap = { allocate(accesses->count, sizeof(struct need)), 0 };
	size_t *next = next_uses(accesses);
	size_t *due = allocate(accesses->pages, sizeof(*due)); /* SIZE_MAX: not here */
	uint64_t misses = 0;
	uint32_t here = 0;

	for (uint32_t i = 0; i < accesses->pages; i++)
		due[i] = SIZE_MAX;
	for (size_t i = 0; i < accesses->count; i++) {
		uint32_t page = accesses->page[i];
		bool hit = due[page] != SIZE_MAX;

		misses += !hit;
		here += !hit;
		while (here > frames) {
			struct need last = heap_pop(&heap);

			if (due[last.page] != last.next)
				continue;
			due[last.page] = SIZE_MAX;
			here--;
		}
		due[page] = next[i];
		heap_push(&heap, (struct need){ page, next[i] });
	}
	free(heap.need);
	free(next);
	free(due);
	return misses;
}

/* -- the pager ---------------------------------------------------------------------- */

struct reference_counts reference_pager(const struct accesses *accesses, uint32_t frames)
{
	struct model *model =
		model_new(accesses->pages, &(struct model_size){ .limit = frames, .window = 1 });
	struct model_counts counts;

	if (!model)
		errx(EXIT_FAILURE, "out of memory");
	for (size_t i = 0; i < accesses->count; i++)
		if (model_touch(model, accesses->page[i], 0))
			errx(EXIT_FAILURE, "nothing comes free");
	counts = model_counts(model);
	model_free(model);
	return (struct reference_counts){ counts.zeroed + counts.read, counts.soft };
}
