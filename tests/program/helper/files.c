/* SPDX-License-Identifier: MIT */
/* files.c - a process with hundreds of open FILEs, most of it paged out, becomes a daemon
 *
 * Each FILE has read a buffer of a file, from a place of its own.  The process fills 48 MiB, and forks
 * twice, with setsid(2) between; the grandchild, its parent and the first one each go on reading what
 * is buffered, and check their memory.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES 400
#define FILE_SIZE (1 << 20)
#define WORDS (6 << 20)

static FILE *files[FILES];
static uint64_t *words;

static int byte_at(unsigned place)
{
	return (int)((place * UINT32_C(2654435761)) >> 24);
}

static void fail(const char *who, const char *what, unsigned number)
{
	fprintf(stderr, "%s: %s %u\n", who, what, number);
	_exit(1);
}

static void open_all(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		fail("parent", "fopen", 0);
	for (unsigned i = 0; i < FILE_SIZE; i++)
		putc(byte_at(i), file);
	fclose(file);
	for (unsigned i = 0; i < FILES; i++) {
		files[i] = fopen(path, "r");
		if (!files[i] || fseek(files[i], i * 2048L, SEEK_SET) ||
		    getc(files[i]) != byte_at(i * 2048))
			fail("parent", "cannot read file", i);
	}
}

/* What is left in the buffers, and the memory. */
static void check(const char *who)
{
	for (unsigned i = 0; i < FILES; i++)
		for (unsigned k = 1; k < 2048; k += 1)
			if (getc(files[i]) != byte_at(i * 2048 + k))
				fail(who, "wrong bytes of file", i);
	for (unsigned i = 0; i < WORDS; i++)
		if (words[i] != i * UINT64_C(0x9E3779B97F4A7C15))
			fail(who, "wrong word", i);
}

static void wait_for(const char *who, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		fail(who, "a child failed", (unsigned)pid);
}

int main(int argc, char **argv)
{
	pid_t child, grandchild;

	if (argc != 2)
		return 2;
	open_all(argv[1]);
	words = malloc(WORDS * sizeof(*words));
	for (unsigned i = 0; i < WORDS; i++)
		words[i] = i * UINT64_C(0x9E3779B97F4A7C15);
	child = fork();
	if (child == 0) {
		setsid();
		grandchild = fork();
		if (grandchild == 0) {
			check("daemon");
			_exit(0);
		}
		wait_for("child", grandchild);
		check("child");
		_exit(0);
	}
	wait_for("parent", child);
	check("parent");
	printf("right\n");
	return 0;
}
