/* SPDX-License-Identifier: MIT */
/* hostile.c - a process of a command that means ill: hostile SECONDS SEED
 *
 * It has what each process of the command has, and maybe other rights.  In all memory that they share
 * it writes each word, and each part of one, with extremes; it takes O_NONBLOCK from the bell, and
 * fills it; it tries to cut the memory off; and it has memory open that looks like the command's and is
 * none.
 */
#define _GNU_SOURCE 1
#include "command/pool.h"
#include "observe/stats.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHARED_MAX 8
/* Written one after the other: the header, and the first of what follows. */
#define WALKED ((size_t)16 << 10)
#define BELLS_MAX 8

static struct shared {
	unsigned char *start;
	size_t size;
	size_t at; /* the walk's place */
	bool stats, pool;
} shared[SHARED_MAX];
static unsigned shareds;
static int bell[BELLS_MAX];
static unsigned bells;
static uint64_t seed;

static uint64_t draw(void)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return seed >> 16;
}

/* -- what there is --------------------------------------------------------------------------- */

static void add_memory(int fd, const char *link)
{
	struct shared *one = &shared[shareds];
	struct stat st;

	if (shareds == SHARED_MAX || fstat(fd, &st))
		return;
	if (!ftruncate(fd, 0) || !ftruncate(fd, st.st_size * 2)) {
		printf("%s can be made smaller or larger\n", link);
		exit(1);
	}
	one->size = (size_t)st.st_size;
	one->start = mmap(NULL, one->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (one->start == MAP_FAILED)
		return;
	one->stats = strstr(link, STATS_NAME);
	one->pool = strstr(link, POOL_NAME);
	shareds++;
}

static void add(int fd, const char *link)
{
	if (strncmp(link, "/memfd:spill-", 13) == 0 && !strstr(link, "poison"))
		add_memory(fd, link);
	else if (strncmp(link, "pipe:", 5) == 0 && bells < BELLS_MAX &&
		 (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
		bell[bells++] = fd;
}

static void find(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char link[80];
		ssize_t n = readlinkat(dirfd(directory), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		add(atoi(entry->d_name), link);
	}
	if (directory)
		closedir(directory);
}

/* -- what is written --------------------------------------------------------------------------- */

static uint64_t extreme(const struct shared *one)
{
	const uint64_t words[] = {
		0,
		1,
		2,
		UINT64_MAX,
		INT32_MAX,
		(uint64_t)INT32_MIN,
		UINT32_MAX,
		INT64_MAX,
		(uint64_t)INT64_MIN,
		INT64_MAX / 2,
		POOL_ENTRIES - 1,
		POOL_ENTRIES,
		POOL_ENTRIES + 1,
		STATS_SLOTS - 1,
		STATS_SLOTS,
		STATS_SLOTS + 1,
		one->size - 1,
		one->size,
		one->size + 1,
		(uint64_t)getpid() << 32,
		(uint64_t)getppid() << 32,
		(uint64_t)(uintptr_t)one->start,
		draw(),
	};

	return words[draw() % (sizeof(words) / sizeof(words[0]))];
}

/* Of the walk, or anywhere; aligned to its width. */
static size_t choose(struct shared *one, size_t width)
{
	size_t walked = one->size < WALKED ? one->size : WALKED;
	size_t at;

	if (one->stats &&
	    draw() % 4 == 0) /* what is wanted of the pagers, but for its large window */
		at = offsetof(struct stats_table, steering) +
		     (draw() % 2
			      ? draw() % (offsetof(struct inquiry, row) + 512)
			      : offsetof(struct steering, order) + draw() % sizeof(struct order));
	else if (one->stats && draw() % 3 == 0)
		at = offsetof(struct stats_table, slot) + draw() % 8 * sizeof(struct stats_slot) +
		     draw() % 64;
	else if (draw() % 8 == 0)
		at = draw() % one->size;
	else
		at = one->at = (one->at + width) % walked;
	return at / width * width;
}

/* What is put back soon: what all stand still for, or are so slow that they do not get anywhere; and
 * by what the counters' memory is known, since who does not know it looks no further. */
static bool is_put_back(const struct shared *one, size_t at)
{
	const size_t paused = offsetof(struct stats_table, steering.paused);

	return (one->pool && at < sizeof(int64_t)) ||
	       (one->stats && (at / 8 == paused / 8 || at < offsetof(struct stats_table, taken)));
}

static void write_one(struct shared *one)
{
	static const size_t widths[] = { 8, 8, 4, 2, 1 };
	size_t width = widths[draw() % 5];
	size_t at = choose(one, width);
	uint64_t value = extreme(one), before;

	if (at + width > one->size)
		return;
	memcpy(&before, one->start + at, width);
	memcpy(one->start + at, &value, width);
	if (is_put_back(one, at) || draw() % 4 == 0) {
		usleep(draw() % 2000);
		memcpy(one->start + at, &before, width);
	}
}

static void press_bell(void)
{
	static char much[65536];

	for (unsigned i = 0; i < bells; i++) {
		/* Our own, to fill it without waiting. */
		char path[40];
		int own;

		fcntl(bell[i], F_SETFL, fcntl(bell[i], F_GETFL) & ~O_NONBLOCK);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", bell[i]);
		own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (own >= 0) {
			/* Now and then full, mostly a ring. */
			(void)!write(own, much, draw() % 16 ? 1 : sizeof(much));
			close(own);
		}
	}
}

/* What says that it is the counters' memory, and what is smaller in a moment. */
static void plant(void)
{
	static int planted = -1;

	if (planted < 0)
		planted = memfd_create(STATS_NAME, MFD_ALLOW_SEALING);
	if (ftruncate(planted, 0) || ftruncate(planted, sizeof(struct stats_table) * 2))
		return;
	for (unsigned i = 0; i < shareds; i++)
		if (shared[i].stats)
			(void)!pwrite(planted, shared[i].start, sizeof(struct stats_table), 0);
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1);

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	find();
	if (!shareds || !bells) {
		printf("there is nothing to write to: %u, %u\n", shareds, bells);
		return 1;
	}
	printf("%u memories, %u bells\n", shareds, bells);
	fflush(stdout);
	for (uint64_t n = 0; time(NULL) < end; n++) {
		write_one(&shared[n % shareds]);
		if (n % 256 == 0)
			press_bell();
		if (n % 1024 == 0)
			plant();
	}
	/* Pagers that heard a ring while the word for "paused" was wrong must hear that it is right
	 * again. */
	press_bell();
	return 0;
}
