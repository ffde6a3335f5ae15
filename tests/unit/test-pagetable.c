/* SPDX-License-Identifier: MIT */
/* test-pagetable.c - pagetable.h against a sorted list of addresses, for each page size */
#include "unit.h"
#include "base/page.h"
#include "pages/pagetable.h"
#include <pthread.h>

#define SPARSE 1000
/* Ranges to walk: in a sparse table each is millions of places to look at, and each look takes
 * ThreadSanitizer ten times as long. */
#define WINDOWS (SPILL_TSAN ? 3 : 30)
#define LEAF_ROWS ((uintptr_t)1 << PAGETABLE_LEAF_BITS)

static struct pagetable table;

/* The addresses that have a row: sorted, each once. */
static uintptr_t model[4 * SPARSE];
static size_t rows;

static void set_up(void)
{
	table = (struct pagetable){ 0 };
	rows = 0;
	ck_assert_int_eq(pagetable_init(&table), 0);
}

static void tear_down(void)
{
	pagetable_free(&table);
}

/* For the size of pages with this number. */
static void begin(int i)
{
	page_shift_value = unit_page_shifts[i];
	set_up();
}

static uintptr_t random_address(void)
{
	return (uintptr_t)(unit_random() % PAGETABLE_END);
}

static uintptr_t chunk_start(uintptr_t address)
{
	return address & ~(uintptr_t)(chunk_size() - 1);
}

/* The number of the first row in the model that is at this address or behind it. */
static size_t model_find(uintptr_t start)
{
	size_t i = 0;

	while (i < rows && model[i] < start)
		i++;
	return i;
}

static bool model_has(uintptr_t start)
{
	size_t i = model_find(start);

	return i < rows && model[i] == start;
}

static void model_add(uintptr_t start)
{
	size_t at = model_find(start);

	for (size_t i = rows; i > at; i--)
		model[i] = model[i - 1];
	model[at] = start;
	rows++;
}

/* Makes the row of an address, and checks that it is the right one. */
static void make(uintptr_t address)
{
	struct chunk *before = pagetable_find(&table, address);
	struct chunk *chunk = pagetable_make(&table, address);
	bool is_new = !model_has(chunk_start(address));

	unit_check(chunk);
	unit_check(is_new == !before);
	unit_check(is_new || chunk == before);
	unit_check(chunk->address == chunk_start(address));
	if (!is_new)
		return;
	unit_check(chunk->resident == 0 && chunk->swapped == 0 && !chunk->trays);
	model_add(chunk->address);
}

/* Every row, and nothing else, is found from each of its pages. */
static void check_finds(void)
{
	for (size_t i = 0; i < rows; i++) {
		struct chunk *chunk = pagetable_find(&table, model[i]);
		uintptr_t behind = model[i] + chunk_size();

		unit_check(chunk && chunk->address == model[i]);
		unit_check(pagetable_find(&table, model[i] + unit_below(CHUNK_PAGES) *
								     page_size()) == chunk);
		unit_check(pagetable_find(&table, behind - 1) == chunk);
		unit_check(!pagetable_find(&table, behind) == !model_has(behind));
		if (model[i] > 0)
			unit_check(!pagetable_find(&table, model[i] - 1) ==
				   !model_has(model[i] - chunk_size()));
	}
	unit_check(table.chunks == rows);
}

/* Walks the rows that [start, end) touches. */
static void check_walk(uintptr_t start, uintptr_t end)
{
	size_t i = model_find(chunk_start(start));
	struct chunk *chunk;

	pagetable_for_each(chunk, &table, start, end) {
		unit_check(i < rows && model[i] < end);
		unit_check(chunk->address == model[i]);
		i++;
	}
	unit_check(start >= end || i == rows || model[i] >= end);
}

static void check_walks(void)
{
	check_walk(0, PAGETABLE_END);
	for (unsigned n = 0; n < WINDOWS && rows; n++) {
		uintptr_t a = model[unit_below((unsigned)rows)] + unit_below(3) * page_size();
		uintptr_t b = model[unit_below((unsigned)rows)] + unit_below(2);

		check_walk(a < b ? a : b, a < b ? b : a);
		check_walk(random_address(), PAGETABLE_END);
	}
}

START_TEST(empty)
{
	begin(_i);
	for (unsigned n = 0; n < SPARSE; n++)
		unit_check(!pagetable_find(&table, random_address()));
	ck_assert(!pagetable_next(&table, 0, PAGETABLE_END));
	ck_assert_uint_eq(table.chunks, 0);
	ck_assert_uint_eq(table.leaves, 0);
	tear_down();
}
END_TEST

START_TEST(sparse)
{
	begin(_i);
	for (unsigned n = 0; n < SPARSE; n++)
		make(random_address());
	make(0);
	make(PAGETABLE_END - 1);
	check_finds();
	check_walks();
	tear_down();
}
END_TEST

/* Over the end of a leaf, in an order of its own, with gaps at first. */
START_TEST(dense)
{
	uintptr_t size, base;

	begin(_i);
	size = chunk_size();
	base = 7 * LEAF_ROWS * size - SPARSE / 2 * size;
	for (unsigned n = 0; n < SPARSE; n++)
		make(base + unit_below(SPARSE) * size);
	check_finds();
	check_walks();
	for (unsigned n = 0; n < SPARSE; n++)
		make(base + n * size);
	ck_assert_uint_eq(rows, SPARSE);
	ck_assert_uint_eq(table.leaves, 2);
	check_finds();
	check_walks();
	tear_down();
}
END_TEST

START_TEST(ends_of_ranges)
{
	uintptr_t size, base;
	struct chunk *chunk;

	begin(_i);
	size = chunk_size();
	base = 3 * LEAF_ROWS * size; /* the first of a leaf */
	chunk = pagetable_make(&table, base);
	ck_assert_ptr_eq(pagetable_next(&table, base, base + 1), chunk);
	ck_assert_ptr_eq(pagetable_next(&table, base + size - 1, base + size), chunk);
	ck_assert_ptr_eq(pagetable_next(&table, 0, base + 1), chunk);
	ck_assert_ptr_eq(pagetable_next(&table, base - 1, base + 1), chunk);
	ck_assert(!pagetable_next(&table, 0, base));
	ck_assert(!pagetable_next(&table, base - size, base));
	ck_assert(!pagetable_next(&table, base + size, PAGETABLE_END));
	/* nothing, and less than nothing */
	ck_assert(!pagetable_next(&table, base, base));
	ck_assert(!pagetable_next(&table, base + 1, base));
	ck_assert(!pagetable_next(&table, 0, 0));
	tear_down();
}
END_TEST

/* What no mapping can have: munmap and its kin are called with anything.  Walking such a range took
 * seconds. */
START_TEST(beyond_the_end)
{
	struct chunk *chunk;

	begin(_i);
	ck_assert(!pagetable_find(&table, PAGETABLE_END));
	ck_assert(!pagetable_find(&table, UINTPTR_MAX));
	ck_assert(!pagetable_make(&table, PAGETABLE_END));
	ck_assert(!pagetable_make(&table, UINTPTR_MAX));
	chunk = pagetable_make(&table, PAGETABLE_END - 1);
	ck_assert_ptr_nonnull(chunk);
	for (unsigned n = 0; n < 100; n++) {
		ck_assert(!pagetable_next(&table, PAGETABLE_END, UINTPTR_MAX));
		ck_assert_ptr_eq(pagetable_next(&table, chunk->address, UINTPTR_MAX), chunk);
		ck_assert(!pagetable_next(&table, chunk->address + chunk_size(), UINTPTR_MAX));
	}
	tear_down();
}
END_TEST

START_TEST(freed_before_it_was_made)
{
	struct pagetable none = { 0 };

	page_init();
	pagetable_free(&none);
	set_up();
	tear_down();
	pagetable_free(&table); /* again */
}
END_TEST

/* -- threads ------------------------------------------------------------------- */

#define THREADS 4
#define RACE_ROWS 2000

struct racer {
	unsigned first; /* where in the list it begins */
	struct chunk *made[RACE_ROWS];
};

static struct racer racers[THREADS];
static uintptr_t race_address[RACE_ROWS];
static pthread_barrier_t start_line;

/* All make the same rows; in pairs, in the same order. */
static void *race(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(&start_line);
	for (unsigned n = 0; n < RACE_ROWS; n++) {
		unsigned i = (racer->first + n) % RACE_ROWS;

		racer->made[i] = pagetable_make(&table, race_address[i]);
	}
	return NULL;
}

static void race_together(void)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&start_line, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		racers[i].first = i / 2 * (RACE_ROWS / 2);
		ck_assert(!pthread_create(&threads[i], NULL, race, &racers[i]));
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start_line);
}

/* Some share a leaf, some share a row, and some have both to themselves. */
START_TEST(threads_get_the_same_row)
{
	begin(_i);
	for (unsigned n = 0; n < RACE_ROWS; n++)
		race_address[n] = n % 3 ? random_address() >> unit_below(16) : random_address();
	race_together();
	for (unsigned n = 0; n < RACE_ROWS; n++) {
		struct chunk *chunk = pagetable_find(&table, race_address[n]);

		unit_check(chunk && chunk->address == chunk_start(race_address[n]));
		for (unsigned i = 0; i < THREADS; i++)
			unit_check(racers[i].made[n] == chunk);
		if (!model_has(chunk->address))
			model_add(chunk->address);
	}
	check_finds();
	check_walk(0, PAGETABLE_END);
	tear_down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pagetable");
	TCase *one = unit_case(suite, "one thread", 10);
	TCase *many = unit_case(suite, "threads", 20);

	tcase_add_loop_test(one, empty, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(one, sparse, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(one, dense, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(one, ends_of_ranges, 0, UNIT_PAGE_SHIFTS);
	tcase_add_loop_test(one, beyond_the_end, 0, UNIT_PAGE_SHIFTS);
	tcase_add_test(one, freed_before_it_was_made);
	tcase_add_loop_test(many, threads_get_the_same_row, 0, UNIT_PAGE_SHIFTS);
	return unit_main(suite, NULL);
}
