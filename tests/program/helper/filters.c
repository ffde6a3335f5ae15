/* SPDX-License-Identifier: MIT */
/* filters.c - a program that installs a seccomp filter: filters WHEN HOW
 *
 *	early, paged	before it has any memory; when most of it is paged out
 *	prctl, seccomp	for this thread; for all threads
 *	strict		the oldest mode: read, write and exit
 *	asks		whether there are filters: none is installed
 *
 * The filter kills at whatever a plain program does not need for memory, threads and children.
 */
#include "paged.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALLOWED(name)                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOWED(read),
	ALLOWED(write),
	ALLOWED(close),
	ALLOWED(newfstatat),
	ALLOWED(fstat),
	ALLOWED(mmap),
	ALLOWED(munmap),
	ALLOWED(mprotect),
	ALLOWED(mremap),
	ALLOWED(madvise),
	ALLOWED(brk),
	ALLOWED(futex),
	ALLOWED(clone),
	ALLOWED(clone3),
	ALLOWED(set_robust_list),
	ALLOWED(rseq),
	ALLOWED(prlimit64),
	ALLOWED(rt_sigprocmask),
	ALLOWED(rt_sigaction),
	ALLOWED(clock_gettime),
	ALLOWED(wait4),
	ALLOWED(exit),
	ALLOWED(exit_group),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

static void install(const char *how)
{
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (strcmp(how, "prctl") == 0)
		REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
	else if (strcmp(how, "seccomp") == 0)
		REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
				&program) == 0);
	else if (strcmp(how, "strict") == 0)
		REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0);
	else
		REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 &&
			errno == EFAULT);
}

static void *use_memory(void *arg)
{
	size_t size = (size_t)20 << 20;
	unsigned char *at = malloc(size), *mapped = paged_map(size);

	(void)arg;
	REQUIRE(at != NULL);
	paged_fill(at, size, 1, 0);
	paged_fill(mapped, size, 2, 0);
	EXPECT(paged_holds(at, size, 1, 0) && paged_holds(mapped, size, 2, 0));
	EXPECT(madvise(mapped, size, MADV_DONTNEED) == 0 && mapped[PAGE] == 0);
	at = realloc(at, 2 * size);
	REQUIRE(at != NULL);
	EXPECT(paged_holds(at, size, 1, 0));
	EXPECT(mprotect(mapped, size, PROT_READ) == 0 && munmap(mapped, size) == 0);
	free(at);
	return NULL;
}

static void check_children(void)
{
	int status = 0;
	pthread_t thread;
	pid_t pid;

	REQUIRE(pthread_create(&thread, NULL, use_memory, NULL) == 0);
	pthread_join(thread, NULL);
	pid = fork();
	if (pid == 0) {
		use_memory(NULL);
		paged_stir();
		_exit(paged_result() ? 1 : 42);
	}
	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

int main(int argc, char **argv)
{
	const char *when = argc > 1 ? argv[1] : "", *how = argc > 2 ? argv[2] : "";
	bool strict = strcmp(how, "strict") == 0;
	int result;

	printf("begins\n");
	fflush(stdout); /* a buffer is made now */
	if (strcmp(when, "early") == 0)
		install(how);
	paged_start(40 << 20);
	free(malloc(3 << 20));
	if (strcmp(when, "paged") == 0)
		install(how);
	paged_stir();
	if (!strict) {
		use_memory(NULL);
		check_children();
	}
	result = paged_result();
	fflush(stdout);
	if (strict) /* exit_group is not allowed */
		syscall(SYS_exit, result);
	return result;
}
