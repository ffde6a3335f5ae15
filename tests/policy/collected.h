/* SPDX-License-Identifier: MIT */
/* collected.h - what a program with a serial, generational collector touches
 *
 * A hash table of lists, to which values are added under random keys, as Java's HashMap of
 * ArrayLists.  Each operation makes a key, which comes to stay or is found to exist, and a value; a
 * list's array is made anew when it is full.  Objects are made one after the other in the nursery.
 *
 * When the nursery is full, what lives there is copied behind the old objects: first what these
 * point to, in their order, then what the copies point to, in the order of copying (Cheney).  When
 * there is no room for that, everything is marked, depth first, and slides together in three passes;
 * the heap then grows with what lives.
 */
#ifndef COLLECTED_H
#define COLLECTED_H

#include <stdint.h>

/* Calls touch for each touch of a page below `pages`.  next_random returns a number below n.  Exits
 * if there is no memory, or from 2^20 pages on: addresses have 32 bits. */
void collected_run(uint32_t pages, void (*touch)(void *maker, uint32_t page),
		   uint32_t (*next_random)(void *maker, uint32_t n), void *maker);

#endif
