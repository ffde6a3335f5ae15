/* SPDX-License-Identifier: MIT */
/* exec.c - execve(2) and its kin: warns when a program will not be paged
 *
 * The new program is paged because LD_PRELOAD is in its environment; it has its part of the same
 * budget.  A static program, one that gains privileges, and one with a new environment do not load
 * us.  They run unpaged, and a line says so, unless --quiet.  They are not handed the command's
 * named swap either.  A program with a sanitizer would load us and then fail, so it gets an
 * environment without us.
 *
 * All of this may also be called between vfork and exec: nothing is allocated, and the next
 * functions are looked up beforehand.
 */
#define _GNU_SOURCE 1
#include "command/command.h"
#include "base/error.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "kernel/program.h"
#include "base/sys.h"
#include <alloca.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define PRELOAD_NAME "libspill-preload.so"

static void *_Atomic next_execve, *_Atomic next_execvpe;

typedef int (*execve_function)(const char *path, char *const argv[], char *const envp[]);

static execve_function real_execve(void)
{
	return (execve_function)next_of(&next_execve, "execve");
}

static execve_function real_execvpe(void)
{
	return (execve_function)next_of(&next_execvpe, "execvpe");
}

__attribute__((constructor)) static void look_up(void)
{
	real_execve();
	real_execvpe();
}

/* -- warning -------------------------------------------------------------------------- */

static bool has_preload(char *const envp[])
{
	for (; envp && *envp; envp++)
		if (strncmp(*envp, "LD_PRELOAD=", 11) == 0)
			return strstr(*envp, PRELOAD_NAME) != NULL;
	return false;
}

/* Will the program load us?  If not, prints a line.  *ret_obstacle is what program_obstacle
 * says. */
static bool will_page(const char *path, char *const envp[], const char **ret_obstacle)
{
	char found[PROGRAM_PATH];

	*ret_obstacle = NULL;
	if (sys_call3(SYS_faccessat, AT_FDCWD, path, X_OK) < 0)
		return true; /* exec will fail */
	*ret_obstacle = program_obstacle(path, found);
	if (*ret_obstacle)
		error_report(EVENT_CHILD_UNPAGED, "%s runs without spill: it %s", found,
			     *ret_obstacle);
	else if (!has_preload(envp))
		error_report(EVENT_CHILD_UNPAGED,
			     "%s runs without spill: its environment has no LD_PRELOAD", path);
	return !*ret_obstacle && has_preload(envp);
}

/* A process that has retired hands nothing on any more, and makes no calls that the program's
 * filter may not know. */
bool exec_begin(const char *path, char *const envp[])
{
	const char *obstacle;

	if (preload_retired)
		return true;
	command_hand_on(will_page(path, envp, &obstacle));
	return !program_obstacle_is_fatal(obstacle);
}

bool exec_begin_name(const char *name, char *const envp[])
{
	char found[PROGRAM_PATH];

	return preload_retired || program_find(name, found) != 0 || exec_begin(found, envp);
}

void exec_end(void)
{
	if (!preload_retired)
		command_hand_on(true);
}

/* -- without us ------------------------------------------------------------------------- */

#define LIST "LD_PRELOAD="

static bool is_list(const char *variable)
{
	return strncmp(variable, LIST, strlen(LIST)) == 0;
}

/* Is this path, of that length, our library's? */
static bool is_ours(const char *path, size_t length)
{
	size_t name = strlen(PRELOAD_NAME);

	return length >= name && strncmp(path + length - name, PRELOAD_NAME, name) == 0;
}

size_t exec_strip_size(char *const envp[])
{
	size_t n = 1, text = 0;

	for (; envp && *envp; envp++, n++)
		if (is_list(*envp))
			text += strlen(*envp) + 1;
	return n * sizeof(*envp) + text;
}

/* Copies the list without us; false: nothing is left. */
static bool strip_list(char *to, const char *from)
{
	char *end = to + strlen(LIST);

	memcpy(to, from, strlen(LIST));
	for (from += strlen(LIST); *from; from += strspn(from, ": ")) {
		size_t length = strcspn(from, ": ");

		if (length && !is_ours(from, length)) {
			if (end > to + strlen(LIST))
				*end++ = ':';
			memcpy(end, from, length);
			end += length;
		}
		from += length;
	}
	*end = '\0';
	return end > to + strlen(LIST);
}

/* Writes the array into room, followed by the lists that were changed. */
char *const *exec_strip(void *room, char *const envp[])
{
	char **to = room, *text;
	size_t n = 0;

	while (envp && envp[n])
		n++;
	text = (char *)(to + n + 1);
	for (size_t i = 0; i < n; i++) {
		if (!is_list(envp[i])) {
			*to++ = envp[i];
		} else if (strip_list(text, envp[i])) {
			*to++ = text;
			text += strlen(text) + 1;
		}
	}
	*to = NULL;
	return room;
}

/* -- the functions --------------------------------------------------------------------- */

/* The result of an exec that failed: one that succeeds does not return. */
static int failed(int ret)
{
	exec_end();
	return ret;
}

PRELOAD_API int execve(const char *path, char *const argv[], char *const envp[])
{
	bool as_it_is = exec_begin(path, envp);

	return failed(real_execve()(path, argv, EXEC_ENVIRONMENT(as_it_is, envp)));
}

PRELOAD_API int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

PRELOAD_API int execvpe(const char *name, char *const argv[], char *const envp[])
{
	bool as_it_is = exec_begin_name(name, envp);

	return failed(real_execvpe()(name, argv, EXEC_ENVIRONMENT(as_it_is, envp)));
}

PRELOAD_API int execvp(const char *name, char *const argv[])
{
	return execvpe(name, argv, environ);
}

PRELOAD_API int execveat(int dir, const char *path, char *const argv[], char *const envp[],
			 int flags)
{
	char at[PROGRAM_PATH];
	bool as_it_is;

	if (dir == AT_FDCWD || *path == '/')
		error_format(at, sizeof(at), "%s", path);
	else
		error_format(at, sizeof(at), "/proc/self/fd/%d%s%s", dir, *path ? "/" : "", path);
	as_it_is = exec_begin(at, envp);
	return failed((int)to_errno(
		sys_call5(SYS_execveat, dir, path, argv, EXEC_ENVIRONMENT(as_it_is, envp), flags)));
}

PRELOAD_API int fexecve(int fd, char *const argv[], char *const envp[])
{
	return execveat(fd, "", argv, envp, AT_EMPTY_PATH);
}

/* -- with a list of arguments ------------------------------------------------------------- */

/* How many there are before the NULL. */
static size_t count_arguments(const char *first, va_list list)
{
	size_t n = 0;

	for (const char *p = first; p; p = va_arg(list, const char *))
		n++;
	return n;
}

/* The arguments, and the NULL. */
static void take_arguments(char **argv, const char *first, va_list *list)
{
	const char *p = first;

	for (; p; p = va_arg(*list, const char *))
		*argv++ = (char *)(uintptr_t)p;
	*argv = NULL;
}

/* Makes the arguments from `first' on an array on the stack, since nothing may be allocated here.
 * The list is left just after their NULL. */
#define TAKE_ARGUMENTS(argv, first, list)                                            \
	do {                                                                         \
		va_start(list, first);                                               \
		(argv) = alloca((count_arguments(first, list) + 1) * sizeof(*argv)); \
		va_end(list);                                                        \
		va_start(list, first);                                               \
		take_arguments(argv, first, &(list));                                \
	} while (0)

PRELOAD_API int execl(const char *path, const char *first, ...)
{
	char **argv;
	va_list list;

	TAKE_ARGUMENTS(argv, first, list);
	va_end(list);
	return execve(path, argv, environ);
}

PRELOAD_API int execlp(const char *name, const char *first, ...)
{
	char **argv;
	va_list list;

	TAKE_ARGUMENTS(argv, first, list);
	va_end(list);
	return execvpe(name, argv, environ);
}

PRELOAD_API int execle(const char *path, const char *first, ...)
{
	char *const *envp;
	char **argv;
	va_list list;

	TAKE_ARGUMENTS(argv, first, list);
	envp = va_arg(list, char *const *);
	va_end(list);
	return execve(path, argv, envp);
}
