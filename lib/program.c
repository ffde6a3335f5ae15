/* SPDX-License-Identifier: MIT */
/* program.c - which file will be executed, and can it be paged: see program.h */
#include "program.h"
#include "error.h"
#include "sys.h"
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
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

/* What is read of the path of a dynamic linker. */
#define INTERPRETER 128

/* The first line of a script, as much as the kernel looks at. */
#define SCRIPT_LINE 256

/* -- finding ------------------------------------------------------------------------ */

static int check_executable(const char *path)
{
	struct stat st;
	int err = (int)sys_call4(SYS_newfstatat, AT_FDCWD, path, &st, 0);

	if (err)
		return err;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return (int)sys_call3(SYS_faccessat, AT_FDCWD, path, X_OK);
}

/* NAME in the directory of that length; false: too long. */
static bool join(char ret[PROGRAM_PATH], const char *directory, size_t length, const char *name)
{
	size_t name_size = strlen(name) + 1;

	if (length == 0) {
		directory = ".";
		length = 1;
	}
	if (length + 1 + name_size > PROGRAM_PATH)
		return false;
	memcpy(ret, directory, length);
	ret[length] = '/';
	memcpy(ret + length + 1, name, name_size);
	return true;
}

static int find_in_path(const char *name, const char *list, char ret_path[PROGRAM_PATH])
{
	int err = -ENOENT;

	for (;;) {
		size_t length = strcspn(list, ":");
		int here = -ENOENT;

		if (join(ret_path, list, length, name))
			here = check_executable(ret_path);
		if (here == 0)
			return 0;
		if (here == -EACCES)
			err = here;
		if (!list[length])
			return err;
		list += length + 1;
	}
}

int program_find(const char *name, char ret_path[PROGRAM_PATH])
{
	const char *list = secure_getenv("PATH");

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

/* The dynamic linker that the program asks for (as much of its path as there is room
 * for): true, and "" if none. */
static bool read_interpreter(int fd, const Elf64_Ehdr *header, char name[INTERPRETER])
{
	name[0] = '\0';
	for (unsigned i = 0; i < header->e_phnum; i++) {
		uint64_t offset = header->e_phoff + (uint64_t)i * sizeof(Elf64_Phdr);
		Elf64_Phdr segment;
		long n;

		if (sys_pread(fd, &segment, sizeof(segment), offset) != sizeof(segment))
			return false;
		if (segment.p_type != PT_INTERP)
			continue;
		n = sys_pread(fd, name, INTERPRETER - 1, segment.p_offset);
		if (segment.p_filesz == 0 || n <= 0)
			return false;
		name[n] = '\0';
		return true;
	}
	return true;
}

/* Would the dynamic linker see a program that gains privileges (AT_SECURE)? */
static bool gains_privilege(int fd)
{
	uint32_t user = (uint32_t)sys_call0(SYS_getuid);
	struct statfs fs;
	struct stat st;

	if (sys_call2(SYS_fstat, fd, &st) < 0 || sys_call2(SYS_fstatfs, fd, &fs) < 0)
		return false;
	if ((fs.f_flags & ST_NOSUID) || sys_call5(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != user)
		return true;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
	    st.st_gid != (uint32_t)sys_call0(SYS_getgid))
		return true;
	return user != 0 && sys_call4(SYS_fgetxattr, fd, "security.capability", NULL, 0) > 0;
}

static const char *elf_obstacle(int fd)
{
	char interpreter[INTERPRETER];
	Elf64_Ehdr header;

	if (sys_pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return "is damaged: its ELF header is cut off";
	if (header.e_ident[EI_CLASS] != ELFCLASS64)
		return "is a 32-bit program, which cannot be paged";
	if (header.e_machine != OUR_MACHINE)
		return "is not a program for " OUR_MACHINE_NAME ", and cannot be paged";
	if (!read_interpreter(fd, &header, interpreter))
		return "is damaged: its program headers cannot be read";
	if (!interpreter[0])
		return "is a static program, which cannot be paged: it loads no libraries";
	if (strstr(interpreter, "/ld-musl"))
		return "is linked with musl, and cannot be paged: it needs to use glibc";
	if (gains_privilege(fd))
		return "is set-user-ID, set-group-ID or has file capabilities, and cannot be "
		       "paged: such a program ignores LD_PRELOAD";
	return NULL;
}

/* -- scripts ---------------------------------------------------------------------------- */

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

/* What a script's first line (behind "#!", ended by a NUL; it is taken apart) has executed;
 * NULL: exec will say what is wrong. */
static const char *script_program(char *line, char ret_found[PROGRAM_PATH])
{
	char *rest = line + strspn(line, " \t");
	char *interpreter = strsep(&rest, " \t");
	char *program;

	if (strcmp(base_name(interpreter), "env") == 0) {
		program = env_program(&rest);
		if (program && program_find(program, ret_found) == 0)
			return ret_found;
	}
	if (!*interpreter || strlen(interpreter) >= PROGRAM_PATH)
		return NULL;
	return strcpy(ret_found, interpreter);
}

/* One file: NULL and "", what stands in its way, or the program that it is a script for. */
static const char *look(const char *path, char ret_next[PROGRAM_PATH])
{
	int fd = sys_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	char start[SCRIPT_LINE + 1] = { 0 };
	const char *obstacle = NULL;
	long n;

	ret_next[0] = '\0';
	if (fd < 0)
		return NULL; /* it may be executable without being readable */
	n = sys_pread(fd, start, SCRIPT_LINE, 0);
	start[strcspn(start, "\n")] = '\0';
	if (n >= SELFMAG && memcmp(start, ELFMAG, SELFMAG) == 0)
		obstacle = elf_obstacle(fd);
	else if (n >= 2 && start[0] == '#' && start[1] == '!' &&
		 !script_program(start + 2, ret_next))
		ret_next[0] = '\0';
	sys_close(fd);
	return obstacle;
}

const char *program_obstacle(const char *path, char ret_path[PROGRAM_PATH])
{
	const char *obstacle = look(path, ret_path);

	for (unsigned depth = 0; ret_path[0] && depth < SCRIPT_DEPTH; depth++) {
		char interpreter[PROGRAM_PATH];

		strcpy(interpreter, ret_path);
		obstacle = look(interpreter, ret_path);
		if (obstacle) {
			strcpy(ret_path, interpreter);
			return obstacle;
		}
	}
	if (obstacle && strlen(path) < PROGRAM_PATH)
		strcpy(ret_path, path);
	return obstacle;
}
