/* SPDX-License-Identifier: MIT */
/* family.c - fork
 *
 * The child goes on as its worker does, with plots that are its own and a model
 * of its own, and forks in turn.  Parent and child run side by side; that the
 * child wrote nothing into the parent's pages shows when the parent checks them.
 */
#include "worker.h"
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GENERATIONS_MAX 3

/* How much a child does. */
#define CHILD_STEPS_MAX 200
/* One in so many looks at everything. */
#define CHECKS_ALL 3

void family_reap(struct worker *worker, bool wait)
{
	int status;
	pid_t pid;

	if (!worker->child)
		return;
	do
		pid = waitpid(worker->child, &status, wait ? 0 : WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return;
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		fail(worker, NULL, "child %d: wait status %#x", (int)worker->child, status);
	worker->child = 0;
}

/* What is different in a child from the start. */
static void plot_inherit(const struct plot *plot)
{
	for (size_t i = 0; i < plot->pages; i++) {
		struct page *page = &plot->page[i];

		page_lock(page, false);
		if (page->wiped)
			page_wrote(page, 0);
		if (page->withheld)
			page_reset(page, HOLE, 0, 0);
	}
}

static void inherit(struct worker *worker)
{
	worker->is_child = true;
	worker->generation++;
	worker->child = 0;
	worker->dice = dice_new(dice_next(&worker->dice), worker->generation);
	model_descend();
	transfer_close(worker);
	transfer_open(worker);
	for (unsigned i = 0; i < plot_count; i++)
		if (plots[i].owner == worker->number)
			plot_inherit(&plots[i]);
}

static _Noreturn void live(struct worker *worker)
{
	uint64_t steps = dice_below(&worker->dice, CHILD_STEPS_MAX);

	inherit(worker);
	if (dice_once_in(&worker->dice, CHECKS_ALL))
		worker_check_all(worker);
	for (uint64_t i = 0; i < steps; i++)
		worker_step(worker);
	if (dice_once_in(&worker->dice, CHECKS_ALL))
		worker_check_all(worker);
	family_reap(worker, true);
	_exit(0);
}

void do_fork(struct worker *worker, struct range *range)
{
	pid_t pid;

	family_reap(worker, false);
	if (worker->child || worker->generation >= GENERATIONS_MAX)
		return;
	pid = fork();
	if (pid == 0)
		live(worker);
	call_result(worker, range, "fork", pid, pid < 0 ? -1 : 0, MAY_FAIL(EAGAIN));
	worker->child = pid > 0 ? pid : 0;
}
