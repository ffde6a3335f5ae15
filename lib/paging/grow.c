/* SPDX-License-Identifier: MIT */
/* grow.c - a swap file grows ahead of need: see grow.h */
#include "paging/grow.h"
#include "paging/handler.h"

static void grow_done(struct io_request *request, long result)
{
	struct handler *handler = request->owner;

	swap_grow_end(&handler->paging->swap, &handler->growth, result, sys_now());
	handler->growing = false;
}

void grow_ahead(struct handler *handler)
{
	if (handler->growing ||
	    !swap_grow_begin(&handler->paging->swap, handler->round, &handler->growth))
		return;
	handler->growing = true;
	handler->grow_request = (struct io_request){
		.done = grow_done,
		.fd = handler->growth.fd,
		.allocate = handler->growth.bytes,
		.offset = handler->growth.offset,
		.owner = handler,
	};
	io_submit(handler->io, &handler->grow_request);
}
