/* SPDX-License-Identifier: MIT */
/* test-slot-owners.c - swap spaces shared by several maps, processes and threads */
#include "slots.h"
#include "base/page.h"
#include "base/process.h"
#include <pthread.h>
#include <sys/wait.h>

static int owners_fd = -1;
static struct slot_map map, map_b;

static void shared_open(unsigned segments)
{
	owners_fd = slot_owners_create(segments * SEGMENT_SLOTS);
	ck_assert_int_ge(owners_fd, 0);
	ck_assert_int_eq(slot_map_init(&map, segments * SEGMENT_SLOTS, owners_fd), 0);
	ck_assert_int_eq(slot_map_init(&map_b, segments * SEGMENT_SLOTS, owners_fd), 0);
}

static void shared_close(void)
{
	slot_map_check(&map_b);
	slot_map_free(&map_b);
	slot_map_check(&map);
	slot_map_free(&map);
	fd_close(owners_fd);
}

static unsigned segments_of(uint64_t id, unsigned segments)
{
	unsigned n = 0;

	for (unsigned i = 0; i < segments; i++)
		n += map.owner.table->segment[i] == id;
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
	ck_assert_uint_eq(segments_of(map.owner.id, 20), 15);
	ck_assert_uint_eq(segments_of(map_b.owner.id, 20), 5);
	assert_full(&map);
	assert_full(&map_b);
	slot_map_free(&map_b);
	ck_assert_uint_eq(segments_of(0, 20), 5);
	slot_map_free(&map);
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

	slot_map_init(&own, DEAD_SEGMENTS * SEGMENT_SLOTS, owners_fd);
	for (unsigned i = 0; i < DEAD_SEGMENTS; i++)
		slot_alloc(&own, SEGMENT_SLOTS, &first);
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

/* Their file has blocks there. */
START_TEST(segments_of_the_dead_are_punched)
{
	uint64_t first;

	shared_open(DEAD_SEGMENTS + 1);
	in_process(die_with_segments);
	ck_assert(!slot_is_punchable(&map));
	take(&map, 1);
	for (unsigned i = 0; i < DEAD_SEGMENTS - 1; i++) {
		ck_assert(slot_punchable(&map, &first));
		slot_punched(&map, first, false);
	}
	take(&map, SEGMENT_SLOTS);
	shared_close();
}
END_TEST

/* -- families ---------------------------------------------------------------------------- */

/* Forks as a pager does; the child of map goes on with it until child returns. */
static pid_t fork_map(unsigned generation, void (*child)(void))
{
	pid_t pid;

	slot_map_fork(&map, generation);
	pid = fork();
	if (pid == 0) {
		slot_map_fork_child(&map);
		child();
		_exit(0);
	}
	slot_map_fork_parent(&map);
	return pid;
}

static void wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static int *signal_pipe; /* shared memory: two of them */

static void say(unsigned n)
{
	ck_assert_int_eq(write(signal_pipe[2 * n + 1], "", 1), 1);
}

static void hear(unsigned n)
{
	char c;

	ck_assert_int_eq(read(signal_pipe[2 * n], &c, 1), 1);
}

static void pipes_open(void)
{
	static int ends[4];

	ck_assert_int_eq(pipe(ends) | pipe(ends + 2), 0);
	signal_pipe = ends;
}

static void give_back_what_it_has(void)
{
	uint64_t first;

	ck_assert_uint_eq(map.used_slots, 2 * SEGMENT_SLOTS - 20);
	ck_assert_uint_eq(map.deferred_slots, 0);
	ck_assert_int_eq(slot_alloc(&map, 16, &first), 16);
	ck_assert_uint_ge(first, 2 * SEGMENT_SLOTS);
	slot_map_check(&map);
	ck_assert(slot_free(&map, 20, 2 * SEGMENT_SLOTS - 20));
	ck_assert_uint_eq(map.used_slots, 16);
	slot_map_check(&map);
}

START_TEST(child_only_counts_what_it_has)
{
	shared_open(8);
	take(&map, 2 * SEGMENT_SLOTS);
	slot_map_fork(&map, 0);
	slot_map_fork_parent(&map);
	slot_free(&map, 0, 20);
	ck_assert_uint_eq(map.deferred_slots, 20);
	wait_for(fork_map(1, give_back_what_it_has));
	ck_assert_uint_eq(map.used_slots, 2 * SEGMENT_SLOTS);
	shared_close();
}
END_TEST

static void outlive_the_parent(void)
{
	say(0);
	hear(1);
	slot_map_check(&map);
	if (slot_free(&map, SEGMENT_SLOTS, SEGMENT_SLOTS))
		say(0);
	hear(1);
}

static void parent_of_one(void)
{
	take(&map, 2 * SEGMENT_SLOTS);
	fork_map(0, outlive_the_parent);
}

/* A process of which a child lives is gone: what the child reads is not taken over, and what it does not
 * read any more is. */
START_TEST(segments_are_left_when_nobody_reads_them)
{
	shared_open(2);
	pipes_open();
	/* The map, as it is, belongs to the process whose child it is. */
	wait_for(fork_map(5, parent_of_one));
	hear(0);
	assert_full(&map_b);
	say(1);
	hear(0);
	usleep(60000); /* how often the dead are looked for */
	ck_assert_uint_eq(take(&map_b, SEGMENT_SLOTS), SEGMENT_SLOTS);
	assert_full(&map_b);
	say(1);
	slot_generation_gone(&map, 5);
	slot_map_free(&map_b);
	slot_map_free(&map);
}
END_TEST

#define LINE_LENGTH 1000
#define LINE_SEGMENTS 16
#define LINE_DATA (4 * SEGMENT_SLOTS)

static uint64_t line_slot[LINE_DATA];
static unsigned line_left;

static void go_on(void)
{
	/* A twentieth is written again, a page at a time. */
	for (unsigned n = 0; n < LINE_DATA / 20; n++) {
		uint64_t *slot = &line_slot[unit_below(LINE_DATA)], old = *slot;

		for (unsigned tries = 0; slot_alloc(&map, 1, slot) < 0; tries++) {
			unit_check(tries < 1000);
			usleep(10000); /* the parent may be on its way out */
		}
		unit_check(slot_free(&map, old, 1));
	}
	slot_map_check(&map);
	unit_check(map.used_slots == LINE_DATA);
	if (--line_left)
		fork_map(0, go_on);
	else
		say(0);
}

/* A thousand processes, each of which forks and leaves what it has to its child: in the space that
 * four have. */
START_TEST(generations_follow_one_another)
{
	shared_open(LINE_SEGMENTS);
	pipes_open();
	for (unsigned i = 0; i < LINE_DATA; i++)
		line_slot[i] = take(&map, 1);
	line_left = LINE_LENGTH;
	wait_for(fork_map(0, go_on));
	/* The first one goes, too. */
	slot_map_free(&map);
	hear(0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	slot_map_free(&map_b);
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
	open_alone(&map, RACE_SEGMENTS * SEGMENT_SLOTS);
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

	ck_assert(!slot_map_init(&own, RACE_SEGMENTS * SEGMENT_SLOTS, owners_fd));
	unit_state += me;
	race(&own, me);
	ck_assert_uint_eq(own.used_slots, 0);
	slot_map_check(&own);
	slot_map_free(&own);
}

START_TEST(processes_on_one_space)
{
	pid_t pids[3];

	race_open();
	shared_open(RACE_SEGMENTS);
	for (unsigned i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			race_in_process((unsigned char)(i + 1));
			_exit(0);
		}
	}
	for (unsigned i = 0; i < 3; i++)
		wait_for(pids[i]);
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
	struct owner owner;

	ck_assert_int_eq(owner_join(&owner, owners_fd, CLAIM_SEGMENTS), 0);

	for (unsigned i = 0; i < CLAIMS; i++) {
		if (!owner_claim_next(&owner, CLAIM_SEGMENTS, CLAIM_SEGMENTS, &hint, &segment))
			continue;
		unit_check(atomic_exchange(&holder[segment], me) == 0);
		unit_check(atomic_exchange(&holder[segment], 0) == me);
		owner_release(&owner, segment);
	}
	owner_leave(&owner);
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
	TCase *family = unit_case(suite, "families", 30);
	TCase *races = unit_case(suite, "races", 30);

	page_init();
	tcase_add_test(tcase, two_maps_share_nothing);
	tcase_add_test(tcase, punched_segments_go_to_others);
	tcase_add_test(tcase, free_segment_is_found_far_away);
	tcase_add_test(tcase, segments_of_the_dead_are_taken_over);
	tcase_add_test(tcase, segments_of_the_living_are_not);
	tcase_add_test(tcase, segments_of_the_dead_are_punched);
	tcase_add_test(family, child_only_counts_what_it_has);
	tcase_add_test(family, segments_are_left_when_nobody_reads_them);
	tcase_add_test(family, generations_follow_one_another);
	tcase_add_test(tcase, marks);
	tcase_add_test(races, threads_on_one_map);
	tcase_add_test(races, processes_on_one_space);
	tcase_add_test(races, claims_exclude_one_another);
	return unit_main(suite, NULL);
}
