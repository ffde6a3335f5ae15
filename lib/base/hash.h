/* SPDX-License-Identifier: MIT */
/* hash.h - the contents of a page, in 64 bits
 *
 * XXH3, seeded per pager.  A page is clean if it has the hash that was kept when its slot was
 * written; a read is good if it has that hash.  Of pairs of pages that differ by chance, one in
 * 2^64 is taken for the same.
 *
 * This is no message authentication code and does not resist somebody who chooses the contents.
 * The seed makes different pages collide in each process, so that nobody can prepare them.  Whoever
 * knows the seed (a fork's child does) or sees hashes (spill map shows them) may find such pages.
 */
#ifndef SPILL_HASH_H
#define SPILL_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The hash of a page, with key as the seed. */
uint64_t hash_page(uint64_t key, const void *page);
bool page_is_zero(const void *page);
/* Is it this one word again and again?  The second function makes it so. */
bool page_is_word(const void *page, uint64_t *ret_word);
void page_fill(void *page, uint64_t word);

/* The two implementations, which give the same result. */
uint64_t hash_plain(const void *data, size_t size, uint64_t key);
/* Only for CPUs with AVX2. */
bool hash_avx2_works(void);
uint64_t hash_avx2(const void *data, size_t size, uint64_t key);

#endif
