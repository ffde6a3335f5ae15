/* SPDX-License-Identifier: MIT */
/* steering.c - what is wanted of a pager from outside: see steering.h */
#include "observe/steering.h"
#include "pager/pager.h"

static void set_readahead(struct pager *pager, uint32_t wanted)
{
	pager->readahead.cap = wanted ? wanted - 1 : READAHEAD_NO_CAP;
}

/* Handlers that sleep have to hear of it. */
static void set_paused(struct pager *pager, bool paused)
{
	if (atomic_exchange(&pager->paused, paused) != paused)
		pager_wake(pager);
}

void steering_obey(struct pager *pager)
{
	struct steering *steering = stats_steering(&pager->seat);

	if (!steering) {
		set_paused(pager, false); /* in a fork's child: it was the parent's */
		return;
	}
	set_readahead(pager, steering->readahead);
	/* Of two handlers that heard two rings the later to write has seen the latest.  Any process
	 * of the command can pause the others, and that is all that this word can do. */
	do {
		set_paused(pager, steering->paused);
	} while (pager->paused != (steering->paused != 0));
	inquiry_answer(&steering->inquiry, pager->seat.place, &pager->table);
	record_obey(&steering->record, pager);
}
