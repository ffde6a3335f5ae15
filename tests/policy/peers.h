/* SPDX-License-Identifier: MIT */
/* peers.h - replacement policies of others, as their papers describe them
 *
 * Single pages, no frame held back, and they see every hit.  Each gives the misses, first touches
 * included.
 */
#ifndef PEERS_H
#define PEERS_H

#include "accesses.h"

struct peer {
	const char *name;
	uint64_t (*misses)(const struct accesses *accesses, uint32_t frames);
};

#define PEERS 5
extern const struct peer peers[PEERS];

#endif
