/* SPDX-License-Identifier: MIT */
/* queue.h - queues of pages, oldest first: what the policies beside the pager's are made of
 *
 * A queue has a link for each page there is.  A page is in it or is not.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define NONE UINT32_MAX

static inline void *allocate(size_t n, size_t size)
{
	void *ret = calloc(n, size);

	if (!ret)
		err(EXIT_FAILURE, "out of memory");
	return ret;
}

struct link {
	uint32_t older, newer;
	bool here;
};

struct queue {
	struct link *link;
	uint32_t oldest, newest, count;
};

static inline void queue_init(struct queue *queue, uint32_t pages)
{
	*queue = (struct queue){ allocate(pages, sizeof(struct link)), NONE, NONE, 0 };
}

static inline void queue_push(struct queue *queue, uint32_t page)
{
	queue->link[page] = (struct link){ queue->newest, NONE, true };
	if (queue->newest != NONE)
		queue->link[queue->newest].newer = page;
	else
		queue->oldest = page;
	queue->newest = page;
	queue->count++;
}

static inline void queue_remove(struct queue *queue, uint32_t page)
{
	struct link *link = &queue->link[page];

	if (link->older != NONE)
		queue->link[link->older].newer = link->newer;
	else
		queue->oldest = link->newer;
	if (link->newer != NONE)
		queue->link[link->newer].older = link->older;
	else
		queue->newest = link->older;
	link->here = false;
	queue->count--;
}

static inline bool queue_has(const struct queue *queue, uint32_t page)
{
	return queue->link[page].here;
}

/* Makes a page the newest. */
static inline void queue_renew(struct queue *queue, uint32_t page)
{
	queue_remove(queue, page);
	queue_push(queue, page);
}

/* Takes the oldest page out; there is one. */
static inline uint32_t queue_pop(struct queue *queue)
{
	uint32_t page = queue->oldest;

	queue_remove(queue, page);
	return page;
}

#endif
