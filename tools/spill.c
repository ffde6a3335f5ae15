/* SPDX-License-Identifier: MIT */
/* spill.c - spill(1): finds the subcommand */
#include "config.h"
#include "tools.h"
#include <stdarg.h>
#include <string.h>

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *what;
} subcommands[] = {
	{ "run", run_main, "run a command in less memory than it needs" },
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

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

static int print_help(void)
{
	puts("Usage: spill SUBCOMMAND [OPTION]... [ARGUMENT]...\n"
	     "       spill --help | --version\n"
	     "\n"
	     "Lets programs use more memory than they are given: what does not fit goes to\n"
	     "swap space of their own.\n"
	     "\n"
	     "Subcommands:");
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		printf("  %-10s %s\n", subcommands[i].name, subcommands[i].what);
	puts("\n"
	     "`spill SUBCOMMAND --help' tells the options; the manual is spill(1), and spill(7)\n"
	     "explains the words.");
	return 0;
}

static int print_version(void)
{
	puts("spill " PACKAGE_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name)
		return tool_fail("no subcommand is given; see `spill --help'");
	if (strcmp(name, "--help") == 0)
		return print_help();
	if (strcmp(name, "--version") == 0)
		return print_version();
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (strcmp(name, subcommands[i].name) == 0)
			return subcommands[i].main(argc - 1, argv + 1);
	return tool_fail("%s: there is no such %s; see `spill --help'", name,
			 name[0] == '-' ? "option" : "subcommand");
}
