/* SPDX-License-Identifier: MIT */
/* spill.c - spill(1): finds the subcommand */
#include "config.h"
#include "tools.h"
#include "base/page.h"
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *what;
} subcommands[] = {
	{ "run", run_main, "run a command in less memory than it needs" },
	{ "doctor", doctor_main, "check that everything is there, and say how to get what is not" },
	{ "map", map_main, "show where each page of a process is" },
	{ "ps", ps_main, "list the processes that run under spill" },
	{ "set", set_main, "change the budget of a command, or pause it, while it runs" },
	{ "stat", stat_main, "report what their pagers do, as vmstat does for the kernel" },
	{ "swap", swap_main, "make a swap file, measure its speed, show who uses it" },
	{ "top", top_main, "show processes, budgets and the last minute on the whole screen" },
	{ "trace", trace_main, "record how a command uses its memory" },
	{ "report", report_main, "show how much memory a recorded program needs" },
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

int tool_help(const char *text)
{
	fputs(text, stdout);
	return fflush(stdout) ? tool_fail("stdout: %s", strerror(errno)) : 0;
}

/* The subcommand's name: main saw to it that it is argv[0]. */
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

	/* Most processes are of one user: he is looked up once. */
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

int tool_fail_attach(const char *pid, int err)
{
	if (err == -ESRCH)
		return tool_fail("process %s does not exist", pid);
	if (err == -EACCES)
		return tool_fail("process %s belongs to another user: only that user and root may "
				 "look at it",
				 pid);
	if (err == -ENOENT)
		return tool_fail("process %s does not run under spill", pid);
	if (err == -ENODATA)
		return tool_fail("process %s is not paged: its memory fits, and is plain", pid);
	if (err == -ETIMEDOUT)
		return tool_fail("process %s does not answer: it is stopped, or gets no CPU", pid);
	return tool_fail("%s: %s", pid, strerror(-err));
}

static int print_help(void)
{
	puts("Usage: spill SUBCOMMAND [OPTION]... [ARGUMENT]...\n"
	     "       spill --help | --version\n"
	     "\n"
	     "Lets programs use more memory than they are given: what does not fit goes to\n"
	     "swap space of their own, and comes back when it is touched.\n"
	     "\n"
	     "Subcommands:");
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		printf("  %-10s %s\n", subcommands[i].name, subcommands[i].what);
	puts("\n"
	     "`spill SUBCOMMAND --help' lists the options; the manual is spill(1), and spill(7)\n"
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

	page_init();
	if (!name)
		return tool_fail("no subcommand is given; see `spill --help'");
	if (strcmp(name, "--help") == 0)
		return print_help();
	if (strcmp(name, "--version") == 0)
		return print_version();
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (strcmp(name, subcommands[i].name) == 0)
			return subcommands[i].main(argc - 1, argv + 1);
	return tool_fail("%s: no such %s; see `spill --help'", name,
			 name[0] == '-' ? "option" : "subcommand");
}
