/* SPDX-License-Identifier: MIT */
/* turn.h - one process at a time: whose turn it is at a word that several share
 *
 * The word holds the mark (process.h) of who has it, or 0.  Who was killed loses it to the next.
 * Locking: none, compare-and-swap.
 */
#ifndef SPILL_TURN_H
#define SPILL_TURN_H

#include <stdatomic.h>
#include <stdint.h>

/* 0, or -EBUSY: another has it for longer than that. */
int turn_take(_Atomic uint64_t *word, uint64_t wait_ns);
void turn_leave(_Atomic uint64_t *word);

#endif
