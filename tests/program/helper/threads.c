/* SPDX-License-Identifier: MIT */
/* threads.c - threads that come and go while others page: threads HOW
 *
 *	create	500 threads one after the other, eight at a time, each with data of its own
 *	cancel	200 threads that are cancelled at a moment when most of them wait for a page
 *	setuid	root's process becomes that of a user with nothing, all of its threads, while four page;
 *		then a child of it has the same data
 *	exit, _exit, quick_exit, main
 *		the process ends so while four threads are waiting for pages (main: by its first
 *		thread alone, the others end later)
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 12288 /* 48 MiB */
#define WORDS 512

static uint64_t (*page)[WORDS];
static _Atomic unsigned wrong, cleaned, visits;
static _Atomic int stop;

static void check_page(unsigned i)
{
	for (unsigned k = 0; k < WORDS; k++)
		if (page[i][k] != i * UINT64_C(0x9E3779B97F4A7C15) + k) {
			fprintf(stderr, "page %u word %u: %lx\n", i, k, page[i][k]);
			wrong++;
		}
}

/* Destructors of thread-local data run late, and use the heap. */
static pthread_key_t key;

static void destroy(void *value)
{
	if (strcmp(value, "thread-local") != 0)
		wrong++;
	free(value);
	free(memset(malloc(5000), 1, 5000));
}

static void *visit(void *arg)
{
	uintptr_t seed = (uintptr_t)arg;
	char *own = malloc(100000);

	pthread_setspecific(key, strdup("thread-local"));
	memset(own, (int)seed, 100000);
	for (unsigned n = 0; n < 200; n++)
		check_page((unsigned)((seed * 7919 + n * 977) % PAGES));
	for (unsigned i = 0; i < 100000; i++)
		if (own[i] != (char)seed)
			wrong++;
	free(own);
	return arg;
}

static void *visit_for_ever(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; !stop; n += 977) {
		check_page((unsigned)(n % PAGES));
		visits++;
	}
	return NULL;
}

static void clean_up(void *arg)
{
	(void)arg;
	cleaned++;
}

static void *visit_until_cancelled(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cleanup_push(clean_up, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	visit_for_ever(arg);
	pthread_cleanup_pop(1);
	return NULL;
}

static void create(unsigned count, void *(*function)(void *), void (*end)(pthread_t))
{
	pthread_t threads[8];

	for (unsigned n = 0; n < count; n += 8) {
		for (unsigned t = 0; t < 8; t++)
			if (pthread_create(&threads[t], NULL, function,
					   (void *)(uintptr_t)(n + t + 1)))
				wrong++;
		for (unsigned t = 0; t < 8; t++)
			end(threads[t]);
	}
}

static void join(pthread_t thread)
{
	void *result;

	if (pthread_join(thread, &result) || !result)
		wrong++;
}

static void cancel(pthread_t thread)
{
	usleep(300);
	pthread_cancel(thread);
	/* What it gives is not looked at: glibc 2.36 has been seen to give NULL for one that was
	 * cancelled as it began. */
	if (pthread_join(thread, NULL))
		wrong++;
}

static void start_four(void)
{
	pthread_t thread;

	for (uintptr_t t = 0; t < 4; t++)
		pthread_create(&thread, NULL, visit_for_ever, (void *)(t * 3000));
	while (visits < 500)
		usleep(1000);
}

#define NOBODY 65534

/* Threads that have this user alone.  Those that the kernel has made for io_uring do not count: what they do
 * is done as who asked for it. */
static unsigned threads_of(uid_t uid)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	unsigned n = 0;

	while (tasks && (task = readdir(tasks))) {
		char path[300], line[300];
		unsigned ids[4];
		bool worker = false;
		FILE *status;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		status = fopen(path, "r");
		while (status && fgets(line, sizeof(line), status)) {
			worker |= strncmp(line, "Name:\tiou-wrk", 13) == 0;
			if (sscanf(line, "Uid: %u %u %u %u", ids, ids + 1, ids + 2, ids + 3) == 4)
				n += !worker && ids[0] == uid && ids[1] == uid && ids[2] == uid;
		}
		if (status)
			fclose(status);
	}
	if (tasks)
		closedir(tasks);
	return n;
}

static void become_nobody(void)
{
	unsigned before, seen;
	int status = -1;
	pid_t child;

	start_four();
	before = threads_of(0);
	if (setresuid(NOBODY, NOBODY, NOBODY) || threads_of(NOBODY) != before) {
		fprintf(stderr, "%u of %u threads changed\n", threads_of(NOBODY), before);
		wrong++;
	}
	for (seen = visits; visits < seen + 2000;)
		usleep(1000);
	stop = 1;
	child = fork();
	if (child == 0) {
		for (unsigned i = 0; i < PAGES; i++)
			check_page(i);
		_exit(wrong != 0);
	}
	if (waitpid(child, &status, 0) != child || status) {
		fprintf(stderr, "the child: status %x\n", (unsigned)status);
		wrong++;
	}
}

static void *end_later(void *arg)
{
	usleep(100000);
	stop = 1;
	return arg;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "create";
	pthread_t thread;

	page = malloc(sizeof(uint64_t[PAGES][WORDS]));
	pthread_key_create(&key, destroy);
	for (unsigned i = 0; i < PAGES; i++)
		for (unsigned k = 0; k < WORDS; k++)
			page[i][k] = i * UINT64_C(0x9E3779B97F4A7C15) + k;
	if (strcmp(how, "create") == 0) {
		create(504, visit, join);
	} else if (strcmp(how, "cancel") == 0) {
		create(200, visit_until_cancelled, cancel);
		if (cleaned != 200) {
			fprintf(stderr, "%u of 200 cleaned up\n", cleaned);
			wrong++;
		}
	} else if (strcmp(how, "setuid") == 0) {
		become_nobody();
	} else {
		start_four();
		printf("ending\n");
		fflush(stdout);
		if (strcmp(how, "exit") == 0)
			exit(3);
		if (strcmp(how, "_exit") == 0)
			_exit(3);
		if (strcmp(how, "quick_exit") == 0)
			quick_exit(3);
		pthread_create(&thread, NULL, end_later, NULL);
		pthread_exit(NULL);
	}
	printf("%s\n", wrong ? "wrong" : "right");
	return wrong != 0;
}
