/* SPDX-License-Identifier: MIT */
/* futexes.c - what threads wait for lies in paged memory
 *
 * The kernel waits for a page that is paged out in most calls, but not when it takes a mutex that
 * inherits priority, nor in the name of a thread that has ended: what it wants then must stay.
 */
#include "paged.h"
#include <errno.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TURNS 20
#define HANG 25 /* s: a thread that waits so long waits for ever */

static pthread_t start(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, function, argument) == 0);
	return thread;
}

static void join(pthread_t thread)
{
	struct timespec end = { time(NULL) + HANG, 0 };

	REQUIRE(pthread_timedjoin_np(thread, NULL, &end) == 0);
}

/* -- mutexes, conditions, semaphores, barriers ------------------------------------------------- */

/* Two threads by turns; each has all of it taken out before it is its turn to speak. */
struct talk {
	pthread_mutex_t mutex;
	char gap_a[PAGE];
	pthread_cond_t cond;
	char gap_b[PAGE];
	unsigned turn;
};

static void *answer(void *arg)
{
	struct talk *talk = arg;

	for (unsigned n = 1; n < 2 * TURNS; n += 2) {
		pthread_mutex_lock(&talk->mutex);
		while (talk->turn != n)
			pthread_cond_wait(&talk->cond, &talk->mutex);
		talk->turn++;
		pthread_cond_signal(&talk->cond);
		pthread_mutex_unlock(&talk->mutex);
	}
	return NULL;
}

static void check_conditions(void)
{
	struct talk *talk = paged_map(sizeof(*talk));
	pthread_t thread;

	pthread_mutex_init(&talk->mutex, NULL);
	pthread_cond_init(&talk->cond, NULL);
	thread = start(answer, talk);
	for (unsigned n = 0; n < 2 * TURNS; n += 2) {
		usleep(1000); /* the other one waits by now, most often */
		paged_out(talk, sizeof(*talk));
		pthread_mutex_lock(&talk->mutex);
		talk->turn++;
		pthread_cond_signal(&talk->cond);
		while (talk->turn != n + 2)
			pthread_cond_wait(&talk->cond, &talk->mutex);
		pthread_mutex_unlock(&talk->mutex);
	}
	join(thread);
	EXPECT(talk->turn == 2 * TURNS);
	munmap(talk, sizeof(*talk));
}

struct gate {
	sem_t asked, answered;
	pthread_barrier_t barrier;
	pthread_rwlock_t lock;
	unsigned count;
};

static void *count_up(void *arg)
{
	struct gate *gate = arg;

	for (unsigned n = 0; n < TURNS; n++) {
		sem_wait(&gate->asked);
		pthread_rwlock_wrlock(&gate->lock);
		gate->count++;
		pthread_rwlock_unlock(&gate->lock);
		sem_post(&gate->answered);
	}
	pthread_barrier_wait(&gate->barrier);
	return NULL;
}

static void check_semaphores(void)
{
	struct gate *gate = paged_map(sizeof(*gate));
	pthread_t thread;

	sem_init(&gate->asked, 0, 0);
	sem_init(&gate->answered, 0, 0);
	pthread_barrier_init(&gate->barrier, NULL, 2);
	pthread_rwlock_init(&gate->lock, NULL);
	thread = start(count_up, gate);
	for (unsigned n = 0; n < TURNS; n++) {
		usleep(1000);
		paged_out(gate, sizeof(*gate));
		sem_post(&gate->asked);
		sem_wait(&gate->answered);
		pthread_rwlock_rdlock(&gate->lock);
		EXPECT(gate->count == n + 1);
		pthread_rwlock_unlock(&gate->lock);
	}
	usleep(1000);
	paged_out(gate, sizeof(*gate));
	pthread_barrier_wait(&gate->barrier);
	join(thread);
	munmap(gate, sizeof(*gate));
}

/* -- the bare call -------------------------------------------------------------------------------- */

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void *wait_on(void *arg)
{
	struct timespec timeout = { HANG, 0 };

	return (void *)futex(arg, FUTEX_WAIT_PRIVATE, 1, &timeout);
}

static void check_words(void)
{
	uint32_t *word = paged_map(PAGE);
	struct timespec *timeout = (struct timespec *)(word + 2 * PAGE / sizeof(*word));
	pthread_t thread;
	unsigned woken = 0;

	*word = 1;
	*timeout = (struct timespec){ 0, 1000000 };
	paged_out(word, 3 * PAGE);
	EXPECT(futex(word, FUTEX_WAIT_PRIVATE, 2, timeout) == -1 && errno == EAGAIN);
	paged_out(word, 3 * PAGE);
	EXPECT(futex(word, FUTEX_WAIT_PRIVATE, 1, timeout) == -1 && errno == ETIMEDOUT);
	thread = start(wait_on, word);
	for (unsigned n = 0; n < HANG * 1000 && !woken; n++) {
		usleep(1000);
		paged_out(word, PAGE);
		woken = (unsigned)futex(word, FUTEX_WAKE_PRIVATE, 1, NULL);
	}
	EXPECT(woken == 1);
	join(thread);
	munmap(word, 16 * PAGE);
}

/* -- mutexes that the kernel knows ------------------------------------------------------------------ */

#define MUTEXES 8

/* Each on a page of its own. */
struct cell {
	pthread_mutex_t mutex;
	unsigned count;
	char gap[PAGE - sizeof(pthread_mutex_t) - sizeof(unsigned)];
};

static struct cell *make_cells(int protocol, int robust)
{
	struct cell *cell = paged_map(MUTEXES * sizeof(*cell));
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, protocol);
	pthread_mutexattr_setrobust(&attributes, robust);
	memset(cell, 0, MUTEXES * sizeof(*cell));
	paged_out(cell, MUTEXES * sizeof(*cell));
	for (unsigned i = 0; i < MUTEXES; i++)
		EXPECT(pthread_mutex_init(&cell[i].mutex, &attributes) == 0);
	EXPECT(paged_stays(cell, MUTEXES * sizeof(*cell)));
	return cell;
}

static void *contend(void *arg)
{
	struct cell *cell = arg;

	for (unsigned n = 0; n < 2000; n++) {
		struct cell *c = &cell[n % MUTEXES];

		REQUIRE(pthread_mutex_lock(&c->mutex) == 0);
		c->count++;
		if (n % 50 == 0)
			sched_yield();
		REQUIRE(pthread_mutex_unlock(&c->mutex) == 0);
	}
	return NULL;
}

static void check_inheriting(void)
{
	struct cell *cell = make_cells(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	pthread_t thread[4];
	unsigned sum = 0;

	for (unsigned t = 0; t < 4; t++)
		thread[t] = start(contend, cell);
	paged_stir();
	for (unsigned t = 0; t < 4; t++)
		join(thread[t]);
	for (unsigned i = 0; i < MUTEXES; i++)
		sum += cell[i].count;
	EXPECT(sum == 4 * 2000);
	munmap(cell, MUTEXES * sizeof(*cell));
}

static _Atomic bool locked;

/* Ends, or is cancelled, while it holds all of them. */
static void *lock_and_end(void *arg)
{
	struct cell *cell = arg;

	for (unsigned i = 0; i < MUTEXES; i++)
		REQUIRE(pthread_mutex_lock(&cell[i].mutex) == 0);
	locked = true;
	return NULL;
}

static void *lock_and_wait(void *arg)
{
	lock_and_end(arg);
	for (;;)
		pause();
	return NULL;
}

static int lock_in_time(pthread_mutex_t *mutex)
{
	struct timespec end = { time(NULL) + HANG, 0 };

	return pthread_mutex_timedlock(mutex, &end);
}

static void check_owner_dead(struct cell *cell)
{
	for (unsigned i = 0; i < MUTEXES; i++) {
		EXPECT(lock_in_time(&cell[i].mutex) == EOWNERDEAD);
		EXPECT(pthread_mutex_consistent(&cell[i].mutex) == 0);
		EXPECT(pthread_mutex_unlock(&cell[i].mutex) == 0);
	}
}

static void check_robust(int protocol)
{
	struct cell *cell = make_cells(protocol, PTHREAD_MUTEX_ROBUST);
	pthread_t thread = start(lock_and_end, cell);

	join(thread);
	check_owner_dead(cell);
	locked = false;
	thread = start(lock_and_wait, cell);
	while (!locked)
		usleep(100);
	EXPECT(paged_stays(cell, MUTEXES * sizeof(*cell)));
	pthread_cancel(thread);
	join(thread);
	check_owner_dead(cell);
	munmap(cell, MUTEXES * sizeof(*cell));
}

/* -- threads on the program's own stacks ---------------------------------------------------------- */

#define STACK (256 * 1024)

static _Atomic unsigned on_stacks;
static _Atomic bool may_end;

static void *use_stack(void *arg)
{
	unsigned char own[32 * 1024];
	unsigned seed = (unsigned)(uintptr_t)arg;

	paged_fill(own, sizeof(own), seed, 0);
	on_stacks++;
	while (!may_end)
		usleep(1000);
	EXPECT(paged_holds(own, sizeof(own), seed, 0));
	return NULL;
}

static pthread_t start_on(void *stack, uintptr_t seed)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	REQUIRE(pthread_attr_setstack(&attributes, stack, STACK) == 0);
	REQUIRE(pthread_create(&thread, &attributes, use_stack, (void *)seed) == 0);
	pthread_attr_destroy(&attributes);
	return thread;
}

/* Even numbers from mmap, odd ones from malloc. */
static void *make_stack(unsigned n)
{
	void *stack = n % 2 ? aligned_alloc(PAGE, STACK) : paged_map(STACK);

	REQUIRE(stack);
	return stack;
}

static void free_stack(unsigned n, void *stack)
{
	if (n % 2)
		free(stack);
	else
		munmap(stack, STACK);
}

static void check_stacks(void)
{
	char *stack[8];
	pthread_t thread[8];

	for (unsigned turn = 0; turn < 10; turn++) {
		on_stacks = 0;
		may_end = false;
		for (unsigned n = 0; n < 8; n++) {
			stack[n] = make_stack(n);
			memset(stack[n], 1, STACK);
			if (n % 2 == 0)
				paged_out(stack[n], STACK - PAGE);
			thread[n] = start_on(stack[n], n);
		}
		while (on_stacks < 8)
			usleep(1000);
		for (unsigned n = 0; n < 8 && turn == 0; n++)
			EXPECT(paged_stays(stack[n] + STACK - PAGE, PAGE));
		paged_stir();
		may_end = true;
		for (unsigned n = 0; n < 8; n++) {
			join(thread[n]);
			free_stack(n, stack[n]);
		}
	}
}

static void *do_nothing(void *arg)
{
	return arg;
}

/* Stacks of so many lengths that, if what is kept of each were kept after it is freed as well,
 * nothing could be paged in the end. */
static void check_many_stacks(void)
{
	enum { LEAST = 64 * 1024, N = 1800 };
	pthread_attr_t attributes;
	pthread_t thread;
	int err = 0;

	pthread_attr_init(&attributes);
	for (unsigned n = 0; n < N && !err; n++) {
		void *stack = aligned_alloc(PAGE, LEAST + n * PAGE);

		REQUIRE(stack);
		pthread_attr_setstack(&attributes, stack, LEAST + n * PAGE);
		err = pthread_create(&thread, &attributes, do_nothing, NULL);
		if (!err)
			join(thread);
		free(stack);
		malloc_trim(0);
	}
	EXPECT(err == 0);
}

/* -- clone --------------------------------------------------------------------------------------- */

static uint32_t begun, go;

/* A thread without libc's: no more than system calls and its own stack. */
static int use_bare_stack(void *arg)
{
	unsigned char own[32 * 1024];

	paged_fill(own, sizeof(own), 3, 0);
	__atomic_store_n(&begun, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &go, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	*(bool *)arg = paged_holds(own, sizeof(own), 3, 0);
	return 0;
}

static void check_clone(void)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		    CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
	char *stack = paged_map(STACK);
	struct timespec timeout = { HANG, 0 };
	uint32_t *word = paged_map(PAGE), tid;
	bool right = false;

	*word = UINT32_MAX;
	paged_out(word, PAGE);
	paged_out(stack, STACK);
	REQUIRE(clone(use_bare_stack, stack + STACK, flags, &right, word, NULL, word) > 0);
	while (!__atomic_load_n(&begun, __ATOMIC_SEQ_CST))
		usleep(1000);
	EXPECT(paged_stays(word, PAGE));
	paged_out(stack, STACK);
	tid = *word;
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	futex(&go, FUTEX_WAKE_PRIVATE, 1, NULL);
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == tid)
		/* Not private: that is how the kernel wakes here. */
		if (futex(word, FUTEX_WAIT, tid, &timeout) && errno == ETIMEDOUT)
			break;
	EXPECT(*word == 0 && right);
}

int main(void)
{
	paged_start(32 << 20);
	check_conditions();
	check_semaphores();
	check_words();
	check_inheriting();
	check_robust(PTHREAD_PRIO_NONE);
	check_robust(PTHREAD_PRIO_INHERIT);
	check_stacks();
	check_many_stacks();
	check_clone();
	return paged_result();
}
