/* SPDX-License-Identifier: MIT */
/* test-page-sizes - swap space, trays, chunks and contents with pages of 16 and 64 KiB, on a
 * machine with pages of 4 KiB (masks and the page table have their own tests of this) */
#include "unit.h"
#include "pages/arena.h"
#include "pages/chunk.h"
#include "base/hash.h"
#include "pager/options.h"
#include "base/page.h"
#include "store/swap.h"
#include "base/sys.h"
#include <string.h>
#include <sys/stat.h>

#define M (UINT64_C(1) << 20)
#define LIMIT (96 * M)

static uint64_t key;
static struct swap swap;

static void begin(int i)
{
	const char *directory = getenv("TEST_TMP"), *why = "";
	struct target_list targets = { .limit = LIMIT, .direct = true };

	page_shift_value = unit_page_shifts[i];
	memset(&swap, 0, sizeof(swap));
	targets.text = directory ? directory : "/var/tmp";
	ck_assert_msg(swap_open(&swap, &targets, false, &why) == 0, "%s", why);
}

static const struct swap_asker nobody;

/* Where there are no handlers the file grows at once. */
static int alloc_or_grow(struct swap *from, unsigned want, uint64_t *ret_slot)
{
	int n = swap_alloc(from, nobody, want, ret_slot);

	while (n < 0 && swap_grow(from, sys_now()))
		n = swap_alloc(from, nobody, want, ret_slot);
	return n;
}

START_TEST(slots_fill_the_space)
{
	uint64_t slots = 0, last = 0, slot;
	struct stat st;
	int n;

	begin(_i);
	ck_assert_uint_eq(swap_capacity(&swap, false), LIMIT >> page_shift());
	while ((n = alloc_or_grow(&swap, 64, &slot)) > 0) {
		uint64_t offset = swap_offset(&swap, slot);

		unit_check(offset % page_size() == 0);
		unit_check(offset + ((uint64_t)n << page_shift()) <= LIMIT);
		unit_check(slots == 0 || slot != last);
		last = slot;
		slots += (unsigned)n;
	}
	ck_assert_int_eq(n, -ENOSPC);
	/* What does not make a whole segment is left out. */
	unit_check(slots * page_size() <= LIMIT);
	unit_check(slots * page_size() + ((uint64_t)SEGMENT_SLOTS << page_shift()) > LIMIT);
	ck_assert_uint_eq(swap_used(&swap), slots << page_shift());
	ck_assert_uint_le(swap_size(&swap), LIMIT);
	ck_assert_int_eq(fstat(swap.space[0].file.fd, &st), 0);
	ck_assert_uint_ge((uint64_t)st.st_size, slots << page_shift());
	swap_close(&swap);
}
END_TEST

/* Each page comes back from its slot. */
START_TEST(slots_do_not_overlap)
{
	static _Alignas(1 << 16) char page[1 << 16], back[1 << 16]; /* for direct I/O */
	uint64_t slot[64];
	unsigned count = 0;

	begin(_i);
	while (count < 64) {
		int n = alloc_or_grow(&swap, 5, &slot[count]);

		ck_assert_int_gt(n, 0);
		for (int k = 1; k < n && count + (unsigned)k < 64; k++)
			slot[count + (unsigned)k] = slot[count] + (unsigned)k;
		count += (unsigned)n;
	}
	for (unsigned i = 0; i < 64; i++) {
		memset(page, (int)i + 1, page_size());
		ck_assert_int_eq(pwrite(swap_fd(&swap, slot[i]), page, page_size(),
					(off_t)swap_offset(&swap, slot[i])),
				 (ssize_t)page_size());
	}
	for (unsigned i = 0; i < 64; i++) {
		memset(page, (int)i + 1, page_size());
		ck_assert_int_eq(pread(swap_fd(&swap, slot[i]), back, page_size(),
				       (off_t)swap_offset(&swap, slot[i])),
				 (ssize_t)page_size());
		unit_check(memcmp(page, back, page_size()) == 0);
	}
	swap_close(&swap);
}
END_TEST

START_TEST(free_space_is_given_back)
{
	uint64_t slot, first = 0;
	struct stat before, after;
	unsigned taken = 0;

	begin(_i);
	while (taken < SEGMENT_SLOTS) {
		int n = alloc_or_grow(&swap, SEGMENT_SLOTS - taken, &slot);

		ck_assert_int_gt(n, 0);
		first = taken ? first : slot;
		taken += (unsigned)n;
	}
	ck_assert_int_eq(fstat(swap.space[0].file.fd, &before), 0);
	unit_check(!swap_is_punchable(&swap));
	swap_free(&swap, first, SEGMENT_SLOTS);
	unit_check(swap_is_punchable(&swap));
	swap_punch(&swap);
	ck_assert_int_eq(fstat(swap.space[0].file.fd, &after), 0);
	ck_assert_int_eq((before.st_blocks - after.st_blocks) * 512,
			 (long)SEGMENT_SLOTS << page_shift());
	swap_close(&swap);
}
END_TEST

START_TEST(trays_lie_apart)
{
	struct arena arena = { 0 };
	struct tray *a, *b;

	page_shift_value = unit_page_shifts[_i];
	ck_assert_int_eq(arena_init(&arena, 4096), 0);
	a = tray_alloc(&arena);
	b = tray_alloc(&arena);
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	unit_check((uintptr_t)a->address % page_size() == 0);
	unit_check((size_t)labs(a->address - b->address) >= chunk_size());
	memset(tray_page(a, 63), 1, page_size());
	memset(tray_page(b, 0), 2, page_size());
	unit_check(((char *)tray_page(a, 63))[page_size() - 1] == 1);
	arena_free(&arena);
}
END_TEST

START_TEST(chunks_have_64_pages)
{
	struct chunk chunk = { 0 };

	page_shift_value = unit_page_shifts[_i];
	chunk.address = 7 * chunk_size();
	for (unsigned i = 0; i < CHUNK_PAGES; i++) {
		uintptr_t page = (uintptr_t)chunk_page(&chunk, i);

		unit_check(chunk_index(&chunk, page) == i);
		unit_check(chunk_index(&chunk, page + page_size() - 1) == i);
		unit_check(chunk_mask_of(&chunk, page, page + page_size()) == mask_bit(i));
		unit_check(chunk_mask_of(&chunk, 0, page) == mask_range(0, i));
	}
	unit_check(chunk_mask_of(&chunk, 0, UINTPTR_MAX & ~(page_size() - 1)) == ~UINT64_C(0));
	unit_check(chunk_mask_of(&chunk, chunk.address + chunk_size(), 9 * chunk_size()) == 0);
}
END_TEST

START_TEST(all_of_a_page_counts)
{
	static char page[1 << 16];
	uint64_t zeros;

	page_shift_value = unit_page_shifts[_i];
	unit_check(page_is_zero(page));
	zeros = hash_page(key, page);
	page[page_size() - 1] = 1;
	unit_check(!page_is_zero(page));
	unit_check(hash_page(key, page) != zeros);
	page[page_size() - 1] = 0;
	if (page_size() < sizeof(page)) {
		page[page_size()] = 1; /* another's */
		unit_check(page_is_zero(page) && hash_page(key, page) == zeros);
		page[page_size()] = 0;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("page sizes");
	TCase *tcase = unit_case(suite, "page sizes", 20);

	tcase_add_loop_test(tcase, slots_fill_the_space, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(tcase, slots_do_not_overlap, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(tcase, free_space_is_given_back, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(tcase, trays_lie_apart, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(tcase, chunks_have_64_pages, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(tcase, all_of_a_page_counts, 0, UNIT_PAGE_SHIFTS);
	return unit_main(suite, NULL);
}
