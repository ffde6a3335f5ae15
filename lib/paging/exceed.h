/* SPDX-License-Identifier: MIT */
/* exceed.h - the budget is exceeded by what cannot leave
 *
 * The kernel may let pages not leave: they are locked, devices use them (DMA), or /proc is closed to
 * us.  That is no reason to stop the program: the budget does not hold, and a line says why, until the
 * reason is gone.
 *
 *	held back	nothing may leave, by a rule: without UFFDIO_MOVE, beside direct I/O
 *	exceeded	of what was tried nothing left, and a fault has waited for a while: by steps,
 *			which are taken back little by little
 *
 * Locking: none; each word is changed by compare-and-swap or by adding.
 */
#ifndef SPILL_EXCEED_H
#define SPILL_EXCEED_H

#include "paging/paging.h"

/* Nothing may be evicted now: the budget does not hold until the reason is gone. */
void exceed_hold_back(struct paging *paging, const char *why);
/* Something may be again. */
void exceed_go_on(struct paging *paging);
/* The budget is exceeded by a step. */
void exceed_by_step(struct paging *paging);
/* Looks whether things are better, from time to time. */
void exceed_check(struct paging *paging);

#endif
