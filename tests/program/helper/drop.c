/* SPDX-License-Identifier: MIT */
/* drop.c - a daemon pages, gives up root, and runs programs for a user: none of them can read what it
 * had paged out
 *
 *	drop [FILE]		the daemon; FILE is the command's named swap
 *	drop look FILE		what it runs: looks through all that it has open, all that others have
 *				open and it can open as well, and FILE
 *	drop look-open FILE	the same, but only what it has open
 */
#define _GNU_SOURCE 1
#include "paged.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 65531
#define SECRETS 4096
#define PIECE ((size_t)1 << 20)

static const char *self, *swap_file;

/* Not as it stands in the program's file. */
static void write_secret(char text[32])
{
	snprintf(text, 32, "%s-%08x-%s", "only", 0x5ec2e7u * 211u, "the daemon");
}

/* -- looking ------------------------------------------------------------------------------- */

static bool holds_secret(int fd)
{
	static char *buffer;
	char secret[32];
	off_t at = 0;
	ssize_t n;

	if (!buffer)
		buffer = aligned_alloc(PAGE, PIECE); /* for O_DIRECT */
	write_secret(secret);
	while ((n = pread(fd, buffer, PIECE, at)) > 0) {
		if (memmem(buffer, (size_t)n, secret, strlen(secret)))
			return true;
		at += n;
	}
	return false;
}

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

static bool tell(const char *path)
{
	char link[256] = "";

	if (readlink(path, link, sizeof(link) - 1) < 0)
		strcpy(link, "?");
	printf("as user %u: %s holds it (%s)\n", geteuid(), path, link);
	return true;
}

/* All that a process has open; ours as it is, too. */
static bool is_in_process(const char *pid)
{
	bool ours = strcmp(pid, "self") == 0, found = false;
	char path[300];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		int fd;

		if (!isdigit(entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, entry->d_name);
		if (ours && is_file(atoi(entry->d_name)) && holds_secret(atoi(entry->d_name)))
			found = tell(path);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && is_file(fd) && holds_secret(fd))
			found = tell(path);
		if (fd >= 0)
			close(fd);
	}
	if (directory)
		closedir(directory);
	return found;
}

static bool is_in_others(void)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (directory && (entry = readdir(directory)))
		if (isdigit(entry->d_name[0]))
			found |= is_in_process(entry->d_name);
	if (directory)
		closedir(directory);
	return found;
}

static int look(const char *path, bool at_others)
{
	bool found = is_in_process("self");
	int fd = at_others ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (at_others)
		found |= is_in_others();
	if (fd >= 0 && holds_secret(fd))
		found = tell(path);
	return found;
}

/* -- running for a user -------------------------------------------------------------------- */

static void drop(void)
{
	REQUIRE(setgid(USER) == 0 && setuid(USER) == 0);
}

static char *none[] = { NULL };

static void exec_all(void)
{
	execl(self, self, "look", swap_file, NULL);
}

/* As the one that it still is, and paged. */
static void exec_same(void)
{
	execl(self, self, "look-open", swap_file, NULL);
}

static void exec_bare(void)
{
	execle(self, self, "look", swap_file, NULL, none);
}

static void exec_fd(void)
{
	char *arguments[] = { (char *)self, (char *)"look", (char *)swap_file, NULL };

	fexecve(open(self, O_RDONLY | O_CLOEXEC), arguments, none);
}

static void ends_as(int status)
{
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 100);
}

static void spawn(char **environment)
{
	char *arguments[] = { (char *)self, (char *)"look", (char *)swap_file, NULL };
	int status = 0;
	pid_t pid;

	if (posix_spawn(&pid, self, NULL, NULL, arguments, environment))
		_exit(101);
	waitpid(pid, &status, 0);
	ends_as(status);
}

static void spawn_all(void)
{
	spawn(environ);
}

static void spawn_bare(void)
{
	spawn(none);
}

static const char *command_line(void)
{
	static char line[512];

	snprintf(line, sizeof(line), "'%s' look '%s'", self, swap_file);
	return line;
}

static void by_system(void)
{
	ends_as(system(command_line()));
}

static void by_popen(void)
{
	static char line[512];
	FILE *file = popen(command_line(), "r");

	while (file && fgets(line, sizeof(line), file))
		fputs(line, stdout);
	fflush(stdout);
	ends_as(file ? pclose(file) : 102 << 8);
}

/* As the one that it still is: no program that is not paged is handed what the daemon has. */
static void exec_unpaged(void)
{
	execle(self, self, "look-open", swap_file, NULL, none);
}

static void spawn_unpaged(void)
{
	char *arguments[] = { (char *)self, (char *)"look-open", (char *)swap_file, NULL };
	int status = 0;
	pid_t pid;

	if (posix_spawn(&pid, self, NULL, NULL, arguments, none))
		_exit(101);
	waitpid(pid, &status, 0);
	ends_as(status);
}

static void system_unpaged(void)
{
	static char line[512];

	clearenv();
	snprintf(line, sizeof(line), "'%s' look-open '%s'", self, swap_file);
	ends_as(system(line));
}

static bool runs(void (*way)(void), bool drops)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (drops)
			drop();
		way();
		_exit(103);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	return status == 0;
}

/* -- the daemon ---------------------------------------------------------------------------- */

static void fill(char *memory)
{
	for (size_t i = 0; i < SECRETS; i++) {
		snprintf(memory + i * PAGE, 32, "%zu ", i);
		write_secret(memory + i * PAGE + 64);
	}
}

static bool holds(const char *memory)
{
	char secret[32], number[32];

	write_secret(secret);
	for (size_t i = 0; i < SECRETS; i++) {
		snprintf(number, sizeof(number), "%zu ", i);
		if (strcmp(memory + i * PAGE, number) || strcmp(memory + i * PAGE + 64, secret))
			return false;
	}
	return true;
}

/* It is on the disk, if it is to be seen there. */
static void check_scene(void)
{
	const char *encrypt = getenv("SPILL_ENCRYPT");
	int fd;

	if (!*swap_file || (encrypt && *encrypt))
		return;
	fd = open(swap_file, O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	REQUIRE(holds_secret(fd));
	close(fd);
}

int main(int argc, char **argv)
{
	char *memory;

	self = argv[0];
	if (argc > 2)
		return look(argv[2], strcmp(argv[1], "look") == 0);
	swap_file = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IONBF, 0);
	paged_start(24 << 20);
	memory = paged_map(SECRETS * PAGE);
	fill(memory);
	paged_out(memory, SECRETS * PAGE);
	check_scene();
	EXPECT(runs(exec_unpaged, false));
	EXPECT(runs(spawn_unpaged, false));
	EXPECT(runs(system_unpaged, false));
	EXPECT(runs(exec_all, true));
	EXPECT(runs(exec_bare, true));
	EXPECT(runs(exec_fd, true));
	EXPECT(runs(spawn_all, true));
	EXPECT(runs(spawn_bare, true));
	EXPECT(runs(by_system, true));
	EXPECT(runs(by_popen, true));
	/* It comes back to what it was: then it hands on again. */
	REQUIRE(seteuid(USER) == 0 && seteuid(0) == 0);
	if (*swap_file)
		EXPECT(!runs(exec_same, false));
	drop();
	EXPECT(runs(exec_all, false));
	EXPECT(holds(memory));
	return paged_result();
}
