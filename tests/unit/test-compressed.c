/* SPDX-License-Identifier: MIT */
/* test-compressed.c - compressed.h, slab.h, codec.h: every byte comes back, and frames are counted */
#include "unit.h"
#include "base/hash.h"
#include "base/page.h"
#include "store/compressed.h"
#include <string.h>
#include <sys/mman.h>

#define FRAMES 4096
#define STEPS 15000
#define PAGES 2000

static struct budget budget;
static struct compressed compressed;
static struct packer packer;

/* What should be in the store: a page's contents follow from its seed. */
static struct {
	compressed_place place;
	uint64_t seed, word;
} model[PAGES];

static void begin(unsigned shift)
{
	page_shift_value = shift;
	memset(&budget, 0, sizeof(budget));
	budget_limit(&budget, FRAMES);
	ck_assert_int_eq(compressed_open(&compressed, &budget, FRAMES), 0);
	ck_assert_int_eq(packer_open(&packer), 0);
	for (unsigned i = 0; i < PAGES; i++)
		model[i].place = COMPRESSED_NONE;
}

/* All that was taken is given back. */
static void end(void)
{
	slab_trim(&compressed.slab, 0);
	slab_check(&compressed.slab);
	unit_check(slab_frames(&compressed.slab) == 0);
	unit_check(budget.used == 0);
	packer_close(&packer);
	compressed_close(&compressed);
}

/* A page of which a part, by its seed, is random, and the rest repeats. */
static void make(char *page, uint64_t seed)
{
	uint64_t z = seed;
	size_t part = seed % 8 * page_size() / 10;

	for (size_t i = 0; i < page_size(); i += sizeof(z)) {
		z = z * UINT64_C(6364136223846793005) + 1;
		memcpy(page + i, i < part ? &z : &seed, sizeof(z));
	}
}

static char made[65536] __attribute__((aligned(64))), got[65536] __attribute__((aligned(64)));

static void put(unsigned i)
{
	uint64_t seed = unit_random();
	bool odd;

	make(made, seed);
	model[i].place = compressed_put(&compressed, &packer, made, i, true, &model[i].word, &odd);
	unit_check(!odd);
	unit_check((seed % 8 == 0) == (model[i].place == COMPRESSED_WORD));
	model[i].seed = seed;
}

static void check(unsigned i)
{
	uint64_t number;
	unsigned length;

	make(made, model[i].seed);
	unit_check(compressed_get(&compressed, model[i].place, model[i].word, got));
	unit_check(memcmp(made, got, page_size()) == 0);
	if (model[i].place == COMPRESSED_WORD)
		return;
	slab_object(&compressed.slab, model[i].place, &length, &number);
	unit_check(number == i);
}

static void drop(unsigned i)
{
	unit_check(compressed_free(&compressed, model[i].place));
	model[i].place = COMPRESSED_NONE;
}

START_TEST(every_byte_comes_back)
{
	unsigned held = 0;

	begin(unit_page_shifts[_i]);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = unit_below(PAGES);

		if (model[i].place == COMPRESSED_NONE) {
			put(i);
			held += model[i].place != COMPRESSED_NONE;
		} else {
			check(i);
			if (unit_below(3)) {
				drop(i);
				held--;
			}
		}
		unit_check(compressed.pages == held);
		unit_check((uint64_t)budget.used == slab_frames(&compressed.slab));
		if (step % 1000 == 0) {
			slab_trim(&compressed.slab, unit_below(3));
			slab_check(&compressed.slab);
		}
	}
	for (unsigned i = 0; i < PAGES; i++)
		if (model[i].place != COMPRESSED_NONE) {
			check(i);
			drop(i);
		}
	unit_check(compressed.pages == 0 && compressed.bytes == 0 && compressed.words == 0);
	end();
}
END_TEST

/* Of what is in it, at least five sixths are contents, as long as there is much of it. */
START_TEST(little_is_lost_between_objects)
{
	begin(12);
	for (unsigned i = 0; i < PAGES; i++)
		put(i);
	unit_check(compressed.bytes * 6 >= (slab_frames(&compressed.slab) << page_shift()) * 5);
	for (unsigned i = 0; i < PAGES; i++)
		drop(i);
	end();
}
END_TEST

START_TEST(the_budget_is_the_end)
{
	uint64_t word;
	unsigned n = 0;
	bool odd;

	begin(12);
	budget_limit(&budget, 5 * SLAB_PAGES + 3);
	for (unsigned i = 0; i < PAGES; i++) {
		make(made, 8 * i + 7);
		model[i].place = compressed_put(&compressed, &packer, made, i, true, &word, &odd);
		unit_check(!odd);
		model[i].seed = 8 * i + 7;
		n += model[i].place != COMPRESSED_NONE;
	}
	unit_check(slab_frames(&compressed.slab) == 5 * SLAB_PAGES);
	unit_check(n == 50 || n == 55); /* ten or eleven to a block */
	/* What is freed is used again, without a new frame. */
	drop(0);
	unit_check(compressed_put(&compressed, &packer, made, 0, false, &word, &odd) != COMPRESSED_NONE);
	for (unsigned i = 1; i < PAGES; i++)
		if (model[i].place != COMPRESSED_NONE)
			check(i);
	compressed_close(&compressed);
	packer_close(&packer);
	unit_check(budget.used == 0 && budget.compressed == 0);
}
END_TEST

START_TEST(what_does_not_pack_is_refused)
{
	uint64_t word;
	bool odd;

	begin(12);
	for (size_t i = 0; i < page_size(); i++)
		made[i] = (char)unit_random();
	unit_check(compressed_put(&compressed, &packer, made, 0, true, &word, &odd) == COMPRESSED_NONE);
	unit_check(odd);
	unit_check(compressed.pages == 0 && budget.used == 0);
	page_fill(made, word);
	unit_check(compressed_put(&compressed, &packer, made, 0, true, &word, &odd) == COMPRESSED_WORD);
	unit_check(compressed.pages == 1 && budget.used == 0);
	unit_check(compressed_free(&compressed, COMPRESSED_WORD));
	end();
}
END_TEST

/* Damage to an object does not reach beyond the page. */
START_TEST(damage_stays_in_the_page)
{
	uint64_t number;
	unsigned length;
	char *object;

	begin(12);
	put(0);
	while (model[0].place == COMPRESSED_WORD)
		put(0);
	object = slab_object(&compressed.slab, model[0].place, &length, &number);
	memset(got, 'x', sizeof(got));
	for (unsigned n = 0; n < 5000; n++) {
		unsigned at = unit_below(length);
		char before = object[at];

		object[at] = (char)unit_random();
		compressed_get(&compressed, model[0].place, 0, got);
		for (unsigned i = 0; i < 64; i++)
			unit_check(got[page_size() + i] == 'x');
		object[at] = before;
	}
	check(0);
	drop(0);
	end();
}
END_TEST

/* Between the two, nothing changes; the child has all, and counts it. */
START_TEST(a_fork_freezes_it)
{
	uint64_t frames;

	begin(12);
	for (unsigned i = 0; i < 100; i++)
		do
			put(i);
		while (model[i].place == COMPRESSED_WORD);
	frames = slab_frames(&compressed.slab);
	slab_fork(&compressed.slab);
	unit_check(!compressed_free(&compressed, model[0].place));
	unit_check(slab_alloc(&compressed.slab, 100, 0, true) == SLAB_NONE);
	budget_reset(&budget);
	slab_fork_child(&compressed.slab);
	unit_check(slab_frames(&compressed.slab) == frames);
	credit_force(&budget, frames);
	for (unsigned i = 0; i < 100; i++) {
		check(i);
		drop(i);
	}
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compressed");
	TCase *tcase = unit_case(suite, "store", 60);

	page_init();
	if (!codec_is_built())
		return unit_main(suite, "built without LZ4");
	tcase_add_loop_test(tcase, every_byte_comes_back, 0, UNIT_PAGE_SHIFTS);
	tcase_add_test(tcase, little_is_lost_between_objects);
	tcase_add_test(tcase, the_budget_is_the_end);
	tcase_add_test(tcase, what_does_not_pack_is_refused);
	tcase_add_test(tcase, damage_stays_in_the_page);
	tcase_add_test(tcase, a_fork_freezes_it);
	return unit_main(suite, NULL);
}
