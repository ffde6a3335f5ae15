/* SPDX-License-Identifier: MIT */
/* fault.h - a page fault, served
 *
 * State and mapping change together, under the chunk's lock.  What happens depends on the page:
 *
 *	absent		zeros, and more of them if the touches run on
 *	cached		soft fault: it goes back from its tray
 *	swapped		major fault: a read is started
 *	filling		nothing: the read in flight will wake the thread
 *	resident	somebody was faster; or the program discarded it behind
 *			our back, and then it is zeros
 *	poisoned	SIGBUS
 */
#ifndef SPILL_FAULT_H
#define SPILL_FAULT_H

#include "paging/handler.h"

/* DONE: the page is there or on its way, or the waiting thread faults again.  Otherwise the fault
 * must be served later. */
enum answer fault_serve(struct handler *handler, const struct uffd_fault *fault);

/* These pages come back.  Those that left only a short while ago belong to the working set.  The
 * caller holds (C). */
void fault_prove_refaults(struct paging *paging, struct chunk *chunk, uint64_t mask);

/* Starts reading the swapped pages of [start, end) while frames last; *start moves on.  false: not
 * finished, call again. */
bool fault_will_need(struct handler *handler, uintptr_t *start, uintptr_t end);

#endif
