/* SPDX-License-Identifier: MIT */
/* hash.h - what a page holds, in 64 bits
 *
 * XXH3 with a key of the pager's own, so that contents cannot be made to
 * collide by who does not know it.  A page is clean if it hashes to what was
 * kept when its slot was written; a read is good if it does.
 */
#ifndef SPILL_HASH_H
#define SPILL_HASH_H

#include "pager.h"

uint64_t hash_page(const struct pager *pager, const void *page);
bool page_is_zero(const void *page);

/* The two ways of hashing, which give the same. */
uint64_t hash_plain(const void *data, size_t size, uint64_t key);
/* For CPUs that have AVX2; not to be called elsewhere. */
bool hash_avx2_works(void);
uint64_t hash_avx2(const void *data, size_t size, uint64_t key);

#endif
