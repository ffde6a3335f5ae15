/* SPDX-License-Identifier: MIT */
/* without.c - runs a command that the kernel refuses some features, by a seccomp filter
 *
 *	without FEATURE[,FEATURE]... COMMAND [ARGUMENT]...
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From headers that are newer than some. */
#define UFFDIO_MOVE_REQUEST 0xc028aa05u
#define UFFDIO_POISON_REQUEST 0xc020aa08u

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

/* An argument, masked, has that value; a mask of 0 asks nothing. */
struct test {
	int argument;
	uint32_t mask, value;
};

/* A call is refused if its tests hold. */
static const struct rule {
	const char *feature;
	int call, error;
	struct test test[2];
} rules[] = {
	{ "uring", SYS_io_uring_setup, EPERM, { { 0 } } },
	{ "move", SYS_ioctl, EINVAL, { { 1, ~0u, UFFDIO_MOVE_REQUEST } } },
	{ "poison", SYS_ioctl, EINVAL, { { 1, ~0u, UFFDIO_POISON_REQUEST } } },
	{ "direct", SYS_fcntl, EINVAL, { { 1, ~0u, F_SETFL }, { 2, O_DIRECT, O_DIRECT } } },
	{ "tmpfile", SYS_openat, EOPNOTSUPP, { { 2, O_TMPFILE, O_TMPFILE } } },
	{ "memfd", SYS_memfd_create, ENOSYS, { { 0 } } },
	{ "process_madvise", SYS_process_madvise, ENOSYS, { { 0 } } },
	{ "affinity", SYS_sched_setaffinity, EPERM, { { 0 } } },
	{ "fallocate", SYS_fallocate, EOPNOTSUPP, { { 0 } } },
	{ "killed", SYS_io_uring_setup, 0, { { 0 } } }, /* not refused: it kills */
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

static struct sock_filter filter[9 * RULES + 1];
static unsigned short length;

static void emit(unsigned code, uint32_t k, unsigned if_true, unsigned if_false)
{
	filter[length++] = (struct sock_filter){ (unsigned short)code, (unsigned char)if_true,
						 (unsigned char)if_false, k };
}

static void load(size_t offset)
{
	emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static unsigned tests_of(const struct rule *rule)
{
	return (rule->test[0].mask != 0) + (rule->test[1].mask != 0);
}

static void add(const struct rule *rule)
{
	unsigned left = tests_of(rule);

	load(offsetof(struct seccomp_data, nr));
	emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->call, 0, 3 * left + 1);
	for (const struct test *test = rule->test; left; test++) {
		/* The lower half: both machines are little-endian. */
		load(offsetof(struct seccomp_data, args) + 8 * (size_t)test->argument);
		emit(BPF_ALU | BPF_AND | BPF_K, test->mask, 0, 0);
		left--;
		emit(BPF_JMP | BPF_JEQ | BPF_K, test->value, 0, 3 * left + 1);
	}
	emit(BPF_RET | BPF_K,
	     rule->error ? SECCOMP_RET_ERRNO | (uint32_t)rule->error : SECCOMP_RET_KILL_PROCESS, 0,
	     0);
}

static void add_all(char *features)
{
	for (char *name = strtok(features, ","); name; name = strtok(NULL, ",")) {
		size_t i = 0;

		while (i < RULES && strcmp(rules[i].feature, name) != 0)
			i++;
		if (i == RULES) {
			fprintf(stderr, "without: there is no feature %s\n", name);
			exit(2);
		}
		add(&rules[i]);
	}
	emit(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

int main(int argc, char **argv)
{
	struct sock_fprog program = { .filter = filter };

	if (argc < 3)
		return 2;
	add_all(argv[1]);
	program.len = length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("without: seccomp");
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
