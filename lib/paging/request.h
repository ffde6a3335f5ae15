/* SPDX-License-Identifier: MIT */
/* request.h - what application threads ask handlers to do
 *
 * Bringing pages in and evicting them needs what only handlers have (a lane, buffers).  A request
 * is a hint: it is dropped if the queue is full.
 *
 * Locking: (R), a leaf.
 */
#ifndef SPILL_REQUEST_H
#define SPILL_REQUEST_H

#include "base/lock.h"

enum request_kind { REQUEST_WILL_NEED, REQUEST_COLD };

struct request {
	enum request_kind kind;
	uintptr_t start, end; /* what is left to do */
};

#define REQUESTS_MAX 64

struct request_queue {
	struct lock lock;
	struct request request[REQUESTS_MAX]; /* (R) a ring */
	unsigned first;			      /* (R) */
	_Atomic unsigned count;		      /* (R) for writing */
};

static inline bool request_push(struct request_queue *queue, struct request request)
{
	bool room;

	lock_take(&queue->lock, LOCK_STREAM);
	room = queue->count < REQUESTS_MAX;
	if (room)
		queue->request[(queue->first + queue->count++) % REQUESTS_MAX] = request;
	lock_drop(&queue->lock, LOCK_STREAM);
	return room;
}

static inline bool request_pop(struct request_queue *queue, struct request *ret_request)
{
	bool any;

	if (!queue->count)
		return false;
	lock_take(&queue->lock, LOCK_STREAM);
	any = queue->count > 0;
	if (any) {
		*ret_request = queue->request[queue->first];
		queue->first = (queue->first + 1) % REQUESTS_MAX;
		queue->count--;
	}
	lock_drop(&queue->lock, LOCK_STREAM);
	return any;
}

#endif
