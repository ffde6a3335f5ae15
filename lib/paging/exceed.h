/* SPDX-License-Identifier: MIT */
/* exceed.h - going over the budget for what cannot leave
 *
 * The kernel may not let pages leave: they are locked, devices use them (DMA), or /proc is closed
 * to us.  That is no reason to stop the program.  The budget is exceeded until the reason is gone,
 * and a message says why.
 *
 *	held back	a rule says that nothing may leave: no UFFDIO_MOVE, and direct I/O
 *	exceeded	nothing that was tried could leave, and a fault has waited for a while:
 *			by steps, which are taken back little by little
 *
 * Locking: none; each word is changed by compare-and-swap or by adding.
 */
#ifndef SPILL_EXCEED_H
#define SPILL_EXCEED_H

#include "paging/paging.h"

/* Nothing may be evicted now: the budget does not hold until the reason is gone. */
void exceed_hold_back(struct paging *paging, const char *why);
/* Something may be evicted again. */
void exceed_go_on(struct paging *paging);
/* Lets the budget be exceeded by one more step. */
void exceed_by_step(struct paging *paging);
/* From time to time: does what was let in still have to stay? */
void exceed_check(struct paging *paging);

#endif
