/* SPDX-License-Identifier: MIT */
/* run.c - spill run: runs a command in less memory than it needs
 *
 * The work is done by libspill-preload.so in the command's processes.  What is
 * done here: to find out, before anything runs, whether all that they need is
 * there; to say so if it is not; and to leave it in the environment (options)
 * and in open descriptors (command.h).  Then the command takes the place of
 * this process, unless someone has to wait for its end.
 */
#include "config.h"
#include "tools.h"
#include "bell.h"
#include "cipher.h"
#include "command.h"
#include "error.h"
#include "fd.h"
#include "page.h"
#include "pool.h"
#include "probe.h"
#include "program.h"
#include "size.h"
#include "sys.h"
#include "target.h"
#include "uffd.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SPILL_FD_SWAP: a path and some numbers for each named target. */
#define SWAP_TEXT_SIZE 16384

struct run {
	/* what the command line says; zero: nothing */
	struct spill_options given;
	char swap[4096];    /* the -s, joined by ';' */
	bool no_overcommit; /* --overcommit 0, which 0 in given does not say */
	bool stats, json;
	const char *stats_path; /* NULL: stderr */
	char **argv;		/* the command */
	/* what comes of it */
	struct options options;
	char preload[PROGRAM_PATH];
	char program[PROGRAM_PATH];
	char userfaultfd_text[COMMAND_FD_TEXT]; /* "": by the system call */
	char budget_text[2 * COMMAND_FD_TEXT];
	char stats_text[COMMAND_FD_TEXT];
	char swap_text[SWAP_TEXT_SIZE];
	int bell; /* what its processes listen to */
	struct pool *pool;
	struct stats_table *table; /* NULL: it is counted in that of an outer `spill run' */
	int stats_fd;		   /* of stats_path, or -1 */
};

/* -- options ------------------------------------------------------------------------------ */

static const char help[] =
	"Usage: spill run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	"\n"
	"Runs COMMAND so that its processes together hold no more memory than the budget;\n"
	"what does not fit goes to swap space, and comes back when it is touched.\n"
	"\n"
	"  -m, --budget SIZE|N%    memory for the command: 512M, 1.5G, or a part of the\n"
	"                          cgroup's limit or the machine's memory (default: 80 % of\n"
	"                          the cgroup's limit, else half of what is available)\n"
	"  -s, --swap TARGET       where pages go: DIRECTORY, FILE or DEVICE, with [,pri=N]\n"
	"                          and [,limit=SIZE]; may be given several times (default:\n"
	"                          $TMPDIR if it is on a disk, else /var/tmp)\n"
	"      --overcommit SIZE   how far the budget may be passed when swap space is full\n"
	"                          (default: 0)\n"
	"      --strict            no memory without swap space for all of it\n"
	"      --encrypt           encrypt what goes to swap space; the key is in memory only\n"
	"      --handlers N        threads that serve page faults, 1 to 4 (default: one for\n"
	"                          each CPU)\n"
	"      --stall-warning N   say what a page fault waits for after so many seconds\n"
	"                          (default: 10; 0: never)\n"
	"      --disable LIST      do without some of move,uring,direct,poison,spin,\n"
	"                          taskrun\n"
	"      --stats[=FILE]      print what was paged when the command has ended, on stderr\n"
	"                          or into FILE\n"
	"      --json              the same for programs (implies --stats)\n"
	"      --quiet             no warnings\n"
	"      --help              print this, and exit\n"
	"\n"
	"The exit status is the command's (128 and the signal's number if one killed it), or\n"
	"125 if spill fails, 126 if COMMAND cannot be executed, 127 if it is not found.\n"
	"\n"
	"SPILL_BUDGET, SPILL_SWAP, SPILL_OVERCOMMIT, SPILL_STRICT, SPILL_ENCRYPT,\n"
	"SPILL_HANDLERS, SPILL_STALL_WARNING, SPILL_DISABLE and SPILL_QUIET in the environment\n"
	"stand for the options that are not given.\n";

enum {
	OPTION_OVERCOMMIT = 256,
	OPTION_STRICT,
	OPTION_ENCRYPT,
	OPTION_HANDLERS,
	OPTION_STALL_WARNING,
	OPTION_DISABLE,
	OPTION_STATS,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_HELP
};

static const struct option long_options[] = {
	{ "budget", required_argument, NULL, 'm' },
	{ "swap", required_argument, NULL, 's' },
	{ "overcommit", required_argument, NULL, OPTION_OVERCOMMIT },
	{ "strict", no_argument, NULL, OPTION_STRICT },
	{ "encrypt", no_argument, NULL, OPTION_ENCRYPT },
	{ "handlers", required_argument, NULL, OPTION_HANDLERS },
	{ "stall-warning", required_argument, NULL, OPTION_STALL_WARNING },
	{ "disable", required_argument, NULL, OPTION_DISABLE },
	{ "stats", optional_argument, NULL, OPTION_STATS },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

#define SIZE_HINT "is not a size (such as 512M, 2G or 80%%)"

static bool is_zero(const char *text)
{
	return text[0] == '0' && strspn(text, "0") == strlen(text);
}

static int set_budget(struct run *run, const char *text)
{
	uint64_t bytes = 0;

	if (!is_zero(text) && size_parse(text, probe_memory_whole(), &bytes))
		return tool_fail("--budget: %s " SIZE_HINT, text);
	if (bytes < SPILL_BUDGET_MIN)
		return tool_fail("--budget: %s is less than the least budget, 8M", text);
	run->given.budget = bytes;
	return 0;
}

static int add_swap(struct run *run, const char *text)
{
	size_t length = strlen(run->swap);
	struct target target;
	const char *list = text;

	while (*list)
		if (target_next(&list, &target) < 0)
			return tool_fail("--swap: %s is not TARGET[,pri=N][,limit=SIZE]", text);
	if (list == text)
		return tool_fail("--swap: no target is given");
	if (length + strlen(text) + 2 > sizeof(run->swap))
		return tool_fail("--swap: too many targets");
	snprintf(run->swap + length, sizeof(run->swap) - length, "%s%s", length ? ";" : "", text);
	run->given.swap = run->swap;
	return 0;
}

static int set_overcommit(struct run *run, const char *text)
{
	uint64_t bytes = 0;

	if (!is_zero(text) && size_parse(text, probe_memory_whole(), &bytes))
		return tool_fail("--overcommit: %s " SIZE_HINT, text);
	run->given.overcommit = bytes;
	run->no_overcommit = bytes == 0;
	return 0;
}

static int set_handlers(struct run *run, const char *text)
{
	if (options_parse_handlers(text, &run->given.handlers))
		return tool_fail("--handlers: %s is not a number from 1 to %d", text, HANDLERS_MAX);
	return 0;
}

static int set_stall_warning(struct run *run, const char *text)
{
	unsigned seconds;

	if (options_parse_stall_warning(text, &seconds))
		return tool_fail("--stall-warning: %s is not a number of seconds, at most a day",
				 text);
	run->given.stall_warning = seconds ? seconds : UINT_MAX;
	return 0;
}

static int set_disable(struct run *run, const char *text)
{
	unsigned disable;

	if (options_parse_disable(text, &disable))
		return tool_fail(
			"--disable: %s is not a list of move, uring, direct, poison, spin, taskrun",
			text);
	run->given.disable |= disable;
	return 0;
}

static int parse_option(struct run *run, char **argv, int c)
{
	switch (c) {
	case 'm':
		return set_budget(run, optarg);
	case 's':
		return add_swap(run, optarg);
	case OPTION_OVERCOMMIT:
		return set_overcommit(run, optarg);
	case OPTION_STRICT:
		run->given.strict = 1;
		return 0;
	case OPTION_ENCRYPT:
		run->given.encrypt = 1;
		return 0;
	case OPTION_HANDLERS:
		return set_handlers(run, optarg);
	case OPTION_STALL_WARNING:
		return set_stall_warning(run, optarg);
	case OPTION_DISABLE:
		return set_disable(run, optarg);
	case OPTION_STATS:
		run->stats = true;
		run->stats_path = optarg;
		return 0;
	case OPTION_JSON:
		run->stats = run->json = true;
		return 0;
	case OPTION_QUIET:
		run->given.quiet = 1;
		return 0;
	default:
		return tool_bad_option(argv, c);
	}
}

/* 0, an exit status, or -1: help was asked for. */
static int parse(struct run *run, int argc, char **argv)
{
	int c, status = 0;

	opterr = 0;
	while (!status && (c = getopt_long(argc, argv, "+:m:s:", long_options, NULL)) != -1) {
		if (c == OPTION_HELP)
			return -1;
		status = parse_option(run, argv, c);
	}
	run->argv = argv + optind;
	if (!status && !run->argv[0])
		status = tool_fail("no command is given; see `spill run --help'");
	return status;
}

/* -- the command ------------------------------------------------------------------------------ */

static int cannot_execute(const char *name, int err)
{
	tool_fail("%s: %s", name, err == -ENOENT ? "command not found" : strerror(-err));
	return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static int find_program(struct run *run)
{
	int err = program_find(run->argv[0], run->program);
	char path[PROGRAM_PATH];
	const char *obstacle;

	if (err)
		return cannot_execute(run->argv[0], err);
	obstacle = program_obstacle(run->program, path);
	if (obstacle)
		return tool_fail("%s: %s", path, obstacle);
	return 0;
}

/* -- swap space -------------------------------------------------------------------------------- */

/* Writes "FD:OWNERS:OFFSET:LIMIT:KEPT:PRIORITY:PATH" behind what is in swap_text. */
static int describe_swap(struct run *run, const struct target *target,
			 const struct target_file *file)
{
	char file_text[COMMAND_FD_TEXT], owners_text[COMMAND_FD_TEXT];
	size_t length = strlen(run->swap_text);
	int err = command_hand(file->fd, file_text);
	int n;

	if (!err)
		err = command_hand(file->owners_fd, owners_text);
	if (err)
		return err;
	n = snprintf(run->swap_text + length, sizeof(run->swap_text) - length,
		     "%s%s:%s:%lu:%lu:%d:%d:%s", length ? ";" : "", file_text, owners_text,
		     file->offset, file->limit, file->kept, file->priority, target->path);
	return (size_t)n < sizeof(run->swap_text) - length ? 0 : -E2BIG;
}

/* A named file stays open for the command. */
static int share_swap(struct run *run, const struct target *target, struct target_file *file)
{
	int err = describe_swap(run, target, file);

	return err ? tool_fail("%s: %s", target->path, error_name(err)) : 0;
}

static int prepare_target(struct run *run, const struct target *target)
{
	bool direct = !(run->options.disable & SPILL_FEATURE_DIRECT);
	struct target_file file;
	const char *why;

	if (target_open(target, direct, &file, &why))
		return tool_fail("%s", why);
	if (file.tmpfs && !run->options.quiet)
		tool_warn("%s lies in memory (tmpfs): what is paged out to it still takes memory",
			  target->path);
	if (file.kind != TARGET_DIRECTORY)
		return share_swap(run, target, &file);
	target_close(&file); /* each process makes its own */
	return 0;
}

static int prepare_swap(struct run *run)
{
	const char *list = run->options.swap;
	struct target target;
	int status = 0;

	while (!status && target_next(&list, &target) == 0)
		status = prepare_target(run, &target);
	return status;
}

/* -- userfaultfd ---------------------------------------------------------------------------------- */

static int refuse_userfaultfd(int err)
{
	if (err == -ENOSYS)
		return tool_fail("this kernel has no userfaultfd with write protection: Linux 5.7 "
				 "or later is needed, with CONFIG_USERFAULTFD");
	if (err != -EPERM)
		return tool_fail("userfaultfd: %s", error_name(err));
	return tool_fail(
		"userfaultfd is not permitted to you; root can allow it in one of three ways: "
		"a udev rule for a group (KERNEL==\"userfaultfd\", GROUP=\"...\", MODE=\"0660\"), "
		"sysctl vm.unprivileged_userfaultfd=1, or CAP_SYS_PTRACE; see spill(7)");
}

/* Tries all that the pager will need of it; then keeps the device, if that is the
 * way, open for the command. */
static int prepare_userfaultfd(struct run *run)
{
	struct uffd uffd;
	int err = uffd_open(&uffd, run->options.disable, false);
	int device;

	if (err)
		return refuse_userfaultfd(err);
	uffd_close(&uffd);
	device = probe_open_userfaultfd_device();
	if (device < 0) /* the system call it was */
		return 0;
	err = command_hand(device, run->userfaultfd_text);
	return err ? tool_fail("/dev/userfaultfd: %s", error_name(err)) : 0;
}

/* -- encryption ------------------------------------------------------------------------------------ */

/* A key is made, and forgotten: each process draws its own. */
static int prepare_cipher(struct run *run)
{
	struct cipher *cipher;
	const char *why;

	if (!run->options.encrypt)
		return 0;
	if (cipher_new(&cipher, HANDLERS_MAX, &why))
		return tool_fail("--encrypt: %s", why);
	cipher_free(cipher);
	return 0;
}

/* -- the bell --------------------------------------------------------------------------------------- */

/* That of an outer `spill run', since its processes and ours may share a table. */
static int prepare_bell(struct run *run)
{
	run->bell = command_open_bell();
	if (run->bell < 0)
		run->bell = bell_create();
	return run->bell < 0 ? tool_fail("a pipe cannot be made: %s", error_name(run->bell)) : 0;
}

/* -- statistics ------------------------------------------------------------------------------------ */

/* An outer `spill run' may have a table, in which the processes of this one count too. */
static bool is_counted_already(void)
{
	int fd = command_open_stats();

	if (fd >= 0)
		fd_close(fd);
	return fd >= 0;
}

static int prepare_stats(struct run *run)
{
	int fd, err;

	run->stats_fd = -1;
	if (run->stats_path) {
		fd = open(run->stats_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
		if (fd < 0)
			return tool_fail("--stats: %s: %s", run->stats_path, strerror(errno));
		run->stats_fd = fd_raise(fd);
	}
	if (!run->stats && is_counted_already())
		return 0;
	fd = stats_table_create(run->bell, &run->table);
	err = fd < 0 ? fd : command_hand(fd, run->stats_text);
	if (err && !run->stats) /* each process publishes by itself then */
		return 0;
	return err ? tool_fail("--stats: %s", error_name(err)) : 0;
}

/* -- the budget ----------------------------------------------------------------------------------- */

static int prepare_budget(struct run *run)
{
	int pool = pool_create((int64_t)(run->options.budget >> page_shift()));
	char pool_text[COMMAND_FD_TEXT], bell_text[COMMAND_FD_TEXT];
	int err = pool < 0 ? pool : 0;

	if (!err)
		err = command_hand(pool, pool_text);
	if (!err)
		err = command_hand(run->bell, bell_text);
	run->pool = pool < 0 ? NULL : pool_map(pool);
	if (!err && !run->pool)
		err = -ENOMEM;
	if (err)
		return tool_fail("the budget cannot be shared: %s", error_name(err));
	snprintf(run->budget_text, sizeof(run->budget_text), "%s:%s", pool_text, bell_text);
	return 0;
}

/* What was in the file is kept until there is something to put in its place. */
static FILE *open_report(struct run *run)
{
	if (run->stats_fd < 0)
		return stderr;
	if (ftruncate(run->stats_fd, 0) && errno != EINVAL) /* EINVAL: a pipe, a terminal */
		return NULL;
	return fdopen(run->stats_fd, "w");
}

static int print_report(struct run *run, const struct outcome *outcome)
{
	FILE *file = open_report(run);

	if (file)
		report_print(file, run->json, run->argv[0], &run->options, run->table, outcome);
	if (!file || fflush(file) || ferror(file))
		tool_fail("--stats: %s: %s", run->stats_path ? run->stats_path : "stderr",
			  strerror(errno));
	return outcome_exit_status(outcome);
}

/* -- the environment --------------------------------------------------------------------------------- */

static void set_number(const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", n);
	setenv(name, text, 1);
}

/* "": there is nothing to say. */
static void set_text(const char *name, const char *text)
{
	if (*text)
		setenv(name, text, 1);
	else
		unsetenv(name);
}

static void set_disable_names(unsigned disable)
{
	static const char *const names[] = {
		"move", "uring", "direct", "poison", "spin", "taskrun"
	};
	char text[64] = "";

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (disable & (1u << i)) {
			strcat(text, *text ? "," : "");
			strcat(text, names[i]);
		}
	set_text("SPILL_DISABLE", text);
}

/* Puts our library before what is in LD_PRELOAD, and takes it out there: an outer
 * `spill run` may have put it there, or that of another version. */
static void set_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *copy = strdup(old ? old : "");
	char *value = malloc(strlen(library) + (old ? strlen(old) : 0) + 2);
	char *rest = copy;
	const char *entry;

	if (!copy || !value)
		abort();
	strcpy(value, library);
	while ((entry = strsep(&rest, ": "))) {
		const char *slash = strrchr(entry, '/');

		if (!*entry || strcmp(slash ? slash + 1 : entry, PRELOAD_NAME) == 0)
			continue;
		strcat(value, ":");
		strcat(value, entry);
	}
	setenv("LD_PRELOAD", value, 1);
	free(value);
	free(copy);
}

/* A relative path would mean another file in a process that changed its
 * directory. */
static void make_log_absolute(void)
{
	const char *log = getenv("SPILL_LOG");
	char cwd[PROGRAM_PATH], text[2 * PROGRAM_PATH];

	if (!log || !*log || *log == '/' || !getcwd(cwd, sizeof(cwd)))
		return;
	snprintf(text, sizeof(text), "%s/%s", cwd, log);
	setenv("SPILL_LOG", text, 1);
}

static void set_environment(const struct run *run)
{
	const struct options *options = &run->options;

	set_number("SPILL_BUDGET", options->budget);
	setenv("SPILL_SWAP", options->swap, 1);
	set_number("SPILL_OVERCOMMIT", options->overcommit);
	if (run->given.handlers) /* else each process goes by the CPUs that it may use */
		set_number("SPILL_HANDLERS", options->handlers);
	set_number("SPILL_STALL_WARNING", options->stall_warning);
	set_disable_names(options->disable);
	set_text("SPILL_QUIET", options->quiet ? "1" : "");
	set_text("SPILL_STRICT", options->strict ? "1" : "");
	set_text("SPILL_ENCRYPT", options->encrypt ? "1" : "");
	make_log_absolute();
	set_text(COMMAND_ENV_USERFAULTFD, run->userfaultfd_text);
	setenv(COMMAND_ENV_BUDGET, run->budget_text, 1);
	setenv(COMMAND_ENV_SWAP, run->swap_text, 1);
	if (run->table)
		setenv(COMMAND_ENV_STATS, run->stats_text, 1);
	set_preload(run->preload);
}

/* -- running ------------------------------------------------------------------------------------------- */

/* Everything that can be wrong is found here, the cheapest first, and what leaves
 * a trace last. */
static int prepare(struct run *run)
{
	const char *why;
	int status;

	if (options_fill(&run->given, &run->options, &why))
		return tool_fail("%s", why);
	if (run->no_overcommit)
		run->options.overcommit = 0;
	status = find_program(run);
	if (!status) {
		why = tool_find_preload(run->preload);
		status = why ? tool_fail("%s", why) : 0;
	}
	if (!status)
		status = prepare_userfaultfd(run);
	if (!status)
		status = prepare_cipher(run);
	if (!status)
		status = prepare_swap(run);
	if (!status)
		status = prepare_bell(run);
	if (!status)
		status = prepare_budget(run);
	if (!status)
		status = prepare_stats(run);
	return status;
}

static int run_and_report(struct run *run)
{
	struct outcome outcome;
	int err = supervise(run->program, run->argv, run->pool, &outcome);

	return err ? cannot_execute(run->argv[0], err) : print_report(run, &outcome);
}

int run_main(int argc, char **argv)
{
	static struct run run;
	int status;

	run.given.size = sizeof(run.given);
	status = parse(&run, argc, argv);
	if (status < 0)
		return tool_help(help);
	if (!status)
		status = prepare(&run);
	if (status)
		return status;
	set_environment(&run);
	if (run.stats)
		return run_and_report(&run);
	execvp(run.program, run.argv);
	return cannot_execute(run.argv[0], -errno);
}
