/* SPDX-License-Identifier: MIT */
/* test-hash.c - hash.h: both implementations give the same hash, and every byte counts */
#include "unit.h"
#include "base/hash.h"
#include "base/page.h"
#include <string.h>

#define ROUNDS 500

static uint64_t hash_key;
static unsigned char page[65536] __attribute__((aligned(64)));

static void fill(void)
{
	for (size_t i = 0; i < page_size(); i++)
		page[i] = (unsigned char)unit_random();
}

START_TEST(avx2_is_the_same)
{
	if (!hash_avx2_works())
		return;
	for (unsigned n = 0; n < ROUNDS; n++) {
		uint64_t fast, key = unit_random();

		fill();
		fast = hash_avx2(page, page_size(), key);
		unit_check(fast == hash_plain(page, page_size(), key));
	}
}
END_TEST

START_TEST(every_byte_counts)
{
	uint64_t before;

	hash_key = unit_random();
	fill();
	before = hash_page(hash_key, page);
	for (size_t i = 0; i < page_size(); i++) {
		page[i] ^= 1;
		unit_check(hash_page(hash_key, page) != before);
		page[i] ^= 1;
	}
	unit_check(hash_page(hash_key, page) == before);
	hash_key ^= 1;
	unit_check(hash_page(hash_key, page) != before);
}
END_TEST

START_TEST(zeros)
{
	memset(page, 0, page_size());
	unit_check(page_is_zero(page));
	for (size_t i = 0; i < page_size(); i++) {
		page[i] = 1;
		unit_check(!page_is_zero(page));
		page[i] = 0;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash");
	TCase *tcase = unit_case(suite, "pages", 10);

	page_init();
	tcase_add_test(tcase, avx2_is_the_same);
	tcase_add_test(tcase, every_byte_counts);
	tcase_add_test(tcase, zeros);
	return unit_main(suite, NULL);
}
