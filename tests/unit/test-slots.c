/* SPDX-License-Identifier: MIT */
/* test-slots.c - slot.h against a naive model: one byte per slot */
#include "slots.h"
#include "base/page.h"

static struct slot_map map;

static void map_open(uint64_t segments)
{
	open_alone(&map, segments * SEGMENT_SLOTS);
}

static void map_close(void)
{
	slot_map_check(&map);
	slot_map_free(&map);
}

/* -- the model ------------------------------------------------------------------ */

enum { FREE, USED, DEFERRED, RETIRED, PUNCHING };

#define MODEL_SEGMENTS 12
#define MODEL_SLOTS (MODEL_SEGMENTS * SEGMENT_SLOTS)

/* Few, so that forks join one that there is. */
#define MODEL_GENERATIONS 5

static struct {
	unsigned char state[MODEL_SLOTS];
	unsigned readers[MODEL_SLOTS]; /* a bit for each generation */
	unsigned living;
	bool ever_used[MODEL_SEGMENTS];
	unsigned limit; /* segments */
} model;

static unsigned model_count(int state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MODEL_SLOTS; i++)
		n += model.state[i] == state;
	return n;
}

static bool model_has_free(void)
{
	for (unsigned i = 0; i < MODEL_SLOTS; i++) {
		unsigned segment = i / SEGMENT_SLOTS;

		if (model.state[i] == FREE && (model.ever_used[segment] || segment < model.limit))
			return true;
	}
	return false;
}

static void model_alloc(unsigned want)
{
	uint64_t first;
	int n = slot_alloc(&map, want, &first);

	if (n < 0) {
		unit_check(n == -ENOSPC);
		unit_check(!model_has_free());
		return;
	}
	unit_check(n >= 1 && (unsigned)n <= want);
	unit_check(first / SEGMENT_SLOTS == (first + (unsigned)n - 1) / SEGMENT_SLOTS);
	model.ever_used[first / SEGMENT_SLOTS] = true;
	for (int i = 0; i < n; i++) {
		unit_check(model.state[first + (unsigned)i] == FREE);
		model.state[first + (unsigned)i] = USED;
		model.readers[first + (unsigned)i] = 0;
	}
}

static void model_free(unsigned first, unsigned n)
{
	unit_check(slot_free(&map, first, n));
	for (unsigned i = first; i < first + n; i++)
		model.state[i] = model.readers[i] & model.living ? DEFERRED : FREE;
}

/* Frees (or retires) the used slots from some place on: up to max, and across
 * the ends of segments. */
static void model_free_somewhere(unsigned max, bool retire)
{
	unsigned first = unit_below(MODEL_SLOTS), n = 0;

	while (first < MODEL_SLOTS && model.state[first] != USED)
		first++;
	while (n < max && first + n < MODEL_SLOTS && model.state[first + n] == USED)
		n++;
	if (n == 0)
		return;
	if (!retire) {
		model_free(first, n);
		return;
	}
	slot_retire(&map, first, n);
	for (unsigned i = first; i < first + n; i++)
		model.state[i] = RETIRED;
}

static void model_fork(void)
{
	unsigned g = unit_below(MODEL_GENERATIONS);

	slot_map_fork(&map, g);
	if (unit_below(2))
		unit_check(!slot_free(&map, unit_below(MODEL_SLOTS), 1));
	slot_map_fork_parent(&map);
	for (unsigned i = 0; i < MODEL_SLOTS; i++) {
		if (!(model.living & 1u << g))
			model.readers[i] &= ~(1u << g);
		if (model.state[i] == USED)
			model.readers[i] |= 1u << g;
	}
	model.living |= 1u << g;
}

static void model_generation_gone(void)
{
	unsigned g = unit_below(MODEL_GENERATIONS);

	if (!(model.living & 1u << g))
		return;
	slot_generation_gone(&map, g);
	model.living &= ~(1u << g);
	for (unsigned i = 0; i < MODEL_SLOTS; i++)
		if (model.state[i] == DEFERRED && !(model.readers[i] & model.living))
			model.state[i] = FREE;
}

/* A segment is reported when it is free, and is out of use until it is punched. */
static void model_punch(void)
{
	unsigned char *state;
	uint64_t first;

	if (!slot_punchable(&map, &first))
		return;
	unit_check(first % SEGMENT_SLOTS == 0);
	unit_check(model.ever_used[first / SEGMENT_SLOTS]);
	state = &model.state[first];
	for (unsigned i = 0; i < SEGMENT_SLOTS; i++) {
		unit_check(state[i] == FREE);
		state[i] = PUNCHING;
	}
	for (unsigned i = unit_below(20); i > 0; i--)
		model_alloc(1 + unit_below(100));
	model.ever_used[first / SEGMENT_SLOTS] = unit_below(2);
	slot_punched(&map, first, model.ever_used[first / SEGMENT_SLOTS]);
	for (unsigned i = 0; i < SEGMENT_SLOTS; i++)
		state[i] = FREE;
}

static void model_step(void)
{
	unsigned dice = unit_below(1000);

	if (dice < 480)
		model_alloc(1 + unit_below(unit_below(10) ? 32 : 400));
	else if (dice < 960)
		model_free_somewhere(1 + unit_below(unit_below(10) ? 24 : 600), false);
	else if (dice < 980)
		model_punch();
	else if (dice < 990)
		model_fork();
	else if (dice < 998)
		model_generation_gone();
	else if (dice == 998)
		slot_map_limit(&map,
			       (model.limit = unit_below(MODEL_SEGMENTS + 1)) * SEGMENT_SLOTS);
	else if (model_count(RETIRED) < MODEL_SLOTS / 10)
		model_free_somewhere(1 + unit_below(4), true);
}

static void model_check(void)
{
	unsigned deferred = model_count(DEFERRED);

	slot_map_check(&map);
	ck_assert_uint_eq(map.deferred_slots, deferred);
	ck_assert_uint_eq(map.used_slots, model_count(USED) + model_count(RETIRED) + deferred);
}

START_TEST(random_steps)
{
	model.limit = MODEL_SEGMENTS;
	map_open(MODEL_SEGMENTS);
	unit_state += (uint64_t)_i;
	for (unsigned step = 0; step < 100000; step++) {
		model_step();
		if (step % 64 == 0)
			model_check();
	}
	model_check();
	slot_map_free(&map);
}
END_TEST

/* -- runs ------------------------------------------------------------------------- */

START_TEST(run_crosses_words_but_not_segments)
{
	uint64_t first;

	map_open(4);
	ck_assert_int_eq(slot_alloc(&map, 200, &first), 200);
	ck_assert_uint_eq(first, 0);
	ck_assert_int_eq(slot_alloc(&map, 200, &first), 56);
	ck_assert_uint_eq(first, 200);
	ck_assert_int_eq(slot_alloc(&map, 1000, &first), SEGMENT_SLOTS);
	ck_assert_uint_eq(first, SEGMENT_SLOTS);
	map_close();
}
END_TEST

START_TEST(allocations_follow_one_another)
{
	uint64_t first;

	map_open(4);
	for (unsigned i = 0; i < 4 * SEGMENT_SLOTS / 16; i++) {
		ck_assert_int_eq(slot_alloc(&map, 16, &first), 16);
		ck_assert_uint_eq(first, i * 16);
	}
	assert_full(&map);
	map_close();
}
END_TEST

START_TEST(crumbs_are_passed_over)
{
	uint64_t first;

	map_open(3);
	take(&map, 2 * SEGMENT_SLOTS);
	slot_free(&map, 10, 3);
	slot_free(&map, 60, 10); /* across a word's end */
	for (unsigned i = 100; i < SEGMENT_SLOTS; i += 2)
		slot_free(&map, i, 1);
	slot_map_limit(&map, 0);
	ck_assert_int_eq(slot_alloc(&map, 16, &first), 10);
	ck_assert_uint_eq(first, 60);
	/* Nothing but crumbs is left: the longest of them, then the others. */
	ck_assert_int_eq(slot_alloc(&map, 16, &first), 3);
	ck_assert_uint_eq(first, 10);
	ck_assert_int_eq(slot_alloc(&map, 16, &first), 1);
	map_close();
}
END_TEST

START_TEST(emptiest_segment_comes_next)
{
	uint64_t first;

	map_open(4);
	take(&map, 4 * SEGMENT_SLOTS);
	slot_free(&map, 0 * SEGMENT_SLOTS, 40);
	slot_free(&map, 1 * SEGMENT_SLOTS + 30, 100);
	slot_free(&map, 3 * SEGMENT_SLOTS, 50);
	ck_assert_int_eq(slot_alloc(&map, 100, &first), 100);
	ck_assert_uint_eq(first, 1 * SEGMENT_SLOTS + 30);
	ck_assert_int_eq(slot_alloc(&map, 100, &first), 50);
	ck_assert_uint_eq(first, 3 * SEGMENT_SLOTS);
	ck_assert_int_eq(slot_alloc(&map, 100, &first), 40);
	ck_assert_uint_eq(first, 0);
	assert_full(&map);
	map_close();
}
END_TEST

START_TEST(fresh_segment_if_none_is_half_empty)
{
	uint64_t first;

	map_open(4);
	take(&map, 2 * SEGMENT_SLOTS);
	slot_free(&map, 0, SEGMENT_SLOTS / 2 - 1);
	ck_assert_int_eq(slot_alloc(&map, SEGMENT_SLOTS, &first), SEGMENT_SLOTS);
	ck_assert_uint_eq(first, 2 * SEGMENT_SLOTS);
	slot_free(&map, SEGMENT_SLOTS, SEGMENT_SLOTS / 2);
	ck_assert_int_eq(slot_alloc(&map, SEGMENT_SLOTS, &first), SEGMENT_SLOTS / 2);
	ck_assert_uint_eq(first, SEGMENT_SLOTS);
	map_close();
}
END_TEST

START_TEST(limit_holds_back_fresh_segments)
{
	map_open(4);
	slot_map_limit(&map, SEGMENT_SLOTS + 1);
	take(&map, SEGMENT_SLOTS);
	assert_full(&map);
	slot_map_limit(&map, 3 * SEGMENT_SLOTS);
	take(&map, 2 * SEGMENT_SLOTS);
	assert_full(&map);
	slot_map_limit(&map, 100 * SEGMENT_SLOTS);
	take(&map, SEGMENT_SLOTS);
	assert_full(&map);
	map_close();
}
END_TEST

START_TEST(retired_slots_never_come_back)
{
	uint64_t first;

	map_open(1);
	take(&map, SEGMENT_SLOTS);
	slot_retire(&map, 5, 2);
	slot_free(&map, 0, 5);
	slot_free(&map, 7, SEGMENT_SLOTS - 7);
	ck_assert(!slot_punchable(&map, &first));
	for (unsigned left = SEGMENT_SLOTS - 2; left > 0;) {
		int n = slot_alloc(&map, left, &first);

		ck_assert_int_gt(n, 0);
		ck_assert(first + (unsigned)n <= 5 || first >= 7);
		left -= (unsigned)n;
	}
	assert_full(&map);
	map_close();
}
END_TEST

START_TEST(free_segment_is_punched_once)
{
	uint64_t first;

	map_open(2);
	take(&map, 2 * SEGMENT_SLOTS);
	slot_free(&map, SEGMENT_SLOTS, SEGMENT_SLOTS);
	ck_assert(slot_punchable(&map, &first));
	ck_assert_uint_eq(first, SEGMENT_SLOTS);
	assert_full(&map);
	ck_assert(!slot_punchable(&map, &first));
	slot_punched(&map, SEGMENT_SLOTS, false);
	ck_assert(!slot_punchable(&map, &first));
	ck_assert_uint_eq(take(&map, 1), SEGMENT_SLOTS);
	slot_free(&map, SEGMENT_SLOTS, 1);
	ck_assert(slot_punchable(&map, &first));
	slot_punched(&map, first, false);
	map_close();
}
END_TEST

START_TEST(space_without_a_segment)
{
	open_alone(&map, SEGMENT_SLOTS - 1);
	assert_full(&map);
	map_close();
}
END_TEST

/* -- fork --------------------------------------------------------------------------- */

static void fork_one(unsigned generation)
{
	slot_map_fork(&map, generation);
	slot_map_fork_parent(&map);
}

START_TEST(old_slots_are_deferred)
{
	map_open(1);
	take(&map, SEGMENT_SLOTS / 2);
	fork_one(0);
	take(&map, SEGMENT_SLOTS / 2);
	slot_free(&map, SEGMENT_SLOTS / 2 - 10, 20); /* ten of each */
	ck_assert_uint_eq(map.deferred_slots, 10);
	ck_assert_uint_eq(map.used_slots, SEGMENT_SLOTS - 10);
	take(&map, 10);
	assert_full(&map);
	slot_generation_gone(&map, 0);
	ck_assert_uint_eq(map.deferred_slots, 0);
	ck_assert_uint_eq(map.used_slots, SEGMENT_SLOTS - 10);
	slot_free(&map, 0, 1);
	ck_assert_uint_eq(map.used_slots, SEGMENT_SLOTS - 11);
	map_close();
}
END_TEST

START_TEST(segment_that_missed_several_forks)
{
	map_open(2);
	take(&map, SEGMENT_SLOTS);
	fork_one(0);
	slot_generation_gone(&map, 0);
	slot_free(&map, 0, 10);
	ck_assert_uint_eq(map.deferred_slots, 0);
	fork_one(0);
	slot_generation_gone(&map, 0);
	fork_one(0);
	fork_one(1);
	slot_free(&map, 10, 10);
	ck_assert_uint_eq(map.deferred_slots, 10);
	slot_generation_gone(&map, 0);
	ck_assert_uint_eq(map.deferred_slots, 10);
	slot_generation_gone(&map, 1);
	ck_assert_uint_eq(map.used_slots, SEGMENT_SLOTS - 20);
	map_close();
}
END_TEST

/* There was always a child, so no slot that was older than any fork ever became free. */
START_TEST(overlapping_children_do_not_add_up)
{
	enum { DATA = 4 * SEGMENT_SLOTS };
	uint64_t slots[DATA], most = 0;

	map_open(64);
	for (unsigned i = 0; i < DATA; i++)
		slots[i] = take(&map, 1);
	for (unsigned n = 0; n < 1000; n++) {
		fork_one(n % 2);
		/* All that this child reads, while the one before it is still there, is written again. */
		for (unsigned i = 0; i < DATA; i++) {
			uint64_t slot = take(&map, 1);

			slot_free(&map, slots[i], 1);
			slots[i] = slot;
		}
		most = map.used_slots > most ? map.used_slots : most;
		if (n > 0)
			slot_generation_gone(&map, (n - 1) % 2);
	}
	ck_assert_uint_eq(most, 3 * DATA);
	ck_assert_uint_eq(map.used_slots, 2 * DATA);
	map_close();
}
END_TEST

/* Nor do those of a child that stays, where others come and go. */
START_TEST(lasting_child_holds_what_it_reads)
{
	map_open(64);
	take(&map, SEGMENT_SLOTS);
	fork_one(7);
	for (unsigned n = 0; n < 1000; n++) {
		uint64_t slot = take(&map, 1);

		fork_one(8);
		slot_free(&map, slot, 1);
		ck_assert_uint_eq(map.deferred_slots, 1);
		slot_generation_gone(&map, 8);
		ck_assert_uint_eq(map.deferred_slots, 0);
	}
	slot_free(&map, 0, SEGMENT_SLOTS);
	ck_assert_uint_eq(map.deferred_slots, SEGMENT_SLOTS);
	slot_generation_gone(&map, 7);
	ck_assert_uint_eq(map.used_slots, 0);
	map_close();
}
END_TEST

START_TEST(deferred_segment_becomes_punchable)
{
	uint64_t first;

	map_open(2);
	take(&map, SEGMENT_SLOTS);
	fork_one(3);
	slot_free(&map, 0, SEGMENT_SLOTS);
	ck_assert(!slot_punchable(&map, &first));
	slot_generation_gone(&map, 3);
	ck_assert(slot_punchable(&map, &first));
	slot_punched(&map, first, false);
	map_close();
}
END_TEST

/* -- how long runs stay ------------------------------------------------------------------- */

#define DATA_PAGES 65536
#define TURNOVERS 20
#define ASKED 16

static uint64_t slot_of[DATA_PAGES];

/* Pages are written first in their order, then at random; each batch of pages
 * goes to new slots, and then its old ones are free.  Gives the mean run of the
 * last turnovers. */
static double turn_over(double space)
{
	uint64_t asked = 0, runs = 0, pages = 0;

	map_open((uint64_t)(DATA_PAGES * space) / SEGMENT_SLOTS);
	while (asked < (TURNOVERS + 1) * DATA_PAGES) {
		bool filling = asked < DATA_PAGES;
		uint64_t first;
		int n = slot_alloc(&map, ASKED - asked % ASKED, &first);

		unit_check(n > 0);
		for (int i = 0; i < n; i++) {
			unsigned page = filling ? (unsigned)asked : unit_below(DATA_PAGES);

			if (!filling)
				slot_free(&map, slot_of[page], 1);
			slot_of[page] = first + (uint64_t)i;
			asked++;
		}
		if (asked > (TURNOVERS - 3) * DATA_PAGES) {
			pages += (uint64_t)n;
			runs++;
		}
	}
	ck_assert_uint_eq(map.used_slots, DATA_PAGES);
	map_close();
	return (double)pages / (double)runs;
}

/* Next-fit comes down to 2.1 pages with twice the space, 1.2 with 1.25 times. */
START_TEST(runs_stay_long)
{
	double twice = turn_over(2), narrow = turn_over(1.25);

	printf("mean run after %d turnovers, %d asked for: %.2f of twice the space, %.2f of 1.25\n",
	       TURNOVERS, ASKED, twice, narrow);
	ck_assert_double_gt(twice, 5);
	ck_assert_double_gt(narrow, 1.7);
}
END_TEST

static void add_runs(Suite *suite)
{
	TCase *tcase = unit_case(suite, "runs", 20);

	tcase_add_test(tcase, run_crosses_words_but_not_segments);
	tcase_add_test(tcase, allocations_follow_one_another);
	tcase_add_test(tcase, crumbs_are_passed_over);
	tcase_add_test(tcase, emptiest_segment_comes_next);
	tcase_add_test(tcase, fresh_segment_if_none_is_half_empty);
	tcase_add_test(tcase, limit_holds_back_fresh_segments);
	tcase_add_test(tcase, retired_slots_never_come_back);
	tcase_add_test(tcase, free_segment_is_punched_once);
	tcase_add_test(tcase, space_without_a_segment);
	tcase_add_test(tcase, runs_stay_long);
}

static void add_fork(Suite *suite)
{
	TCase *tcase = unit_case(suite, "fork", 10);

	tcase_add_test(tcase, old_slots_are_deferred);
	tcase_add_test(tcase, segment_that_missed_several_forks);
	tcase_add_test(tcase, deferred_segment_becomes_punchable);
	tcase_add_test(tcase, overlapping_children_do_not_add_up);
	tcase_add_test(tcase, lasting_child_holds_what_it_reads);
}

int main(void)
{
	Suite *suite = suite_create("slots");
	TCase *model_case = unit_case(suite, "model", 30);

	page_init();
	tcase_add_loop_test(model_case, random_steps, 0, 4);
	add_runs(suite);
	add_fork(suite);
	return unit_main(suite, NULL);
}
