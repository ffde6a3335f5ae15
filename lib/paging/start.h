/* SPDX-License-Identifier: MIT */
/* start.h - paging starts and stops: a userfaultfd, trays, and the handlers
 *
 * Arming does it once, and a fork's child again, since threads and rings stay with its parent.
 *
 * Locking: the caller holds (G), or nobody else is there.
 */
#ifndef SPILL_START_H
#define SPILL_START_H

#include "paging/paging.h"

/* Sets the budget, in bytes; nothing is evicted yet. */
void paging_set_budget(struct paging *paging, uint64_t bytes);

/* Opens what is needed and starts the handlers.  0; or -errno, and then *ret_why says in words what
 * was missing. */
int paging_start(struct paging *paging, const char **ret_why);
/* Stops the handlers and closes all that paging_start has opened; also after it failed. */
void paging_stop(struct paging *paging, bool in_child);

/* The process ends: what handlers have recorded is written.  Takes no lock. */
void paging_flush_trace(struct paging *paging);

#endif
