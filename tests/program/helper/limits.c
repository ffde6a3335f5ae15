/* SPDX-License-Identifier: MIT */
/* limits.c - a program lowers its limits, or leaves a name space: limits WHAT
 *
 *	nofile-before, nofile	64 descriptors, before it pages or while it does
 *	fsize			no file may grow while it pages: what can no longer be kept raises
 *				SIGBUS, and nothing else happens
 *	fsize-before		memory is refused
 *	memlock			nothing may be locked in memory
 *	as			little address space is left: memory is refused, or pages
 *	userns, userns-small	unshare(CLONE_NEWUSER) while it pages is refused; in a process that
 *				does not page it works
 *	userns-parent		and in one that does not page, and has a child
 *	locked			mlock has of the budget what can be spared
 *	outside			memory that is mapped without libc is not paged
 *	shared			shared memory is not paged
 */
#include "paged.h"
#include "base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MORE (24 << 20)

static void lower(int which, rlim_t value)
{
	struct rlimit limit = { value, value };

	REQUIRE(setrlimit(which, &limit) == 0);
}

/* Fills and checks more, in this process and in a child. */
static void page_more(void)
{
	unsigned char *more = paged_map(MORE);
	int status = 0;
	pid_t pid;

	paged_fill(more, MORE, 9, 0);
	paged_stir();
	EXPECT(paged_holds(more, MORE, 9, 0));
	pid = fork();
	if (pid == 0) {
		paged_fill(more, MORE / 2, 10, 0);
		paged_stir();
		_exit(!paged_holds(more, MORE / 2, 10, 0) ||
		      !paged_holds(more + MORE / 2, MORE / 2, 9, MORE / 2));
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(paged_holds(more, MORE, 9, 0));
	munmap(more, MORE);
}

static void lower_while_paging(int which, rlim_t value)
{
	paged_start(MORE);
	lower(which, value);
	page_more();
}

static void lower_before(int which, rlim_t value)
{
	lower(which, value);
	paged_start(MORE);
	page_more();
}

/* Its own files obey the limit. */
static void check_own_file(void)
{
	int fd = open("limits.data", O_CREAT | O_RDWR | O_TRUNC, 0600);

	REQUIRE(fd >= 0);
	signal(SIGXFSZ, SIG_IGN);
	EXPECT(write(fd, "x", 1) == -1 && errno == EFBIG);
	signal(SIGXFSZ, SIG_DFL);
	close(fd);
}

static void on_bus(int number)
{
	static const char text[] = "refused by SIGBUS\n";

	(void)number;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(0);
}

static void check_file_size(void)
{
	paged_start(MORE);
	lower(RLIMIT_FSIZE, 0);
	check_own_file();
	signal(SIGBUS, on_bus);
	page_more();
}

static void check_file_size_before(void)
{
	lower(RLIMIT_FSIZE, 0);
	check_own_file();
	EXPECT(mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		       MAP_FAILED &&
	       errno == ENOMEM);
}

static void check_address_space(void)
{
	size_t got = 0, refused = 0;

	for (unsigned n = 0; n < 64; n++) {
		unsigned char *piece = malloc(1 << 20);

		if (!piece) {
			EXPECT(errno == ENOMEM);
			refused++;
			continue;
		}
		paged_fill(piece, 1 << 20, n, 0);
		EXPECT(paged_holds(piece, 1 << 20, n, 0));
		got++;
	}
	printf("%zu MiB, %zu refused\n", got, refused);
	EXPECT(refused > 0);
}

static void check_namespace(bool paging)
{
	if (paging) {
		paged_start(MORE);
		EXPECT(unshare(CLONE_NEWUSER) == -1 && errno == EINVAL);
		EXPECT(unshare(CLONE_FS) == 0);
	} else if (unshare(CLONE_NEWUSER)) {
		printf("user name spaces are refused: not tested\n");
		exit(errno == EINVAL ? 1 : 77);
	}
	page_more();
}

static void map_outside(void)
{
	char *memory =
		sys_mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(!sys_is_error(memory));
	memset(memory, 1, MORE);
	usleep(700000);
	munmap(memory, MORE);
}

/* 10 MiB of a budget of 16. */
static void check_locked(void)
{
	size_t size = (size_t)10 << 20;
	struct rlimit limit;
	char *memory;

	paged_start(40 << 20);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur < size && geteuid() != 0)
		exit(77);
	for (int turn = 0; turn < 2; turn++) {
		memory = malloc(size);
		REQUIRE(memory);
		paged_fill(memory, size, 9, 0);
		EXPECT(mlock(memory, size) == 0);
		paged_stir();
		EXPECT(paged_resident(memory, size) == size / PAGE);
		EXPECT(paged_holds(memory, size, 9, 0));
		EXPECT(munlock(memory, size) == 0);
		free(memory);
	}
}

static void map_shared(void)
{
	unsigned char *memory =
		mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(memory != MAP_FAILED);
	paged_fill(memory, MORE, 8, 0);
	EXPECT(paged_holds(memory, MORE, 8, 0));
}

static void check_parent(void)
{
	int status, go[2];
	char c = 0;
	pid_t pid;

	paged_start(5 << 20); /* enough to lend (lender.h), and less than the budget */
	REQUIRE(pipe(go) == 0);
	pid = fork();
	if (pid == 0)
		_exit(read(go[0], &c, 1) != 1);
	EXPECT(unshare(CLONE_NEWUSER) == 0 || errno != EINVAL);
	REQUIRE(write(go[1], &c, 1) == 1);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "nofile") == 0) {
		lower_while_paging(RLIMIT_NOFILE, 64);
	} else if (strcmp(what, "nofile-before") == 0) {
		lower_before(RLIMIT_NOFILE, 64);
	} else if (strcmp(what, "fsize") == 0) {
		check_file_size();
	} else if (strcmp(what, "fsize-before") == 0) {
		check_file_size_before();
	} else if (strcmp(what, "memlock") == 0) {
		lower_while_paging(RLIMIT_MEMLOCK, 0);
	} else if (strcmp(what, "locked") == 0) {
		check_locked();
	} else if (strcmp(what, "as") == 0) {
		check_address_space();
	} else if (strcmp(what, "userns-parent") == 0) {
		check_parent();
	} else if (strcmp(what, "outside") == 0) {
		map_outside();
	} else if (strcmp(what, "shared") == 0) {
		map_shared();
	} else {
		check_namespace(strcmp(what, "userns") == 0);
	}
	return paged_result();
}
