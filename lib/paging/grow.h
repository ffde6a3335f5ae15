/* SPDX-License-Identifier: MIT */
/* grow.h - a swap file grows ahead of need, while its handler serves faults
 *
 * fallocate may take as long as the disk likes.  So the handler that sees that a file should grow hands
 * the step to its engine (io.h), as it does with reads and writes; nothing is held meanwhile, and who finds
 * no slot looks again.
 *
 * Locking: none; a handler has one step in hand at most, and a space takes one at a time.
 */
#ifndef SPILL_GROW_H
#define SPILL_GROW_H

struct handler;

/* Begins a step if one is wanted. */
void grow_ahead(struct handler *handler);

#endif
