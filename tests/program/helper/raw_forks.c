/* SPDX-License-Identifier: MIT */
/* raw_forks.c - children that libc does not announce: raw_forks HOW
 *
 *	_Fork, clone, syscall	the child has all of its data, writes to it, and the parent has its own
 *	raw			the child of the system call itself, without libc, has it or is killed
 *				by SIGSEGV: it never sees other contents
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 12288 /* 48 MiB */
#define WORDS 512
#define WRONG 9
#define RIGHT 8 /* a status that nobody else has */

static uint64_t (*page)[WORDS];

static uint64_t word_of(unsigned i, unsigned version, unsigned k)
{
	return i * UINT64_C(0x9E3779B97F4A7C15) + version * UINT64_C(0xC2B2AE3D27D4EB4F) + k;
}

static void write_pages(unsigned version, unsigned step)
{
	for (unsigned i = 0; i < PAGES; i += step)
		for (unsigned k = 0; k < WORDS; k++)
			page[i][k] = word_of(i, version, k);
}

static int check_pages(unsigned version, unsigned step)
{
	for (unsigned i = 0; i < PAGES; i += step)
		for (unsigned k = 0; k < WORDS; k++)
			if (page[i][k] != word_of(i, version, k))
				return WRONG;
	return 0;
}

static int child(void *arg)
{
	int status = check_pages(1, 1);

	(void)arg;
	write_pages(2, 3);
	return status || check_pages(2, 3) ? WRONG : RIGHT;
}

#if defined(__x86_64__)
static pid_t clone_raw(void)
{
	register long d __asm__("r10") = 0;
	register long e __asm__("r8") = 0;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(SYS_clone), "D"((long)SIGCHLD), "S"(0L), "d"(0L), "r"(d), "r"(e)
			 : "rcx", "r11", "memory");
	return (pid_t)ret;
}
#else
static pid_t clone_raw(void)
{
	register long number __asm__("x8") = SYS_clone;
	register long a __asm__("x0") = SIGCHLD;
	register long b __asm__("x1") = 0, c __asm__("x2") = 0;
	register long d __asm__("x3") = 0, e __asm__("x4") = 0;

	__asm__ volatile("svc #0"
			 : "+r"(a)
			 : "r"(number), "r"(b), "r"(c), "r"(d), "r"(e)
			 : "memory");
	return (pid_t)a;
}
#endif

static pid_t begin_child(const char *how)
{
	static char stack[256 << 10];
	pid_t pid;

	if (strcmp(how, "clone") == 0)
		return clone(child, stack + sizeof(stack), SIGCHLD, NULL);
	if (strcmp(how, "raw") == 0)
		pid = clone_raw();
	else if (strcmp(how, "syscall") == 0)
		pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
	else
		pid = _Fork();
	if (pid == 0)
		_exit(child(NULL));
	return pid;
}

static bool ended_well(const char *how, int status)
{
	if (WIFSIGNALED(status))
		return strcmp(how, "raw") == 0 && WTERMSIG(status) == SIGSEGV;
	return WEXITSTATUS(status) == RIGHT;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "_Fork";
	int status, wrong = 0;

	page = malloc(sizeof(uint64_t[PAGES][WORDS]));
	write_pages(1, 1);
	for (unsigned turn = 0; turn < 5; turn++) {
		pid_t pid = begin_child(how);

		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 2;
		wrong |= !ended_well(how, status) || check_pages(1, 1);
	}
	printf("%s\n", wrong ? "wrong" : "right");
	return wrong;
}
