/* SPDX-License-Identifier: MIT */
/* test-store.c - places of the store: found, put, got, freed, retired */
#include "unit.h"
#include "base/page.h"
#include "spill.h"
#include "store/lane.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

#define M (UINT64_C(1) << 20)
#define LIMIT (64 * M)
#define RUN 32

static struct store store;
static struct lane lane;
static char *memory; /* RUN pages */

static void begin(int engine)
{
	const char *directory = getenv("TEST_TMP"), *why = "";
	struct target_list targets = { .limit = LIMIT, .direct = true };
	struct lane_setup setup = {
		.disable = engine ? SPILL_FEATURE_URING : 0,
		.gets = 4,
		.puts = 4,
		.ears = { -1, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), -1 },
	};

	unit_restart_random();
	page_init();
	targets.text = directory ? directory : "/var/tmp";
	ck_assert_int_eq(store_init(&store, false, &why), 0);
	ck_assert_msg(store_open(&store, &targets, false, &why) == 0, "%s", why);
	ck_assert_int_eq(lane_open(&lane, &store, &setup), 0);
	ck_assert_int_eq(io_enable(lane.io), 0);
	ck_assert_int_eq(posix_memalign((void **)&memory, page_size(), RUN * page_size()), 0);
}

static void end(void)
{
	lane_close(&lane, false);
	store_close(&store);
	store_destroy(&store);
	free(memory);
}

/* The file grows through the lane's own engine. */
static unsigned find(unsigned want, struct place *ret_place)
{
	int n;

	for (;;) {
		lane.now = sys_now();
		n = lane_find(&lane, want, INT64_MAX, ret_place);
		if (n > 0)
			return (unsigned)n;
		ck_assert_int_eq(n, -EAGAIN);
		lane_grow(&lane);
		ck_assert(lane.growing);
		while (lane.growing)
			io_wait(lane.io, UINT64_MAX);
	}
}

static struct place find_run(void)
{
	struct place place;

	while (find(RUN, &place) < RUN)
		;
	return place;
}

static void note_done(struct io_request *request, long result)
{
	*(long *)request->owner = result;
}

static void transfer(bool put, struct place place, unsigned pages)
{
	struct iovec iov = { memory, pages * page_size() };
	long result = -1;
	struct io_request request = {
		.done = note_done,
		.iov = &iov,
		.iov_count = 1,
		.owner = &result,
	};

	if (put)
		lane_put(&lane, place, pages, &request);
	else
		lane_get(&lane, place, &request);
	ck_assert_uint_eq(lane.puts[slot_space(place_number(place))], put);
	while (result == -1)
		io_wait(lane.io, UINT64_MAX);
	if (put)
		lane_put_done(&lane, place, pages, sys_now());
	ck_assert_uint_eq(lane.puts[slot_space(place_number(place))], 0);
	ck_assert_int_eq(result, (long)(pages * page_size()));
}

static void fill(unsigned pages, unsigned version)
{
	for (unsigned i = 0; i < pages; i++)
		memset(memory + i * page_size(), (int)(version + i), page_size());
}

static void check(unsigned pages, unsigned version)
{
	for (unsigned i = 0; i < pages; i++)
		for (size_t k = 0; k < page_size(); k += 64)
			unit_check((unsigned char)memory[i * page_size() + k] ==
				   (unsigned char)(version + i));
}

START_TEST(places_are_typed)
{
	struct place none = { 0 }, place = place_of_slot(UINT64_C(5) << SLOT_SPACE_SHIFT | 7);

	ck_assert_int_eq(place_kind(none), PLACE_NONE);
	ck_assert_int_eq(place_kind(place), PLACE_SWAP);
	ck_assert_uint_eq(slot_space(place_number(place)), 5);
	ck_assert_uint_eq(slot_number(place_number(place)), 7);
	ck_assert(place_follows(place_step(place, 3), place, 3));
	ck_assert(!place_follows(place, place_step(place, 3), 3));
	/* The last space: its name does not run into the kind. */
	place = place_of_slot((uint64_t)(SWAP_MAX - 1) << SLOT_SPACE_SHIFT);
	ck_assert_int_eq(place_kind(place), PLACE_SWAP);
	ck_assert_uint_eq(slot_space(place_number(place)), SWAP_MAX - 1);
}
END_TEST

/* What was put as a run is got as a run, or page by page. */
START_TEST(gets_what_was_put)
{
	struct place place;

	begin(_i);
	place = find_run();
	fill(RUN, 1);
	transfer(true, place, RUN);
	memset(memory, 0, RUN * page_size());
	transfer(false, place, RUN);
	check(RUN, 1);
	for (unsigned i = 0; i < RUN; i++) {
		transfer(false, place_step(place, i), 1);
		check(1, 1 + i);
	}
	end();
}
END_TEST

/* A place is not found twice before it is free, and what is put elsewhere does not touch it. */
START_TEST(places_are_found_once)
{
	struct place place, other;
	uint64_t used;

	begin(_i);
	place = find_run();
	fill(RUN, 1);
	transfer(true, place, RUN);
	for (unsigned n = 0; n < 8; n++) {
		other = find_run();
		for (unsigned i = 0; i < RUN; i++)
			for (unsigned k = 0; k < RUN; k++)
				unit_check(!place_follows(place_step(other, i),
							  place_step(place, k), 0));
		fill(RUN, 100);
		transfer(true, other, RUN);
	}
	transfer(false, place, RUN);
	check(RUN, 1);
	used = store_used(&store);
	ck_assert(store_free(&store, place, RUN));
	ck_assert_uint_eq(store_used(&store), used - RUN * page_size());
	end();
}
END_TEST

START_TEST(retired_places_are_lost)
{
	uint64_t capacity;
	struct place place;

	begin(_i);
	capacity = store_capacity(&store, false);
	place = find_run();
	store_retire(&store, place, RUN);
	ck_assert_uint_eq(store_capacity(&store, false), capacity - RUN);
	end();
}
END_TEST

#define STEPS_ROUNDS 500

static _Atomic bool ready, begun;
static unsigned delay;

/* As a handler takes its first step, at about the same time, which lasts for a while. */
static void *grow(void *arg)
{
	struct swap_growth growth;
	uint64_t start;

	(void)arg;
	ready = true;
	while (!begun)
		;
	for (unsigned i = 0; i < delay; i++)
		atomic_thread_fence(memory_order_seq_cst);
	if (!swap_grow_begin(&store.swap, sys_now(), &growth))
		return NULL;
	start = sys_now();
	while (sys_now() - start < 20000)
		;
	swap_grow_end(&store.swap, &growth,
		      sys_fallocate(growth.fd, 0, growth.offset, growth.bytes), sys_now());
	return NULL;
}

/* Others' steps may begin or end at any moment while swap space is backed. */
START_TEST(backed_beside_steps_of_others)
{
	for (unsigned i = 0; i < STEPS_ROUNDS; i++) {
		pthread_t thread;

		begin(0);
		ready = begun = false;
		delay = unit_below(400);
		ck_assert_int_eq(pthread_create(&thread, NULL, grow, NULL), 0);
		while (!ready)
			sys_yield();
		begun = true;
		ck_assert_int_eq(store_back(&store, LIMIT / 2), 0);
		pthread_join(thread, NULL);
		end();
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store");
	TCase *c = unit_case(s, "places", 10);

	tcase_add_test(c, places_are_typed);
	tcase_add_loop_test(c, gets_what_was_put, 0, 2);
	tcase_add_loop_test(c, places_are_found_once, 0, 2);
	tcase_add_loop_test(c, retired_places_are_lost, 0, 2);
	tcase_add_test(c, backed_beside_steps_of_others);
	return s;
}

int main(void)
{
	return unit_main(suite(), NULL);
}
