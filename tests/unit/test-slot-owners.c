/* SPDX-License-Identifier: MIT */
/* test-slot-owners.c - swap spaces shared by several maps, processes, threads */
#include "slots.h"
#include "page.h"
#include "process.h"
#include <pthread.h>
#include <sys/wait.h>

/* Two marks of processes that are alive: ours, and ours without the time of our
 * start, which fits any. */
#define MARK_A process_mark_self()
#define MARK_B ((uint64_t)getpid() << 32)

static struct slot_owners *owners;
static struct slot_map map, map_b;

static void shared_open(uint64_t segments)
{
	size_t size = slot_owners_size(segments * SEGMENT_SLOTS);

	owners = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(owners != MAP_FAILED);
	ck_assert_int_eq(slot_map_init(&map, segments * SEGMENT_SLOTS, owners, MARK_A), 0);
	ck_assert_int_eq(slot_map_init(&map_b, segments * SEGMENT_SLOTS, owners, MARK_B), 0);
}

static void shared_close(void)
{
	slot_map_check(&map_b);
	slot_map_free(&map_b);
	slot_map_check(&map);
	slot_map_free(&map);
}

static unsigned segments_of(uint64_t mark, unsigned segments)
{
	unsigned n = 0;

	for (unsigned i = 0; i < segments; i++)
		n += owners->segment[i] == mark;
	return n;
}

START_TEST(two_maps_share_nothing)
{
	bool taken[20 * SEGMENT_SLOTS] = { false };

	shared_open(20);
	for (unsigned i = 0; i < 20 * SEGMENT_SLOTS; i += 16) {
		uint64_t first;
		/* Fifteen segments for one, the rest for the other. */
		struct slot_map *m = i % 64 ? &map : &map_b;

		ck_assert_int_eq(slot_alloc(m, 16, &first), 16);
		for (unsigned n = 0; n < 16; n++) {
			unit_check(!taken[first + n]);
			taken[first + n] = true;
		}
	}
	ck_assert_uint_eq(segments_of(MARK_A, 20), 15);
	ck_assert_uint_eq(segments_of(MARK_B, 20), 5);
	assert_full(&map);
	assert_full(&map_b);
	shared_close();
	ck_assert_uint_eq(segments_of(0, 20), 20);
}
END_TEST

START_TEST(punched_segments_go_to_others)
{
	uint64_t first;

	shared_open(3);
	take(&map, 3 * SEGMENT_SLOTS);
	assert_full(&map_b);
	slot_free(&map, SEGMENT_SLOTS, SEGMENT_SLOTS);
	assert_full(&map_b);
	ck_assert(slot_punchable(&map, &first));
	assert_full(&map_b);
	slot_punched(&map, first, false);
	ck_assert_uint_eq(take(&map_b, SEGMENT_SLOTS), SEGMENT_SLOTS);
	assert_full(&map);
	shared_close();
}
END_TEST

START_TEST(free_segment_is_found_far_away)
{
	uint64_t first;

	shared_open(1000);
	take(&map, 1000 * SEGMENT_SLOTS);
	slot_free(&map, 777 * SEGMENT_SLOTS, SEGMENT_SLOTS);
	ck_assert(slot_punchable(&map, &first));
	slot_punched(&map, first, false);
	ck_assert_uint_eq(take(&map_b, 1), 777 * SEGMENT_SLOTS);
	shared_close();
}
END_TEST

/* Runs child in a process of its own until it exits. */
static void in_process(void (*child)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		child();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

#define DEAD_SEGMENTS 5

static void die_with_segments(void)
{
	struct slot_map own;
	uint64_t first;

	slot_map_init(&own, DEAD_SEGMENTS * SEGMENT_SLOTS, owners, process_mark_self());
	for (unsigned i = 0; i < DEAD_SEGMENTS; i++)
		slot_alloc(&own, SEGMENT_SLOTS, &first);
}

static void die_having_forked(void)
{
	struct slot_map own;
	uint64_t first;

	slot_map_init(&own, DEAD_SEGMENTS * SEGMENT_SLOTS, owners, process_mark_self());
	slot_alloc(&own, SEGMENT_SLOTS, &first);
	slot_map_fork(&own);
}

static void die_after_forks(void)
{
	struct slot_map own;
	uint64_t first;

	slot_map_init(&own, DEAD_SEGMENTS * SEGMENT_SLOTS, owners, process_mark_self());
	slot_alloc(&own, SEGMENT_SLOTS, &first);
	slot_map_fork(&own);
	slot_map_fork(&own);
	slot_map_fork_done(&own);
}

START_TEST(segments_of_the_dead_are_taken_over)
{
	shared_open(DEAD_SEGMENTS);
	in_process(die_with_segments);
	ck_assert_uint_eq(segments_of(0, DEAD_SEGMENTS), 0);
	take(&map, DEAD_SEGMENTS * SEGMENT_SLOTS);
	assert_full(&map);
	shared_close();
}
END_TEST

START_TEST(segments_of_the_living_are_not)
{
	shared_open(DEAD_SEGMENTS);
	take(&map_b, DEAD_SEGMENTS * SEGMENT_SLOTS);
	assert_full(&map);
	shared_close();
}
END_TEST

/* Its child may live on and read them. */
START_TEST(segments_of_the_dead_who_forked_are_not)
{
	shared_open(1);
	in_process(die_having_forked);
	assert_full(&map);
	shared_close();
}
END_TEST

START_TEST(unless_their_children_were_gone)
{
	shared_open(1);
	in_process(die_after_forks);
	take(&map, SEGMENT_SLOTS);
	shared_close();
}
END_TEST

START_TEST(too_many_forked)
{
	shared_open(DEAD_SEGMENTS);
	in_process(die_with_segments);
	for (unsigned i = 0; i <= OWNERS_FORKED; i++)
		owner_note_fork(owners, MARK_B + 1 + i);
	for (unsigned i = 0; i <= OWNERS_FORKED; i++)
		owner_note_fork_done(owners, MARK_B + 1 + i);
	assert_full(&map);
	shared_close();
}
END_TEST

START_TEST(forked_map_keeps_its_segments)
{
	shared_open(2);
	take(&map_b, SEGMENT_SLOTS);
	slot_map_fork(&map_b);
	slot_map_free(&map_b);
	ck_assert_uint_eq(segments_of(MARK_B, 2), 1);
	slot_map_check(&map);
	slot_map_free(&map);
}
END_TEST

static uint64_t *child_mark; /* shared memory */

static void tell_mark(void)
{
	*child_mark = process_mark_self();
	ck_assert(process_is_alive(*child_mark));
}

START_TEST(marks)
{
	uint64_t mark = process_mark_self();

	child_mark =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_uint_eq(mark >> 32, (uint64_t)getpid());
	ck_assert_uint_ne((uint32_t)mark, 0);
	ck_assert_uint_eq(mark, process_mark_self());
	ck_assert(process_is_alive(mark));
	ck_assert(!process_is_alive(mark ^ 1)); /* the same id, another start */
	in_process(tell_mark);
	ck_assert_uint_ne(*child_mark, mark);
	ck_assert(!process_is_alive(*child_mark));
}
END_TEST

/* -- several at once -------------------------------------------------------------------- */

#define RACE_SEGMENTS 12
#define RACE_STEPS 200000
#define RACE_RUNS 64

/* Who holds each slot, or 0; in shared memory. */
static _Atomic unsigned char *holder;

struct held_run {
	uint64_t first;
	int n; /* not above 0: none */
};

static void race_free(struct slot_map *m, struct held_run *run, unsigned char me)
{
	for (int i = 0; i < run->n; i++)
		unit_check(atomic_exchange(&holder[run->first + (unsigned)i], 0) == me);
	if (run->n > 0)
		slot_free(m, run->first, (unsigned)run->n);
}

/* Takes and gives back runs at random, and finds out whether somebody else was
 * given one of the same slots. */
static void race(struct slot_map *m, unsigned char me)
{
	struct held_run runs[RACE_RUNS] = { 0 };
	uint64_t first;

	for (unsigned step = 0; step < RACE_STEPS; step++) {
		struct held_run *run = &runs[unit_below(RACE_RUNS)];

		race_free(m, run, me);
		if (slot_punchable(m, &first))
			slot_punched(m, first, false);
		run->n = slot_alloc(m, 1 + unit_below(40), &run->first);
		for (int i = 0; i < run->n; i++)
			unit_check(atomic_exchange(&holder[run->first + (unsigned)i], me) == 0);
	}
	for (unsigned r = 0; r < RACE_RUNS; r++)
		race_free(m, &runs[r], me);
}

static void race_open(void)
{
	holder = mmap(NULL, RACE_SEGMENTS * SEGMENT_SLOTS, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert((void *)holder != MAP_FAILED);
}

static void *race_in_thread(void *arg)
{
	unit_state = unit_seed + (uintptr_t)arg;
	race(&map, (unsigned char)(uintptr_t)arg);
	return NULL;
}

START_TEST(threads_on_one_map)
{
	pthread_t threads[4];

	race_open();
	ck_assert_int_eq(slot_map_init(&map, RACE_SEGMENTS * SEGMENT_SLOTS, NULL, 0), 0);
	for (uintptr_t i = 0; i < 4; i++)
		ck_assert(!pthread_create(&threads[i], NULL, race_in_thread, (void *)(i + 1)));
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(map.used_slots, 0);
	slot_map_check(&map);
	slot_map_free(&map);
}
END_TEST

/* A process with a map of its own on the shared space. */
static void race_in_process(unsigned char me)
{
	struct slot_map own;

	ck_assert(!slot_map_init(&own, RACE_SEGMENTS * SEGMENT_SLOTS, owners, process_mark_self()));
	unit_state += me;
	race(&own, me);
	ck_assert_uint_eq(own.used_slots, 0);
	slot_map_check(&own);
	slot_map_free(&own);
}

START_TEST(processes_on_one_space)
{
	pid_t pids[3];
	int status;

	race_open();
	shared_open(RACE_SEGMENTS);
	for (unsigned i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			race_in_process((unsigned char)(i + 1));
			_exit(0);
		}
	}
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(segments_of(0, RACE_SEGMENTS), RACE_SEGMENTS);
	shared_close();
}
END_TEST

#define CLAIM_SEGMENTS 4
#define CLAIMS 200000

/* Claims single segments, and gives them back at once. */
static void *claim_often(void *arg)
{
	unsigned char me = (unsigned char)(uintptr_t)arg;
	uint32_t hint = 0, segment;

	for (unsigned i = 0; i < CLAIMS; i++) {
		if (!owner_claim_next(owners, me, CLAIM_SEGMENTS, CLAIM_SEGMENTS, &hint, &segment))
			continue;
		unit_check(atomic_exchange(&holder[segment], me) == 0);
		unit_check(atomic_exchange(&holder[segment], 0) == me);
		owner_release(owners, segment);
	}
	return NULL;
}

START_TEST(claims_exclude_one_another)
{
	pthread_t threads[3];

	race_open();
	shared_open(CLAIM_SEGMENTS);
	for (uintptr_t i = 0; i < 3; i++)
		ck_assert(!pthread_create(&threads[i], NULL, claim_often, (void *)(i + 1)));
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(segments_of(0, CLAIM_SEGMENTS), CLAIM_SEGMENTS);
	shared_close();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slot owners");
	TCase *tcase = unit_case(suite, "shared", 10);
	TCase *races = unit_case(suite, "races", 30);

	page_init();
	tcase_add_test(tcase, two_maps_share_nothing);
	tcase_add_test(tcase, punched_segments_go_to_others);
	tcase_add_test(tcase, free_segment_is_found_far_away);
	tcase_add_test(tcase, segments_of_the_dead_are_taken_over);
	tcase_add_test(tcase, segments_of_the_living_are_not);
	tcase_add_test(tcase, segments_of_the_dead_who_forked_are_not);
	tcase_add_test(tcase, unless_their_children_were_gone);
	tcase_add_test(tcase, too_many_forked);
	tcase_add_test(tcase, forked_map_keeps_its_segments);
	tcase_add_test(tcase, marks);
	tcase_add_test(races, threads_on_one_map);
	tcase_add_test(races, processes_on_one_space);
	tcase_add_test(races, claims_exclude_one_another);
	return unit_main(suite, NULL);
}
