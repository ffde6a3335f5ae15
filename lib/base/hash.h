/* SPDX-License-Identifier: MIT */
/* hash.h - what a page holds, in 64 bits
 *
 * XXH3, seeded with a number of the pager's own.  A page is clean if it hashes to what was
 * kept when its slot was written; a read is good if it does.  Of contents that differ by chance
 * one pair in 2^64 is taken for the same.
 *
 * It is no message authentication code, and not made against who chooses contents: the seed is so that
 * pages which collide are others in each process, and nobody can prepare them; who knows it (a
 * child of a fork does) or sees hashes (spill map shows them) may find such pages.
 */
#ifndef SPILL_HASH_H
#define SPILL_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a page, with that seed. */
uint64_t hash_page(uint64_t key, const void *page);
bool page_is_zero(const void *page);

/* The two ways of hashing, which give the same. */
uint64_t hash_plain(const void *data, size_t size, uint64_t key);
/* For CPUs that have AVX2; not to be called elsewhere. */
bool hash_avx2_works(void);
uint64_t hash_avx2(const void *data, size_t size, uint64_t key);

#endif
