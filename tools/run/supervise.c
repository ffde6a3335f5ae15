/* SPDX-License-Identifier: MIT */
/* supervise.c - runs the command as a child, and waits for its end: see supervise.h
 *
 * The launcher stays in the command's process group.  What a terminal sends (Ctrl-C, Ctrl-\,
 * Ctrl-Z, a changed size) reaches the whole group anyway and is not passed on a second time.  What
 * somebody sends to the launcher with kill is passed on.  If the command stops, the launcher stops
 * too, so that the shell sees its job stop.  When the launcher is continued, it continues the
 * command.
 *
 * The command does not outlive the launcher: whoever kills that with SIGKILL means the command.
 *
 * All signals stay blocked meanwhile, and sigtimedwait takes them one by one: there are no
 * handlers, and nothing to race with.
 */
#include "run/supervise.h"
#include "command/pool.h"
#include "common/tool.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct child {
	pid_t pid;
	pid_t launcher;
	sigset_t old_mask;	      /* the command starts with this mask, */
	struct sigaction old_sigchld; /* and with this action */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Signals that a process raises by its own mistakes are left alone. */
static void fill_waited(sigset_t *set)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

	sigfillset(set);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(set, own[i]);
}

/* -- starting -------------------------------------------------------------------------- */

static _Noreturn void execute(const struct child *child, const char *path, char **argv,
			      int error_fd)
{
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != child->launcher) /* it has died already */
		_exit(EXIT_SPILL);
	sigaction(SIGCHLD, &child->old_sigchld, NULL);
	sigprocmask(SIG_SETMASK, &child->old_mask, NULL);
	execvp(path, argv); /* path has a slash; ENOEXEC makes it run /bin/sh */
	err = errno;
	while (write(error_fd, &err, sizeof(err)) < 0 && errno == EINTR)
		;
	_exit(EXIT_SPILL);
}

/* Waits until the child has executed the command.  0, or why it could not. */
static int wait_for_exec(pid_t pid, int error_fd)
{
	int err = 0;
	ssize_t n;

	do
		n = read(error_fd, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0; /* exec has closed it, or the child was killed: wait will tell */
	waitpid(pid, NULL, 0);
	return -err;
}

static int start(struct child *child, const char *path, char **argv)
{
	int err, fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	child->launcher = getpid();
	child->pid = fork();
	if (child->pid == 0)
		execute(child, path, argv, fds[1]);
	err = child->pid < 0 ? -errno : 0;
	close(fds[1]);
	if (!err)
		err = wait_for_exec(child->pid, fds[0]);
	close(fds[0]);
	return err;
}

/* -- waiting --------------------------------------------------------------------------- */

static void stop_with(const struct child *child)
{
	raise(SIGSTOP);
	kill(child->pid, SIGCONT); /* we were continued */
}

/* Takes what the child has to report.  true: it has ended. */
static bool reap(const struct child *child, struct outcome *outcome)
{
	for (;;) {
		pid_t pid =
			wait4(child->pid, &outcome->status, WNOHANG | WUNTRACED, &outcome->usage);

		if (pid == 0)
			return false;
		if (pid < 0 || !WIFSTOPPED(outcome->status))
			return true;
		stop_with(child);
	}
}

/* Neither what the terminal sent to the whole group, nor what the command sent. */
static bool is_to_pass_on(const struct child *child, const siginfo_t *info)
{
	return info->si_code != SI_KERNEL && info->si_pid != child->pid;
}

static void wait_for_end(const struct child *child, const sigset_t *waited, struct pool *pool,
			 struct outcome *outcome)
{
	static const struct timespec pause = { 0, 500000000 };

	while (!reap(child, outcome)) {
		siginfo_t info;
		int number = sigtimedwait(waited, &info, &pause);

		if (number < 0 && errno == EAGAIN) {
			pool_measure(pool);
			pool_look_for_all_shared(pool);
		}
		if (number > 0 && number != SIGCHLD && is_to_pass_on(child, &info))
			kill(child->pid, number);
	}
}

int supervise(const char *path, char **argv, struct pool *pool, struct outcome *ret_outcome)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct outcome outcome = { .status = 0 };
	struct child child;
	sigset_t waited;
	double started = now();
	int err;

	fill_waited(&waited);
	sigprocmask(SIG_BLOCK, &waited, &child.old_mask);
	sigaction(SIGCHLD, &by_default, &child.old_sigchld); /* nohup and its kin ignore it */
	err = start(&child, path, argv);
	if (err)
		return err;
	wait_for_end(&child, &waited, pool, &outcome);
	outcome.seconds = now() - started;
	*ret_outcome = outcome;
	return 0;
}

int outcome_exit_status(const struct outcome *outcome)
{
	if (WIFSIGNALED(outcome->status))
		return EXIT_SIGNAL + WTERMSIG(outcome->status);
	return WEXITSTATUS(outcome->status);
}
