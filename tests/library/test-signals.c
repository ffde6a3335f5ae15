/* SPDX-License-Identifier: MIT */
/* test-signals - a signal may come at any moment inside any public function, and its handler may
 * touch any memory: the function goes on, and the handler sees the right bytes
 *
 * A timer fires 100 us after its handler last ended; the handler reads random pages of data that
 * are eight times the budget.  Meanwhile one function after the other is called, on the thread's
 * own stack and on one that is paged (a coroutine's), until enough signals have come.
 *
 * Before the locks of spill_advise, spill_release and spill_set_budget were taken inside
 * guard_call, this hung within a second.
 *
 * Time limit: 120
 */
#include "harness.h"
#include <signal.h>
#include <time.h>
#include <ucontext.h>

#define BUDGET (8 * M)
#define DATA (64 * M)
#define WORK (4 * M)
#define STACK (256 * K)

/* Signals that have to come while one function is called. */
#define SIGNALS 60
#define PAUSE_US 100
#define TOUCHES 2

static struct area data;      /* what the handler reads */
static struct area work;      /* what the functions are about */
static struct dice handlers;  /* the handler's */
static struct dice functions; /* the functions' */
static volatile sig_atomic_t signals;

static timer_t timer;

static void set_timer(long us)
{
	struct itimerspec once = { .it_value = { .tv_nsec = us * 1000 } };

	timer_settime(timer, 0, &once, NULL);
}

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	for (int i = 0; i < TOUCHES; i++)
		area_check(&data, dice_below(&handlers, data.pages));
	signals++;
	set_timer(PAUSE_US);
	errno = saved;
}

/* -- the functions ---------------------------------------------------------------- */

static size_t work_page(void)
{
	return dice_below(&functions, work.pages);
}

static void advise(enum spill_advice advice)
{
	size_t i = work_page(), n = 1 + dice_below(&functions, work.pages - i);

	CHECK_OK(spill_advise(work.pager, area_page(&work, i), n * test_page_size(), advice));
}

static void advise_normal(void)
{
	advise(SPILL_SEQUENTIAL);
	advise(SPILL_RANDOM);
	advise(SPILL_NORMAL);
}

static void advise_will_need(void)
{
	advise(SPILL_WILL_NEED);
}

static void advise_cold(void)
{
	advise(SPILL_COLD);
}

static void advise_dont_need(void)
{
	size_t i = work_page();

	CHECK_OK(spill_advise(work.pager, area_page(&work, i), test_page_size(), SPILL_DONT_NEED));
	area_zeroed(&work, i, 1);
	area_write(&work, i);
}

static void reserve_and_release(void)
{
	size_t size = (1 + dice_below(&functions, 64)) * test_page_size();
	char *base = spill_reserve(work.pager, size);

	CHECK(base, "spill_reserve: %s", strerror(errno));
	base[0] = base[size - 1] = 1;
	CHECK_OK(spill_release(work.pager, base, size));
}

static void pin_and_unpin(void)
{
	char *page = area_page(&work, work_page());

	CHECK_OK(spill_pin(work.pager, page, test_page_size()));
	CHECK_OK(spill_unpin(work.pager, page, test_page_size()));
}

static void set_budget(void)
{
	CHECK_OK(spill_set_budget(work.pager, BUDGET + dice_below(&functions, BUDGET)));
	CHECK_OK(spill_set_budget(work.pager, BUDGET));
}

static void ask(void)
{
	unsigned char states[WORK / 4096];

	pager_stats(work.pager);
	CHECK_OK(spill_get_states(work.pager, area_page(&work, 0), WORK, states));
}

/* A second pager, armed by what it maps at once; and while it is not. */
static void open_and_close(void)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	char *base;
	spill *s;

	options.budget = BUDGET;
	options.swap = test_directory();
	s = spill_open(&options);
	CHECK(s, "spill_open: %s", strerror(errno));
	base = spill_reserve(s, M);
	CHECK(base && spill_reserve(s, 2 * BUDGET), "spill_reserve: %s", strerror(errno));
	memset(base, 1, M);
	spill_close(s);
}

static void attach(void)
{
	struct spill_stats stats = { .size = sizeof(stats) };
	spill_attached *attached = spill_attach(getpid());

	CHECK(attached, "spill_attach: %s", strerror(errno));
	CHECK_OK(spill_attached_stats(attached, &stats));
	spill_detach(attached);
}

static void fork_child_reads(void)
{
	pid_t pid = test_fork();

	if (!pid) {
		area_check(&work, work_page());
		area_check(&data, dice_below(&functions, data.pages));
		test_exit(0);
	}
	test_wait(pid, 0);
}

static const struct function {
	const char *name;
	void (*call)(void);
} all[] = {
	{ "spill_advise: normal, sequential, random", advise_normal },
	{ "spill_advise: will need", advise_will_need },
	{ "spill_advise: cold", advise_cold },
	{ "spill_advise: do not need", advise_dont_need },
	{ "spill_reserve, spill_release", reserve_and_release },
	{ "spill_pin, spill_unpin", pin_and_unpin },
	{ "spill_set_budget", set_budget },
	{ "spill_get_stats, spill_get_states", ask },
	{ "spill_open, spill_close", open_and_close },
	{ "spill_attach", attach },
	{ "fork", fork_child_reads },
};

/* -- the stacks -------------------------------------------------------------------- */

static const struct function *current;

static void cross(void)
{
	sig_atomic_t end = signals + SIGNALS;

	set_timer(PAUSE_US);
	while (signals < end)
		current->call();
	set_timer(0);
}

static void cross_on_paged_stack(void)
{
	char *stack = spill_reserve(work.pager, STACK);
	ucontext_t here, there;

	CHECK(stack, "spill_reserve: %s", strerror(errno));
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK;
	there.uc_link = &here;
	makecontext(&there, cross, 0);
	swapcontext(&here, &there);
	CHECK_OK(spill_release(work.pager, stack, STACK));
}

static void try_function(const struct function *function)
{
	spill *s;

	case_begin(function->name, 2 * BUDGET);
	handlers = dice_new(1);
	functions = dice_new(2);
	s = pager_open(BUDGET);
	data = area_reserve(s, 1, DATA);
	work = area_reserve(s, 2, WORK);
	area_write_all(&data);
	area_write_all(&work);
	current = function;
	cross();
	cross_on_paged_stack();
	area_check_all(&work);
	pager_check(s);
	area_forget(&data);
	area_forget(&work);
	pager_close(s);
	case_end();
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };

	test_begin("signals", 120);
	sigaction(SIGUSR1, &action, NULL);
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		try_function(&all[i]);
	return test_end();
}
