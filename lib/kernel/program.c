/* SPDX-License-Identifier: MIT */
/* program.c - which file will be executed, and can it be paged?  See program.h */
#include "kernel/program.h"
#include "base/error.h"
#include "base/sys.h"
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

/* How many interpreters of interpreters the kernel follows (BINPRM_MAX...). */
#define SCRIPT_DEPTH 5

/* How much of a dynamic linker's path is read. */
#define INTERPRETER 128

/* How much of a script's first line the kernel looks at. */
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

/* directory/name, where directory has length bytes; false: too long. */
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

struct elf {
	int fd;
	Elf64_Ehdr header;
};

static bool read_at(const struct elf *elf, void *ret, size_t size, uint64_t offset)
{
	return sys_pread(elf->fd, ret, size, offset) == (long)size;
}

static bool read_segment(const struct elf *elf, unsigned i, Elf64_Phdr *ret)
{
	return read_at(elf, ret, sizeof(*ret), elf->header.e_phoff + (uint64_t)i * sizeof(*ret));
}

/* Reads the path of the dynamic linker that the program asks for, as much of it as fits, or "" if
 * it asks for none.  false: damaged. */
static bool read_interpreter(const struct elf *elf, char name[INTERPRETER])
{
	name[0] = '\0';
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		Elf64_Phdr segment;
		long n;

		if (!read_segment(elf, i, &segment))
			return false;
		if (segment.p_type != PT_INTERP)
			continue;
		n = sys_pread(elf->fd, name, INTERPRETER - 1, segment.p_offset);
		if (segment.p_filesz == 0 || n <= 0)
			return false;
		name[n] = '\0';
		return true;
	}
	return true;
}

/* The offset in the file of what will be loaded at address; 0: it is not in the file. */
static uint64_t offset_of(const struct elf *elf, uint64_t address)
{
	Elf64_Phdr segment;

	for (unsigned i = 0; i < elf->header.e_phnum && read_segment(elf, i, &segment); i++)
		if (segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_filesz)
			return address - segment.p_vaddr + segment.p_offset;
	return 0;
}

/* Offsets in the file of what the dynamic linker reads; 0: there is no such thing. */
struct dynamic {
	uint64_t entries, end;
	uint64_t names, symbols, hash;
};

static bool read_dynamic(const struct elf *elf, struct dynamic *ret)
{
	Elf64_Phdr segment;
	Elf64_Dyn entry;

	*ret = (struct dynamic){ 0 };
	for (unsigned i = 0; i < elf->header.e_phnum && read_segment(elf, i, &segment); i++)
		if (segment.p_type == PT_DYNAMIC) {
			ret->entries = segment.p_offset;
			ret->end = segment.p_offset + segment.p_filesz;
		}
	for (uint64_t at = ret->entries; at < ret->end; at += sizeof(entry)) {
		if (!read_at(elf, &entry, sizeof(entry), at) || entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_STRTAB)
			ret->names = offset_of(elf, entry.d_un.d_ptr);
		if (entry.d_tag == DT_SYMTAB)
			ret->symbols = offset_of(elf, entry.d_un.d_ptr);
		if (entry.d_tag == DT_GNU_HASH)
			ret->hash = offset_of(elf, entry.d_un.d_ptr);
	}
	return ret->names != 0;
}

/* -- sanitizers */

/* gcc links a sanitizer's runtime as a library; clang links it into the program, which then exports
 * this function. */
static const struct sanitizer {
	const char *name, *function, *obstacle;
} sanitizers[] = {
#define SANITIZER(name, option)                                               \
	{                                                                     \
#name, "__" #name "_init",                                    \
			"is built with -fsanitize=" option                    \
			", and cannot be paged: that has a malloc of its own" \
	}
	SANITIZER(asan, "address"),	SANITIZER(tsan, "thread"), SANITIZER(lsan, "leak"),
	SANITIZER(hwasan, "hwaddress"), SANITIZER(msan, "memory"),
};
#define SANITIZERS (sizeof(sanitizers) / sizeof(sanitizers[0]))

static const char *behind(const char *text, const char *start)
{
	size_t n = strlen(start);

	return strncmp(text, start, n) == 0 ? text + n : NULL;
}

/* libasan.so.8, libclang_rt.asan-x86_64.so */
static bool is_runtime(const char *library, const struct sanitizer *sanitizer)
{
	const char *rest = behind(library, "libclang_rt.");

	if (!rest)
		rest = behind(library, "lib");
	rest = rest ? behind(rest, sanitizer->name) : NULL;
	return rest && (*rest == '.' || *rest == '-');
}

/* elf_object.c explains the table of hashes. */
static bool exports(const struct elf *elf, const struct dynamic *dynamic, const char *function)
{
	uint32_t table[4], hash = 5381, i, its;
	uint64_t buckets, chain;
	Elf64_Sym symbol;
	char name[24] = "";

	for (const char *p = function; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	if (!read_at(elf, table, sizeof(table), dynamic->hash) || !table[0])
		return false;
	buckets = dynamic->hash + sizeof(table) + (uint64_t)table[2] * 8;
	chain = buckets + (uint64_t)table[0] * sizeof(i);
	if (!read_at(elf, &i, sizeof(i), buckets + (uint64_t)(hash % table[0]) * sizeof(i)))
		return false;
	for (; i >= table[1]; i++) {
		if (!read_at(elf, &its, sizeof(its), chain + (uint64_t)(i - table[1]) * sizeof(i)))
			return false;
		if ((its | 1) == (hash | 1) &&
		    read_at(elf, &symbol, sizeof(symbol),
			    dynamic->symbols + (uint64_t)i * sizeof(symbol)) &&
		    sys_pread(elf->fd, name, sizeof(name) - 1, dynamic->names + symbol.st_name) >
			    0 &&
		    strcmp(name, function) == 0)
			return true;
		if (its & 1)
			return false;
	}
	return false;
}

static const char *sanitizer_needed(const struct elf *elf, const struct dynamic *dynamic)
{
	char library[24] = "";
	Elf64_Dyn entry;

	for (uint64_t at = dynamic->entries; at < dynamic->end; at += sizeof(entry)) {
		if (!read_at(elf, &entry, sizeof(entry), at) || entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag != DT_NEEDED || sys_pread(elf->fd, library, sizeof(library) - 1,
							  dynamic->names + entry.d_un.d_val) <= 0)
			continue;
		for (unsigned i = 0; i < SANITIZERS; i++)
			if (is_runtime(library, &sanitizers[i]))
				return sanitizers[i].obstacle;
	}
	return NULL;
}

static const char *sanitizer_obstacle(const struct elf *elf)
{
	struct dynamic dynamic;
	const char *obstacle;

	if (!read_dynamic(elf, &dynamic))
		return NULL;
	obstacle = sanitizer_needed(elf, &dynamic);
	for (unsigned i = 0; !obstacle && dynamic.hash && dynamic.symbols && i < SANITIZERS; i++)
		if (exports(elf, &dynamic, sanitizers[i].function))
			obstacle = sanitizers[i].obstacle;
	return obstacle;
}

/* -- obstacles */

/* Would the dynamic linker take this for a program that gains privileges (AT_SECURE)? */
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
	struct elf elf = { .fd = fd };

	if (!read_at(&elf, &elf.header, sizeof(elf.header), 0))
		return "is damaged: its ELF header is cut off";
	if (elf.header.e_ident[EI_CLASS] != ELFCLASS64)
		return "is a 32-bit program, which cannot be paged";
	if (elf.header.e_machine != OUR_MACHINE)
		return "is not a program for " OUR_MACHINE_NAME ", and cannot be paged";
	if (!read_interpreter(&elf, interpreter))
		return "is damaged: its program headers cannot be read";
	if (!interpreter[0])
		return "is a static program, which cannot be paged: it loads no libraries";
	if (strstr(interpreter, "/ld-musl"))
		return "is linked with musl, and cannot be paged: only glibc is supported";
	if (gains_privilege(fd))
		return "is set-user-ID or set-group-ID, or has file capabilities, and cannot be "
		       "paged: such a program ignores LD_PRELOAD";
	return sanitizer_obstacle(&elf);
}

/* -- scripts ---------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The program that `env [-S] [NAME=VALUE]...  PROGRAM` would execute, or NULL. */
static char *env_program(char **rest)
{
	char *word;

	while ((word = strsep(rest, " \t")))
		if (*word && *word != '-' && !strchr(word, '='))
			return word;
	return NULL;
}

/* The program that a script's first line would execute.  line starts after "#!", ends with a NUL,
 * and is taken apart.  NULL: exec will say what is wrong. */
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

/* Looks at one file.  Returns its obstacle, or NULL; ret_next is the program to look at next if the
 * file is a script, else "". */
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

bool program_obstacle_is_fatal(const char *obstacle)
{
	for (unsigned i = 0; i < SANITIZERS; i++)
		if (obstacle == sanitizers[i].obstacle)
			return true;
	return false;
}
