/* SPDX-License-Identifier: MIT */
/* steer.c - a pager does what is wanted from outside: see steer.h */
#include "paging/steer.h"
#include "paging/handler.h"
#include "paging/recording.h"

static void set_readahead(struct paging *paging, uint32_t wanted)
{
	paging->readahead.cap = wanted ? wanted - 1 : READAHEAD_NO_CAP;
}

/* Handlers that sleep must hear of it. */
static void set_paused(struct paging *paging, bool paused)
{
	if (atomic_exchange(&paging->paused, paused) != paused)
		handler_wake_all(paging);
}

void steer(struct paging *paging)
{
	struct steering *steering = stats_steering(&paging->seat);

	if (!steering) {
		set_paused(paging, false); /* in a fork's child: it was the parent's */
		return;
	}
	set_readahead(paging, steering->readahead);
	/* If two handlers heard two rings, the later one to write has seen the latest wish.  Any
	 * process of the command can pause the others by this word, and can do nothing else with
	 * it. */
	do {
		set_paused(paging, steering->paused);
	} while (paging->paused != (steering->paused != 0));
	inquiry_answer(&steering->inquiry, paging->seat.place, &paging->pages.table);
	recording_obey(&steering->order, paging);
}
