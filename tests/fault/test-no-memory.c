/* SPDX-License-Identifier: MIT */
/* test-no-memory - a public function that gets no memory fails with ENOMEM, leaves nothing behind,
 * and can be called again: then it works, and so does everything else
 *
 * The library takes memory only from mmap, and for each thread (pthread_create, which also returns
 * EAGAIN for lack of memory); the kernel takes some to register memory.  For each function, before
 * the pager arms and afterwards, we let the first of these fail while the function runs, then the
 * second, and so on until there are no more: either that one alone, or it and all after it.
 *
 * Variants: default move,uring
 * Time limit: 400
 */
#include "system_faults.h"
#include "harness.h"
#include "pager/pager.h"
#include <pthread.h>

#define BUDGET SPILL_BUDGET_MIN
#define LITTLE (64 * K)
#define DATA (BUDGET + 2 * M)
/* What is made once and kept (threads' stacks that libc caches ...) is there after so many, with the
 * engine that has the most threads: it is what a pager falls back upon. */
#define WARM 3

/* -- a pager ------------------------------------------------------------------------------- */

struct life {
	spill *pager;
	struct area area; /* all of it was written */
	void *more;
	enum spill_advice advice; /* the call's */
};

/* How far it has come before the call. */
enum stage { NOTHING, OPEN, PLAIN, ARMED };

struct call {
	const char *name;
	enum stage stage;
	int (*make)(struct life *life); /* as the function itself: 0, or -1 and errno */
	enum spill_advice advice;	/* of spill_advise */
};

static unsigned disable;

static int call_open(struct life *life)
{
	struct spill_options options = SPILL_OPTIONS_INIT;

	options.budget = BUDGET;
	options.swap = test_directory();
	options.disable = disable;
	life->pager = spill_open(&options);
	return life->pager ? 0 : -1;
}

static int reserve(struct life *life, size_t size)
{
	life->more = spill_reserve(life->pager, size);
	return life->more ? 0 : -1;
}

static int call_reserve(struct life *life)
{
	return reserve(life, LITTLE);
}

static int call_reserve_much(struct life *life)
{
	return reserve(life, DATA);
}

/* A hole; what is behind it is not looked at any more. */
static int call_release(struct life *life)
{
	size_t quarter = life->area.pages / 4;
	int err = spill_release(life->pager, area_page(&life->area, 3 * quarter),
				quarter / 2 * test_page_size());

	if (!err)
		life->area.pages = 3 * quarter;
	return err;
}

static int call_advise(struct life *life)
{
	size_t half = life->area.pages / 2;
	int err = spill_advise(life->pager, life->area.base, half * test_page_size(), life->advice);

	if (!err && life->advice == SPILL_DONT_NEED)
		area_zeroed(&life->area, 0, half);
	return err;
}

static int call_pin(struct life *life)
{
	return spill_pin(life->pager, life->area.base, LITTLE / 4);
}

static int call_unpin(struct life *life)
{
	return spill_unpin(life->pager, life->area.base, LITTLE / 4);
}

static int call_set_budget(struct life *life)
{
	return spill_set_budget(life->pager, 2 * BUDGET);
}

static int call_get_stats(struct life *life)
{
	struct spill_stats stats = { .size = sizeof(stats) };

	return spill_get_stats(life->pager, &stats);
}

static int call_get_states(struct life *life)
{
	static unsigned char states[DATA / 4096];

	return spill_get_states(life->pager, life->area.base, life->area.pages * test_page_size(),
				states);
}

static int call_close(struct life *life)
{
	spill_close(life->pager);
	life->pager = NULL;
	return 0;
}

static int call_version(struct life *life)
{
	(void)life;
	return spill_version() ? 0 : -1;
}

static const struct call calls[] = {
	{ "spill_open", NOTHING, call_open, 0 },
	{ "spill_reserve, the first", OPEN, call_reserve, 0 },
	{ "spill_reserve, to arm", OPEN, call_reserve_much, 0 },
	{ "spill_reserve, that fits", PLAIN, call_reserve, 0 },
	{ "spill_reserve, to arm with data", PLAIN, call_reserve_much, 0 },
	{ "spill_reserve, armed", ARMED, call_reserve_much, 0 },
	{ "spill_release", PLAIN, call_release, 0 },
	{ "spill_release, armed", ARMED, call_release, 0 },
	{ "spill_advise", PLAIN, call_advise, SPILL_DONT_NEED },
	{ "spill_advise, normal", ARMED, call_advise, SPILL_NORMAL },
	{ "spill_advise, sequential", ARMED, call_advise, SPILL_SEQUENTIAL },
	{ "spill_advise, random", ARMED, call_advise, SPILL_RANDOM },
	{ "spill_advise, will need", ARMED, call_advise, SPILL_WILL_NEED },
	{ "spill_advise, do not need", ARMED, call_advise, SPILL_DONT_NEED },
	{ "spill_advise, cold", ARMED, call_advise, SPILL_COLD },
	{ "spill_pin", PLAIN, call_pin, 0 },
	{ "spill_pin, armed", ARMED, call_pin, 0 },
	{ "spill_unpin", PLAIN, call_unpin, 0 },
	{ "spill_unpin, armed", ARMED, call_unpin, 0 },
	{ "spill_set_budget", PLAIN, call_set_budget, 0 },
	{ "spill_set_budget, armed", ARMED, call_set_budget, 0 },
	{ "spill_get_stats", PLAIN, call_get_stats, 0 },
	{ "spill_get_stats, armed", ARMED, call_get_stats, 0 },
	{ "spill_get_states", PLAIN, call_get_states, 0 },
	{ "spill_get_states, armed", ARMED, call_get_states, 0 },
	{ "spill_close", PLAIN, call_close, 0 },
	{ "spill_close, armed", ARMED, call_close, 0 },
	{ "spill_version", NOTHING, call_version, 0 },
};

/* -- what fails ---------------------------------------------------------------------------- */

static struct {
	unsigned nth; /* 0: none */
	bool always;
	_Atomic unsigned seen;
	unsigned hits;
} thread_plan;

/* The linker's --wrap: the library's calls of pthread_create come here. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
			  void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
			  void *arg)
{
	unsigned number = ++thread_plan.seen;

	if (thread_plan.nth &&
	    (number == thread_plan.nth || (number > thread_plan.nth && thread_plan.always))) {
		thread_plan.hits++;
		return EAGAIN;
	}
	return __real_pthread_create(thread, attr, main, arg);
}

enum what { MAP, REGISTER, THREAD, WHATS };

static const char *const what_names[] = { "mmap", "uffd-register", "thread" };

struct fault {
	enum what what;
	unsigned nth; /* 0: none */
	bool always;
};

static const char *fault_name(const struct fault *fault)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s %u%s", what_names[fault->what], fault->nth,
		 fault->always ? " and on" : "");
	return name;
}

static void begin_faults(const struct fault *fault)
{
	thread_plan.nth = fault->what == THREAD ? fault->nth : 0;
	thread_plan.always = fault->always;
	thread_plan.seen = thread_plan.hits = 0;
	fault_begin(&(struct fault_plan){
		.kind = fault_kind(what_names[fault->what == REGISTER ? REGISTER : MAP]),
		.error = ENOMEM,
		.way = FAULT_INSTEAD,
		.nth = fault->what == THREAD ? 0 : fault->nth,
		.always = fault->what != THREAD && fault->always,
	});
}

/* How many were there? */
static unsigned end_faults(void)
{
	fault_end();
	thread_plan.nth = 0;
	return fault_hits() + thread_plan.hits;
}

/* -- a life -------------------------------------------------------------------------------- */

/* All that the budget has room for without arming, less what call_reserve wants. */
static size_t most_plain(spill *s)
{
	return BUDGET - ((struct pager *)s)->paging.budget.charge * test_page_size() - LITTLE;
}

/* An area with a hole before its last page, so that there are two regions. */
static struct area area_in_two(spill *s, size_t size)
{
	struct area area = area_reserve(s, 1, size);

	CHECK_OK(spill_release(s, area_page(&area, area.pages - 2), test_page_size()));
	area_write(&area, area.pages - 1);
	area.pages -= 2;
	return area;
}

static void prepare(struct life *life, const struct call *call)
{
	*life = (struct life){ .advice = call->advice };
	if (call->stage >= OPEN)
		CHECK_OK(call_open(life));
	if (call->stage >= PLAIN) {
		life->area = area_in_two(life->pager,
					 call->stage == ARMED ? DATA : most_plain(life->pager));
		area_write_all(&life->area);
		CHECK(pager_stats(life->pager).armed == (call->stage == ARMED), "it is %sarmed",
		      call->stage == ARMED ? "not " : "");
	}
	if (call->make == call_unpin)
		CHECK_OK(call_pin(life));
}

/* All is there, and new memory can be had and paged. */
static void look_back(struct life *life)
{
	struct area other;

	if (!life->pager)
		return;
	if (life->area.base)
		area_check_all(&life->area);
	other = area_reserve(life->pager, 2, DATA);
	area_write_all(&other);
	area_check_all(&other);
	if (life->area.base)
		area_check_all(&life->area);
	pager_check(life->pager);
	area_release(&other);
	spill_close(life->pager);
}

/* The call failed for want of memory, and works when there is some. */
static void check_failure(struct life *life, const struct call *call, const struct fault *fault,
			  int error)
{
	CHECK(error == ENOMEM || (fault->what == THREAD && error == EAGAIN), "%s, %s: %s",
	      call->name, fault_name(fault), strerror(error));
	CHECK(call->make(life) == 0, "%s, %s, once more: %s", call->name, fault_name(fault),
	      strerror(errno));
}

static struct {
	unsigned lives, failures;
	size_t size; /* bytes of addresses, when all that is kept was there */
} total;

/* false: the call of that number was not made. */
static bool live_once(const struct call *call, const struct fault *fault)
{
	struct life life;
	unsigned hits;
	int ret, error;

	case_begin(call->name, DATA + 16 * M);
	prepare(&life, call);
	errno = 0;
	begin_faults(fault);
	ret = call->make(&life);
	error = errno;
	hits = end_faults();
	CHECK(ret == 0 || hits, "%s: %s", call->name, strerror(error));
	if (ret)
		check_failure(&life, call, fault, error);
	look_back(&life);
	area_forget(&life.area);
	case_end();
	total.lives++;
	total.failures += ret != 0;
	if (total.lives == WARM)
		total.size = test_status("VmSize");
	CHECK(total.lives <= WARM || !test_memory_is_ours() || test_status("VmSize") <= total.size,
	      "%s, %s: leaves %zu KiB", call->name, fault_name(fault),
	      (test_status("VmSize") - total.size) / K);
	return hits > 0;
}

static void sweep(const struct call *call)
{
	for (enum what what = 0; what < WHATS; what++) {
		struct fault once = { .what = what, .nth = 1 };
		struct fault always = { .what = what, .nth = 1, .always = true };

		while (live_once(call, &once))
			once.nth++;
		while (always.nth < once.nth && live_once(call, &always))
			always.nth++;
	}
}

int main(void)
{
	static const struct fault none = { .nth = 0 };

	test_begin("no-memory", 380);
	disable = SPILL_FEATURE_URING;
	for (unsigned i = 0; i < WARM; i++)
		live_once(&calls[2], &none);
	disable = 0;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		sweep(&calls[i]);
	printf("%u lives, in %u of them the call failed\n", total.lives, total.failures);
	CHECK(total.failures > 0, "nothing ever failed");
	return test_end();
}
