/* SPDX-License-Identifier: MIT */
/* start.h - paging starts and stops: a userfaultfd, trays, and the handlers
 *
 * Arming does it once; a fork's child does it again, since threads and rings stay with its parent.
 *
 * Locking: the caller holds (G), or is alone.
 */
#ifndef SPILL_START_H
#define SPILL_START_H

#include "paging/paging.h"

/* Sets the budget, in bytes; nothing is evicted yet. */
void paging_set_budget(struct paging *paging, uint64_t bytes);

/* Opens what is needed and starts the handlers.  0, or -errno with *ret_why saying what was
 * missing. */
int paging_start(struct paging *paging, const char **ret_why);
/* Stops the handlers and closes all that paging_start has opened, even if it failed halfway. */
void paging_stop(struct paging *paging, bool in_child);

/* The process ends: has the handlers write out what they have recorded.  Takes no lock. */
void paging_flush_trace(struct paging *paging);

#endif
