/* SPDX-License-Identifier: MIT */
/* credentials.c - a program gives up its user and groups while it pages: whatever it calls for that, no
 * thread of the process keeps what was given up, the pager's neither, and memory is paged as before
 */
#include "paged.h"
#include <dirent.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MORE (16 << 20)
#define NOBODY 65534
#define OTHER 1234

static const gid_t some_groups[] = { 7, OTHER, 99 };

/* Each is what a process of root's calls, and what the lines of all its threads then are. */
static int give_up(unsigned which)
{
	switch (which) {
	case 0:
		return setuid(NOBODY);
	case 1:
		return setgid(NOBODY);
	case 2:
		return seteuid(NOBODY);
	case 3:
		return setegid(NOBODY);
	case 4:
		return setreuid(OTHER, NOBODY);
	case 5:
		return setregid(OTHER, NOBODY);
	case 6:
		return setresuid(OTHER, NOBODY, 77);
	case 7:
		return setresgid(OTHER, NOBODY, 77);
	case 8:
		return setgroups(3, some_groups);
	case 9:
		return setgroups(0, NULL);
	default:
		return initgroups("root", OTHER);
	}
}

static const struct {
	const char *name, *line;
} calls[] = {
	{ "setuid", "Uid:\t65534\t65534\t65534\t65534\n" },
	{ "setgid", "Gid:\t65534\t65534\t65534\t65534\n" },
	{ "seteuid", "Uid:\t0\t65534\t0\t65534\n" },
	{ "setegid", "Gid:\t0\t65534\t0\t65534\n" },
	{ "setreuid", "Uid:\t1234\t65534\t65534\t65534\n" },
	{ "setregid", "Gid:\t1234\t65534\t65534\t65534\n" },
	{ "setresuid", "Uid:\t1234\t65534\t77\t65534\n" },
	{ "setresgid", "Gid:\t1234\t65534\t77\t65534\n" },
	{ "setgroups", "Groups:\t7 99 1234 \n" },
	{ "setgroups to none", "Groups:\t \n" },
	{ "initgroups", NULL }, /* what this machine's root is in */
};

/* What the status of a thread says of who it is. */
static void identity(const char *thread, char *ret, size_t size)
{
	char path[300], line[200];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
	file = fopen(path, "re");
	REQUIRE(file != NULL);
	*ret = '\0';
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "Uid:", 4) == 0 || strncmp(line, "Gid:", 4) == 0 ||
		    strncmp(line, "Groups:", 7) == 0)
			strncat(ret, line, size - strlen(ret) - 1);
	fclose(file);
}

/* All threads are whom the first is; gives how many of them are the pager's. */
static unsigned compare_threads(const char *first)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned ours = 0;
	struct dirent *task;

	REQUIRE(tasks != NULL);
	while ((task = readdir(tasks))) {
		char path[300], name[32] = "", is[1000];
		FILE *comm;

		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		comm = fopen(path, "re");
		REQUIRE(comm && fgets(name, sizeof(name), comm));
		fclose(comm);
		ours += strncmp(name, "spill/", 6) == 0;
		identity(task->d_name, is, sizeof(is));
		EXPECT(strcmp(is, first) == 0);
	}
	closedir(tasks);
	return ours;
}

static void *sleep_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void check_call(unsigned which, unsigned char *more)
{
	char is[1000], was[1000], self[16];
	pthread_t thread;

	snprintf(self, sizeof(self), "%d", (int)getpid());
	REQUIRE(pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0);
	identity(self, was, sizeof(was));
	REQUIRE(give_up(which) == 0);
	identity(self, is, sizeof(is));
	EXPECT(calls[which].line ? strstr(is, calls[which].line) != NULL : strcmp(is, was) != 0);
	EXPECT(compare_threads(is) > 0);
	EXPECT(paged_holds(more, MORE, 9, 0));
	paged_fill(more, MORE, 10, 0);
	paged_stir();
	EXPECT(paged_holds(more, MORE, 10, 0));
}

int main(void)
{
	unsigned char *more = paged_map(MORE);

	paged_start(MORE);
	paged_fill(more, MORE, 9, 0);
	for (unsigned which = 0; which < sizeof(calls) / sizeof(calls[0]); which++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			check_call(which, more);
			_exit(paged_result());
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			printf("%s: status %#x\n", calls[which].name, (unsigned)status);
		EXPECT(status == 0);
	}
	EXPECT(paged_holds(more, MORE, 9, 0));
	return paged_result();
}
