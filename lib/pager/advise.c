/* SPDX-License-Identifier: MIT */
/* advise.c - what the application says of its use of memory: see region.h
 *
 * How it will touch pages is noted for readahead.  What shall come or go now is a request to the
 * handlers.  What it does not need is discarded.
 *
 * Locking: none here.
 */
#include "base/guard.h"
#include "pager/region_private.h"
#include "paging/handler.h"

struct advise_args {
	struct range range;
	enum spill_advice advice;
};

static long note_guarded(struct pager *pager, void *argument)
{
	const struct advise_args *a = argument;

	readahead_advise(&pager->paging.readahead, range_start(&a->range) >> page_shift(),
			 range_end(&a->range) >> page_shift(), (unsigned)a->advice);
	return 0;
}

static long request_guarded(struct pager *pager, void *argument)
{
	const struct advise_args *a = argument;
	struct request request = { .start = range_start(&a->range), .end = range_end(&a->range) };

	request.kind = a->advice == SPILL_COLD ? REQUEST_COLD : REQUEST_WILL_NEED;
	request_push(&pager->paging.requests, request);
	handler_wake_all(&pager->paging);
	return 0;
}

int region_advise(struct pager *pager, void *addr, size_t size, enum spill_advice advice)
{
	struct advise_args args = { .range = range_widened(addr, size), .advice = advice };

	switch (advice) {
	case SPILL_NORMAL:
	case SPILL_SEQUENTIAL:
	case SPILL_RANDOM:
		return (int)guard_call(pager, note_guarded, &args, sizeof(args));
	case SPILL_WILL_NEED:
	case SPILL_COLD:
		if (!pager_is_armed(pager))
			return 0;
		return (int)guard_call(pager, request_guarded, &args, sizeof(args));
	case SPILL_DONT_NEED:
		return region_discard(pager, args.range.addr, args.range.size);
	}
	return -EINVAL;
}
