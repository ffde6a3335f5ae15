/* SPDX-License-Identifier: MIT */
/* beside.c - memory that is not managed lies beside memory that is: beside FORKS
 *
 * A thread makes new pages in front of it all the time, so that forks find zeros being filled in,
 * as a window that reaches over what lies beside.  The child has to find that again when all else
 * has left.
 */
#include "paged.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK (64 * PAGE)
#define FRONT (52 * PAGE)
#define BALLAST (16 << 20)

static char *front, *beside;
static _Atomic bool enough;

/* A chunk of which the end, too small to be managed, is another mapping. */
static void map_them(void)
{
	char *area = paged_map(2 * CHUNK);

	front = (char *)(((uintptr_t)area + CHUNK - 1) & ~(CHUNK - 1));
	beside = front + FRONT;
	REQUIRE(munmap(beside, CHUNK - FRONT) == 0);
	REQUIRE(mmap(beside, CHUNK - FRONT, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == beside);
	paged_fill(beside, CHUNK - FRONT, 1, 0);
}

static void *make_pages(void *arg)
{
	while (!enough) {
		madvise(front, FRONT, MADV_DONTNEED);
		for (char *page = front; page < front + FRONT; page += PAGE)
			*(volatile char *)page = 1;
	}
	return arg;
}

static void fork_once(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		paged_stir();
		_exit(!paged_holds(beside, CHUNK - FRONT, 1, 0));
	}
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	EXPECT(status == 0);
}

int main(int argc, char **argv)
{
	int forks = argc > 1 ? atoi(argv[1]) : 50;
	pthread_t thread;

	paged_start(BALLAST);
	map_them();
	REQUIRE(pthread_create(&thread, NULL, make_pages, NULL) == 0);
	while (forks-- > 0)
		fork_once();
	enough = true;
	pthread_join(thread, NULL);
	EXPECT(paged_holds(beside, CHUNK - FRONT, 1, 0));
	return paged_result();
}
