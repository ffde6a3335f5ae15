/* SPDX-License-Identifier: MIT */
/* test-handler-dies - if a handler crashes, which would be a bug of ours, the process ends at once:
 * no fault waits for ever, and the program's signal handlers do not run in our thread, where they
 * could wait for a page that nobody brings
 */
#include "system_faults.h"
#include "harness.h"
#include <signal.h>
#include <sys/wait.h>

#define BUDGET SPILL_BUDGET_MIN
#define DATA (3 * BUDGET)

/* Its status if the program's own handler is called, which goes on as if nothing were. */
#define CALLED 43

static void on_signal(int signal)
{
	(void)signal;
	_exit(CALLED);
}

/* The handler reads faults, comes to the nth, and traps. */
static _Noreturn void live(unsigned handlers, unsigned nth)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	struct sigaction action = { .sa_handler = on_signal };
	struct area area;

	test_limit(30);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	options.budget = BUDGET;
	options.swap = test_directory();
	options.handlers = handlers;
	area = area_reserve(pager_open_with(&options), 1, DATA);
	fault_begin(
		&(struct fault_plan){ .kind = fault_kind("read"), .way = FAULT_CRASH, .nth = nth });
	area_write_all(&area);
	area_check_all(&area);
	test_fail("a handler was to die at its read number %u", nth);
}

static void try_one(unsigned handlers, unsigned nth)
{
	pid_t pid = test_fork();
	int status;

	if (pid == 0)
		live(handlers, nth);
	CHECK(waitpid(pid, &status, 0) == pid, "waitpid: %s", strerror(errno));
	CHECK(WIFSIGNALED(status) && (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP),
	      "%u handlers: a process whose handler dies ends with status %#x", handlers,
	      (unsigned)status);
	test_nothing_left();
}

int main(void)
{
	test_begin("handler-dies", 110);
	for (unsigned handlers = 1; handlers <= 2; handlers++)
		for (unsigned nth = 1; nth <= 64; nth *= 8)
			try_one(handlers, nth);
	return test_end();
}
