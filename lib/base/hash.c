/* SPDX-License-Identifier: MIT */
/* hash.c - the contents of a page, in 64 bits: see hash.h */
#define XXH_INLINE_ALL
#include "base/hash.h"
#include "base/page.h"
#include <string.h>
#include <xxhash.h>

uint64_t hash_plain(const void *data, size_t size, uint64_t key)
{
	return XXH3_64bits_withSeed(data, size, key);
}

uint64_t hash_page(uint64_t key, const void *page)
{
	if (hash_avx2_works())
		return hash_avx2(page, page_size(), key);
	return hash_plain(page, page_size(), key);
}

bool page_is_word(const void *page, uint64_t *ret_word)
{
	memcpy(ret_word, page, sizeof(*ret_word));
	return memcmp(page, (const char *)page + sizeof(*ret_word),
		      page_size() - sizeof(*ret_word)) == 0;
}

bool page_is_zero(const void *page)
{
	uint64_t first;

	memcpy(&first, page, sizeof(first));
	return first == 0 && page_is_word(page, &first);
}

void page_fill(void *page, uint64_t word)
{
	for (size_t i = 0; i < page_size(); i += sizeof(word))
		memcpy((char *)page + i, &word, sizeof(word));
}
