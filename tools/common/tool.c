/* SPDX-License-Identifier: MIT */
/* tool.c - what all subcommands say and read alike: see tool.h */
#include "common/tool.h"
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __attribute__((format(printf, 2, 0)))
print_line(const char *kind, const char *format, va_list list)
{
	char line[8192];

	vsnprintf(line, sizeof(line), format, list);
	fprintf(stderr, "spill: %s%s\n", kind, line);
}

int tool_fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_line("", format, list);
	va_end(list);
	return EXIT_SPILL;
}

void tool_warn(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_line("warning: ", format, list);
	va_end(list);
}

int tool_help(const char *text)
{
	fputs(text, stdout);
	return fflush(stdout) ? tool_fail("stdout: %s", strerror(errno)) : 0;
}

/* argv[0] is the subcommand's name: main has seen to that. */
int tool_bad_option(char **argv, int c)
{
	const char *word = argv[optind - 1], *name = argv[0];

	if (c == ':')
		return tool_fail("%s needs a value; see `spill %s --help'", word, name);
	if (optopt && optopt < 256)
		return tool_fail("-%c: no such option; see `spill %s --help'", optopt, name);
	if (optopt)
		return tool_fail("%s takes no value; see `spill %s --help'", word, name);
	return tool_fail("%s: no such option; see `spill %s --help'", word, name);
}

int tool_parse_pid(const char *text, uint32_t *ret_pid)
{
	char *end;
	unsigned long pid = strtoul(text, &end, 10);

	if (end == text || *end || *text == '-' || *text == '+' || !pid || pid > INT32_MAX)
		return -EINVAL;
	*ret_pid = (uint32_t)pid;
	return 0;
}

int tool_parse_interval(const char *text, double *ret_seconds)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0.01 && seconds <= 86400))
		return -EINVAL;
	*ret_seconds = seconds;
	return 0;
}

const char *tool_user_name(uint32_t user, char text[16])
{
	static char name[9];
	static uint32_t known = UINT32_MAX;
	const struct passwd *entry;

	/* Most processes belong to one user, whose name is looked up once. */
	if (user != known) {
		known = user;
		entry = getpwuid(user);
		snprintf(name, sizeof(name), "%s",
			 entry && strlen(entry->pw_name) < sizeof(name) ? entry->pw_name : "");
	}
	if (name[0])
		snprintf(text, 16, "%s", name);
	else
		snprintf(text, 16, "%u", user);
	return text;
}
