/* SPDX-License-Identifier: MIT */
/* forks.c - threads that write and check pages, and fork: forks COUNT SEED
 *
 * Each thread has every fourth page of 48 MiB.  Now and then it forks: the child checks
 * the thread's pages, writes to some, has a child of its own now and then, and checks again.  At the end
 * the parent has its own data, and as many descriptors as after its first fork.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define PAGES 12288
#define WORDS 512

static uint64_t (*page)[WORDS];
static uint32_t version[PAGES];
static _Atomic int forks_left;
static _Atomic unsigned wrong;

struct worker {
	unsigned first;
	uint64_t random;
};

static uint64_t word_of(unsigned i, uint32_t v, unsigned k)
{
	return (i * UINT64_C(0x9E3779B97F4A7C15)) ^ (v * UINT64_C(0xC2B2AE3D27D4EB4F)) ^ k;
}

static void write_page(unsigned i, uint32_t v)
{
	version[i] = v;
	for (unsigned k = 0; k < WORDS; k++)
		page[i][k] = word_of(i, v, k);
}

static void check_page(unsigned i)
{
	for (unsigned k = 0; k < WORDS; k++)
		if (page[i][k] != word_of(i, version[i], k)) {
			fprintf(stderr, "%d: page %u version %u word %u: %lx\n", getpid(), i,
				version[i], k, page[i][k]);
			wrong++;
			return;
		}
}

static unsigned some_page(struct worker *worker)
{
	worker->random = worker->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return worker->first + (unsigned)((worker->random >> 33) % (PAGES / THREADS)) * THREADS;
}

static int child(struct worker *worker, unsigned depth)
{
	pid_t pid = 0;
	int status = 0;

	for (unsigned i = worker->first; i < PAGES; i += THREADS * 5)
		check_page(i);
	for (unsigned n = 0; n < 300; n++)
		write_page(some_page(worker), 0x80000000 + depth);
	if (depth < 2 && worker->random >> 63) {
		pid = fork();
		if (pid == 0)
			_exit(child(worker, depth + 1));
	}
	for (unsigned i = worker->first; i < PAGES; i += THREADS)
		check_page(i);
	if (pid)
		waitpid(pid, &status, 0);
	return wrong || status;
}

static void fork_once(struct worker *worker)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(child(worker, 0));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "child %d: status %x\n", pid, pid < 0 ? -1 : status);
		wrong++;
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (unsigned n = 0; forks_left > 0 && !wrong; n++) {
		unsigned i = some_page(worker);

		check_page(i);
		write_page(i, version[i] + 1);
		if (n % 500 == 499 && atomic_fetch_sub(&forks_left, 1) > 0)
			fork_once(worker);
	}
	return NULL;
}

static unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 200;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	unsigned before;

	page = malloc(sizeof(uint64_t[PAGES][WORDS]));
	for (unsigned i = 0; i < PAGES; i++)
		write_page(i, 1);
	for (unsigned t = 0; t < THREADS; t++)
		workers[t] = (struct worker){ t, seed + t };
	fork_once(&workers[0]);
	before = count_descriptors();
	forks_left = count;
	for (unsigned t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, work, &workers[t]);
	for (unsigned t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (unsigned i = 0; i < PAGES; i++)
		check_page(i);
	/* That a child has ended is seen when there is time to look. */
	for (unsigned n = 0; n < 100 && count_descriptors() > before; n++)
		usleep(100000);
	if (count_descriptors() > before) {
		fprintf(stderr, "%u descriptors, more than %u\n", count_descriptors(), before);
		wrong++;
	}
	printf("%s\n", wrong ? "wrong" : "right");
	return wrong != 0;
}
