/* SPDX-License-Identifier: MIT */
/* fault.h - a page fault, served
 *
 * Under the chunk's lock, state and mapping change together.  What the page is
 * decides:
 *
 *	absent		zeros, and more of them if the touches run on
 *	cached		soft fault: copied back from its tray
 *	swapped		major fault: a read is started
 *	filling		nothing: the read in flight will wake the thread
 *	resident	somebody was faster; or the program discarded it behind
 *			our back, and then it is zeros
 *	poisoned	SIGBUS
 */
#ifndef SPILL_FAULT_H
#define SPILL_FAULT_H

#include "paging/handler.h"

/* DONE: the page is there or on its way, or who waits for it faults again.  Else it is to be served
 * later. */
enum answer fault_serve(struct handler *handler, const struct uffd_fault *fault);

/* Pages come back: those that left a short while ago belong to the working set.  The caller holds
 * (C). */
void fault_prove_refaults(struct paging *paging, struct chunk *chunk, uint64_t mask);

/* Starts to bring in the swapped pages of [start, end) while frames last;
 * *start moves on.  false: not finished, come back. */
bool fault_will_need(struct handler *handler, uintptr_t *start, uintptr_t end);

#endif
