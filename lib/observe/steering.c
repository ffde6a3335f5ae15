/* SPDX-License-Identifier: MIT */
/* steering.c - orders from outside to a running pager: see steering.h */
#include "observe/steering.h"
#include "pager/pager.h"

static void set_readahead(struct pager *pager, uint32_t wanted)
{
	pager->readahead.cap = wanted ? wanted - 1 : READAHEAD_NO_CAP;
}

/* Wakes handlers that sleep, so that they notice. */
static void set_paused(struct pager *pager, bool paused)
{
	if (atomic_exchange(&pager->paused, paused) != paused)
		pager_wake(pager);
}

void steering_obey(struct pager *pager)
{
	struct steering *steering = stats_steering(&pager->seat);

	if (!steering) {
		set_paused(pager, false); /* a fork's child: the parent was paused */
		return;
	}
	set_readahead(pager, steering->readahead);
	/* If two handlers heard two rings, the later one to write has seen the latest order.  Any
	 * process of the command can pause the others, and can do no more than that with this
	 * word. */
	do {
		set_paused(pager, steering->paused);
	} while (pager->paused != (steering->paused != 0));
	inquiry_answer(&steering->inquiry, pager->seat.place, &pager->table);
	record_obey(&steering->record, pager);
}
