/* SPDX-License-Identifier: MIT */
/* secret.c - fills memory with a marker, so that test-encrypt.sh can look for it on the disk
 *
 *	secret MIB [fork]
 *
 * After each step it says so, and waits for a line: filled, checked, freed.  With fork a child
 * checks what it inherited, writes it anew, and checks that.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)

/* Put together here, so that no file has it as it is. */
static void make_marker(char marker[64], size_t page)
{
	snprintf(marker, 64, "%s-%s-%zu", "spill", "secret", page);
}

static void fill(char *memory, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		make_marker(memory + i * PAGE + i % 8 * 64, i);
}

static bool check(const char *memory, size_t pages)
{
	char marker[64];

	for (size_t i = 0; i < pages; i++) {
		make_marker(marker, i);
		if (strcmp(memory + i * PAGE + i % 8 * 64, marker) != 0) {
			fprintf(stderr, "page %zu has other contents\n", i);
			return false;
		}
	}
	return true;
}

static void step(const char *done)
{
	printf("%s\n", done);
	fflush(stdout);
	if (getchar() == EOF)
		exit(1);
}

/* The child reads what its parent wrote to swap space, and writes its own. */
static bool check_child(char *memory, size_t pages)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		bool ok = check(memory, pages);

		fill(memory, pages);
		_exit(ok && check(memory, pages) ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) << 20 : 0;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 2;
	fill(memory, size / PAGE);
	step("filled");
	if (argc > 2 && !check_child(memory, size / PAGE))
		return 1;
	if (!check(memory, size / PAGE))
		return 1;
	step("checked");
	munmap(memory, size);
	step("freed");
	return 0;
}
