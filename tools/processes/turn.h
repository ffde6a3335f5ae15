/* SPDX-License-Identifier: MIT */
/* turn.h - one process at a time: taking turns at a word that several share
 *
 * The word holds the mark (process.h) of the process whose turn it is, or 0.  A process that is
 * killed loses its turn to the next.
 * Locking: none, compare-and-swap.
 */
#ifndef SPILL_TURN_H
#define SPILL_TURN_H

#include <stdatomic.h>
#include <stdint.h>

/* 0, or -EBUSY: another process kept its turn for all of wait_ns. */
int turn_take(_Atomic uint64_t *word, uint64_t wait_ns);
void turn_leave(_Atomic uint64_t *word);

#endif
