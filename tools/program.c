/* SPDX-License-Identifier: MIT */
/* program.c - which file will be executed, and can it be paged
 *
 * A program is paged by a library that the dynamic linker loads before all
 * others (LD_PRELOAD).  So it needs one: a static program has none, and of a
 * program that gains privileges the dynamic linker ignores the variable.  Better
 * to say so at once than to run it unpaged.
 *
 * What this looks at may change before it is executed; it is there to tell
 * people, not to guard anything.
 */
#include "tools.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#define OUR_MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#define OUR_MACHINE_NAME "aarch64"
#endif

/* The kernel follows as many interpreters of interpreters (BINPRM_MAX...). */
#define SCRIPT_DEPTH 5

/* The first line of a script, as much as the kernel looks at. */
#define SCRIPT_LINE 256

/* -- finding ------------------------------------------------------------------------ */

static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) ? -errno : 0;
}

static int find_in_path(const char *name, const char *list, char ret_path[PROGRAM_PATH])
{
	int err = -ENOENT;

	for (;;) {
		int length = (int)strcspn(list, ":");
		char path[PROGRAM_PATH];
		int n = snprintf(path, sizeof(path), "%.*s%s%s", length, list, length ? "/" : "./",
				 name);
		int here = n < PROGRAM_PATH ? check_executable(path) : -ENOENT;

		if (here == 0) {
			memcpy(ret_path, path, (size_t)n + 1);
			return 0;
		}
		if (here == -EACCES)
			err = here;
		if (!list[length])
			return err;
		list += length + 1;
	}
}

int program_find(const char *name, char ret_path[PROGRAM_PATH])
{
	const char *list = getenv("PATH");

	if (!*name)
		return -ENOENT;
	if (!strchr(name, '/'))
		return find_in_path(name, list ? list : "/bin:/usr/bin", ret_path);
	if (strlen(name) >= PROGRAM_PATH)
		return -ENAMETOOLONG;
	strcpy(ret_path, name);
	return check_executable(name);
}

/* -- ELF programs --------------------------------------------------------------------- */

static bool refuse(char why[PROGRAM_WHY], const char *path, const char *what)
{
	snprintf(why, PROGRAM_WHY, "%s: %s", path, what);
	return false;
}

/* The dynamic linker that the program asks for: true, and "" if none. */
static bool read_interpreter(int fd, const Elf64_Ehdr *header, char name[PROGRAM_PATH])
{
	name[0] = '\0';
	for (unsigned i = 0; i < header->e_phnum; i++) {
		off_t offset = (off_t)(header->e_phoff + (uint64_t)i * sizeof(Elf64_Phdr));
		Elf64_Phdr segment;
		ssize_t n;

		if (pread(fd, &segment, sizeof(segment), offset) != sizeof(segment))
			return false;
		if (segment.p_type != PT_INTERP)
			continue;
		if (segment.p_filesz == 0 || segment.p_filesz > PROGRAM_PATH)
			return false;
		n = pread(fd, name, segment.p_filesz, (off_t)segment.p_offset);
		if (n != (ssize_t)segment.p_filesz)
			return false;
		name[n - 1] = '\0';
		return true;
	}
	return true;
}

/* Would the dynamic linker see a program that gains privileges (AT_SECURE)? */
static bool gains_privilege(int fd)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) || fstatvfs(fd, &fs))
		return false;
	if ((fs.f_flag & ST_NOSUID) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return true;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
		return true;
	return getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static bool elf_is_pageable(int fd, const char *path, char why[PROGRAM_WHY])
{
	char interpreter[PROGRAM_PATH];
	Elf64_Ehdr header;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return refuse(why, path, "is damaged: its ELF header is cut off");
	if (header.e_ident[EI_CLASS] != ELFCLASS64)
		return refuse(why, path, "is a 32-bit program, which cannot be paged");
	if (header.e_machine != OUR_MACHINE)
		return refuse(why, path,
			      "is not a program for " OUR_MACHINE_NAME ", and cannot be paged");
	if (!read_interpreter(fd, &header, interpreter))
		return refuse(why, path, "is damaged: its program headers cannot be read");
	if (!interpreter[0])
		return refuse(why, path,
			      "is a static program, which cannot be paged: it loads no libraries");
	if (strstr(interpreter, "/ld-musl"))
		return refuse(why, path,
			      "is linked with musl, and cannot be paged: it needs to use glibc");
	if (gains_privilege(fd))
		return refuse(
			why, path,
			"is set-user-ID, set-group-ID or has file capabilities, and cannot be "
			"paged: such a program ignores LD_PRELOAD");
	return true;
}

/* -- scripts ---------------------------------------------------------------------------- */

static bool is_pageable(const char *path, unsigned depth, char why[PROGRAM_WHY]);

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The program that `env [-S] [NAME=VALUE]... PROGRAM` would execute, or NULL. */
static char *env_program(char **rest)
{
	char *word;

	while ((word = strsep(rest, " \t")))
		if (*word && *word != '-' && !strchr(word, '='))
			return word;
	return NULL;
}

/* line: behind "#!", ended by a NUL; is taken apart. */
static bool script_is_pageable(char *line, unsigned depth, char why[PROGRAM_WHY])
{
	char *rest = line + strspn(line, " \t");
	char *interpreter = strsep(&rest, " \t");
	char found[PROGRAM_PATH];
	char *program;

	if (!*interpreter || depth == 0)
		return true; /* exec will say what is wrong */
	if (strcmp(base_name(interpreter), "env") == 0) {
		program = env_program(&rest);
		if (program && program_find(program, found) == 0)
			return is_pageable(found, depth - 1, why);
	}
	return is_pageable(interpreter, depth - 1, why);
}

static bool is_pageable(const char *path, unsigned depth, char why[PROGRAM_WHY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char start[SCRIPT_LINE + 1] = { 0 };
	bool pageable = true;
	ssize_t n;

	if (fd < 0)
		return true; /* it may be executable without being readable */
	n = pread(fd, start, SCRIPT_LINE, 0);
	start[strcspn(start, "\n")] = '\0';
	if (n >= SELFMAG && memcmp(start, ELFMAG, SELFMAG) == 0)
		pageable = elf_is_pageable(fd, path, why);
	else if (n >= 2 && start[0] == '#' && start[1] == '!')
		pageable = script_is_pageable(start + 2, depth, why);
	close(fd);
	return pageable;
}

bool program_is_pageable(const char *path, char ret_why[PROGRAM_WHY])
{
	return is_pageable(path, SCRIPT_DEPTH, ret_why);
}
