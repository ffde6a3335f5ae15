/* SPDX-License-Identifier: MIT */
/* launch.c - prepares everything for a command: see launch.h */
#include "config.h"
#include "run/launch.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/page.h"
#include "base/size.h"
#include "base/sys.h"
#include "command/command.h"
#include "command/pool.h"
#include "common/tool.h"
#include "kernel/probe.h"
#include "kernel/program.h"
#include "kernel/uffd.h"
#include "observe/stats.h"
#include "run/installed.h"
#include "store/cipher.h"
#include "store/target.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SPILL_FD_SWAP: a path and some numbers for each named target. */
#define SWAP_TEXT_SIZE 16384

/* -- options ------------------------------------------------------------------------------ */

#define SIZE_HINT "is not a size (such as 512M, 2G or 80%%)"

static bool is_zero(const char *text)
{
	return text[0] == '0' && strspn(text, "0") == strlen(text);
}

static int set_budget(struct launch *launch, const char *text)
{
	uint64_t bytes = 0;

	if (!is_zero(text) && size_parse(text, probe_memory_whole(), &bytes))
		return tool_fail("--budget: %s " SIZE_HINT, text);
	if (bytes < SPILL_BUDGET_MIN)
		return tool_fail("--budget: %s is less than the least budget, 8M", text);
	launch->given.budget = bytes;
	return 0;
}

static int add_swap(struct launch *launch, const char *text)
{
	size_t length = strlen(launch->swap);
	struct target target;
	const char *list = text;

	while (*list)
		if (target_next(&list, &target) < 0)
			return tool_fail("--swap: %s is not TARGET[,pri=N][,limit=SIZE]", text);
	if (list == text)
		return tool_fail("--swap: no target is given");
	if (length + strlen(text) + 2 > sizeof(launch->swap))
		return tool_fail("--swap: too many targets");
	snprintf(launch->swap + length, sizeof(launch->swap) - length, "%s%s", length ? ";" : "",
		 text);
	launch->given.swap = launch->swap;
	return 0;
}

static int set_overcommit(struct launch *launch, const char *text)
{
	uint64_t bytes = 0;

	if (!is_zero(text) && size_parse(text, probe_memory_whole(), &bytes))
		return tool_fail("--overcommit: %s " SIZE_HINT, text);
	launch->given.overcommit = bytes;
	launch->no_overcommit = bytes == 0;
	return 0;
}

static int set_handlers(struct launch *launch, const char *text)
{
	if (options_parse_handlers(text, &launch->given.handlers))
		return tool_fail("--handlers: %s is not a number from 1 to %d", text, HANDLERS_MAX);
	return 0;
}

static int set_compress(struct launch *launch, const char *text)
{
	bool compress;

	if (options_parse_compress(text, &compress))
		return tool_fail("--compress: %s is not one of lz4, off", text);
	launch->given.compress = text;
	return 0;
}

static int set_stall_warning(struct launch *launch, const char *text)
{
	unsigned seconds;

	if (options_parse_stall_warning(text, &seconds))
		return tool_fail("--stall-warning: %s is not a number of seconds, at most a day",
				 text);
	launch->given.stall_warning = seconds ? seconds : UINT_MAX;
	return 0;
}

static int set_disable(struct launch *launch, const char *text)
{
	unsigned disable;

	if (options_parse_disable(text, &disable))
		return tool_fail(
			"--disable: %s is not a list of move, uring, direct, poison, spin, taskrun",
			text);
	launch->given.disable |= disable;
	return 0;
}

int launch_option(struct launch *launch, char **argv, int c)
{
	switch (c) {
	case 'm':
		return set_budget(launch, optarg);
	case 's':
		return add_swap(launch, optarg);
	case OPTION_OVERCOMMIT:
		return set_overcommit(launch, optarg);
	case OPTION_STRICT:
		launch->given.strict = 1;
		return 0;
	case OPTION_ENCRYPT:
		launch->given.encrypt = 1;
		return 0;
	case OPTION_COMPRESS:
		return set_compress(launch, optarg);
	case OPTION_HANDLERS:
		return set_handlers(launch, optarg);
	case OPTION_STALL_WARNING:
		return set_stall_warning(launch, optarg);
	case OPTION_DISABLE:
		return set_disable(launch, optarg);
	case OPTION_QUIET:
		launch->given.quiet = 1;
		return 0;
	default:
		return tool_bad_option(argv, c);
	}
}

int launch_parse(struct launch *launch, int argc, char **argv, const char *shorts,
		 const struct option *longs, int (*option)(void *who, char **argv, int c),
		 void *who)
{
	int c, status = 0;

	opterr = 0;
	while (!status && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == OPTION_HELP)
			return -1;
		status = option(who, argv, c);
	}
	launch->argv = argv + optind;
	if (!status && !launch->argv[0])
		status = tool_fail("no command is given; see `spill %s --help'", argv[0]);
	return status;
}

/* -- the command ------------------------------------------------------------------------------ */

int launch_refuse(const char *name, int err)
{
	tool_fail("%s: %s", name, err == -ENOENT ? "command not found" : strerror(-err));
	return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static int find_program(struct launch *launch)
{
	int err = program_find(launch->argv[0], launch->program);
	char path[PROGRAM_PATH];
	const char *obstacle;

	if (err)
		return launch_refuse(launch->argv[0], err);
	obstacle = program_obstacle(launch->program, path);
	if (obstacle)
		return tool_fail("%s: %s", path, obstacle);
	return 0;
}

/* -- swap space -------------------------------------------------------------------------------- */

/* Appends "FD:OWNERS:OFFSET:LIMIT:KEPT:PRIORITY:PATH" to swap_text. */
static int describe_swap(struct launch *launch, const struct target *target,
			 const struct target_file *file)
{
	char file_text[COMMAND_FD_TEXT], owners_text[COMMAND_FD_TEXT];
	size_t length = strlen(launch->swap_text);
	int err = command_hand(file->fd, file_text);
	int n;

	if (!err)
		err = command_hand(file->owners_fd, owners_text);
	if (err)
		return err;
	n = snprintf(launch->swap_text + length, sizeof(launch->swap_text) - length,
		     "%s%s:%s:%lu:%lu:%d:%d:%s", length ? ";" : "", file_text, owners_text,
		     file->offset, file->limit, file->kept, file->priority, target->path);
	return (size_t)n < sizeof(launch->swap_text) - length ? 0 : -E2BIG;
}

/* A named file stays open for the command. */
static int share_swap(struct launch *launch, const struct target *target, struct target_file *file)
{
	int err = describe_swap(launch, target, file);

	return err ? tool_fail("%s: %s", target->path, error_name(err)) : 0;
}

static int prepare_target(struct launch *launch, const struct target *target)
{
	bool direct = !(launch->options.disable & SPILL_FEATURE_DIRECT);
	struct target_file file;
	const char *why;

	if (target_open(target, direct, &file, &why))
		return tool_fail("%s", why);
	if (file.tmpfs && !launch->options.quiet)
		tool_warn("%s lies in memory (tmpfs): what is paged out to it still takes memory",
			  target->path);
	if (file.kind != TARGET_DIRECTORY)
		return share_swap(launch, target, &file);
	target_close(&file); /* each process makes its own */
	return 0;
}

static int prepare_swap(struct launch *launch)
{
	const char *list = launch->options.swap;
	struct target target;
	int status = 0;

	while (!status && target_next(&list, &target) == 0)
		status = prepare_target(launch, &target);
	return status;
}

/* -- userfaultfd ------------------------------------------------------------------------ */

static int refuse_userfaultfd(int err)
{
	if (err == -ENOSYS)
		return tool_fail("this kernel has no userfaultfd with write protection: Linux 5.7 "
				 "or later is needed, with CONFIG_USERFAULTFD");
	if (err != -EPERM)
		return tool_fail("userfaultfd: %s", error_name(err));
	return tool_fail(
		"you may not use userfaultfd; root can allow it in one of three ways: a udev rule "
		"for a group (KERNEL==\"userfaultfd\", GROUP=\"...\", MODE=\"0660\"), sysctl "
		"vm.unprivileged_userfaultfd=1, or CAP_SYS_PTRACE; see spill(7)");
}

/* Tries everything that the pager will need of it.  If it comes from the device, keeps the device
 * open for the command. */
static int prepare_userfaultfd(struct launch *launch)
{
	struct uffd uffd = { .fd = -1 };
	int err = uffd_open(&uffd, launch->options.disable, false);
	int device;

	if (err)
		return refuse_userfaultfd(err);
	uffd_close(&uffd);
	device = probe_open_userfaultfd_device();
	if (device < 0) /* the system call worked */
		return 0;
	err = command_hand(device, launch->userfaultfd_text);
	return err ? tool_fail("/dev/userfaultfd: %s", error_name(err)) : 0;
}

/* -- encryption ------------------------------------------------------------------------- */

/* Makes a key and forgets it: each process draws its own. */
static int prepare_cipher(struct launch *launch)
{
	struct cipher *cipher;
	const char *why;

	if (!launch->options.encrypt)
		return 0;
	if (cipher_new(&cipher, HANDLERS_MAX, &why))
		return tool_fail("--encrypt: %s", why);
	cipher_free(cipher);
	return 0;
}

/* -- the bell --------------------------------------------------------------------------- */

/* Takes an outer `spill run's bell, since its processes and ours may share a table. */
static int prepare_bell(struct launch *launch)
{
	launch->bell = command_open_bell();
	if (launch->bell >= 0)
		return 0;
	launch->bell = fd_pipe();
	if (launch->bell < 0)
		return tool_fail("cannot make a pipe: %s", error_name(launch->bell));
	/* Each process opens it again (bell.h), even after changing its user.  Nobody can find it
	 * without having it. */
	fchmod(launch->bell, 0666);
	return 0;
}

/* -- statistics ------------------------------------------------------------------------- */

/* An outer `spill run' may have a table, and then our processes count in that too. */
static bool is_counted_already(void)
{
	int fd = command_open_stats();

	if (fd >= 0)
		fd_close(fd);
	return fd >= 0;
}

static int prepare_stats(struct launch *launch)
{
	int fd, err;

	if (!launch->stats && is_counted_already())
		return 0;
	fd = stats_table_create(launch->bell, &launch->table);
	err = fd < 0 ? fd : command_hand(fd, launch->stats_text);
	if (err && !launch->stats) /* then each process publishes by itself */
		return 0;
	return err ? tool_fail("--stats: %s", error_name(err)) : 0;
}

/* -- the budget ------------------------------------------------------------------------- */

static int prepare_budget(struct launch *launch)
{
	int pool = pool_create((int64_t)(launch->options.budget >> page_shift()));
	char pool_text[COMMAND_FD_TEXT], bell_text[COMMAND_FD_TEXT];
	int err = pool < 0 ? pool : 0;

	if (!err)
		err = command_hand(pool, pool_text);
	if (!err)
		err = command_hand(launch->bell, bell_text);
	launch->pool = pool < 0 ? NULL : pool_map(pool);
	if (!err && !launch->pool)
		err = -ENOMEM;
	if (err)
		return tool_fail("cannot share the budget: %s", error_name(err));
	snprintf(launch->budget_text, sizeof(launch->budget_text), "%s:%s", pool_text, bell_text);
	return 0;
}

/* -- the environment -------------------------------------------------------------------- */

static void set_number(const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", n);
	setenv(name, text, 1);
}

/* Does nothing with "". */
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

/* Puts our library first in LD_PRELOAD, and removes it from where it was: an outer `spill run' may
 * have put it there, or another version. */
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

/* The space that glibc sets aside for libraries that need static TLS: its default plus ours (2.7
 * KiB). */
#define TLS_TUNABLE "glibc.rtld.optional_static_tls"
#define TLS_BYTES (512 + 4096)

/* If libraries are audited (rtld-audit(7)), glibc sizes static TLS before it knows which libraries
 * there are, and ours would not fit. */
static void set_room_for_tls(void)
{
	const char *old = getenv("GLIBC_TUNABLES");
	char *value;

	if (!getenv("LD_AUDIT") || (old && strstr(old, TLS_TUNABLE)))
		return;
	if (asprintf(&value, "%s%s" TLS_TUNABLE "=%d", old ? old : "", old && *old ? ":" : "",
		     TLS_BYTES) < 0)
		abort();
	setenv("GLIBC_TUNABLES", value, 1);
	free(value);
}

/* A relative path would mean another file in a process that has changed its directory. */
static void make_log_absolute(void)
{
	const char *log = getenv("SPILL_LOG");
	char cwd[PROGRAM_PATH], text[2 * PROGRAM_PATH];

	if (!log || !*log || *log == '/' || !getcwd(cwd, sizeof(cwd)))
		return;
	snprintf(text, sizeof(text), "%s/%s", cwd, log);
	setenv("SPILL_LOG", text, 1);
}

static void set_environment(const struct launch *launch)
{
	const struct options *options = &launch->options;

	set_number("SPILL_BUDGET", options->budget);
	setenv("SPILL_SWAP", options->swap, 1);
	set_number("SPILL_OVERCOMMIT", options->overcommit);
	if (launch->given.handlers) /* otherwise each process goes by the CPUs that it may use */
		set_number("SPILL_HANDLERS", options->handlers);
	set_number("SPILL_STALL_WARNING", options->stall_warning);
	set_disable_names(options->disable);
	set_text("SPILL_QUIET", options->quiet ? "1" : "");
	set_text("SPILL_STRICT", options->strict ? "1" : "");
	set_text("SPILL_ENCRYPT", options->encrypt ? "1" : "");
	set_text("SPILL_COMPRESS", options->compress ? "lz4" : "");
	make_log_absolute();
	set_text(COMMAND_ENV_USERFAULTFD, launch->userfaultfd_text);
	setenv(COMMAND_ENV_BUDGET, launch->budget_text, 1);
	setenv(COMMAND_ENV_SWAP, launch->swap_text, 1);
	if (launch->table)
		setenv(COMMAND_ENV_STATS, launch->stats_text, 1);
	set_preload(launch->preload);
	set_room_for_tls();
}

/* -- running ---------------------------------------------------------------------------- */

/* Everything that can be wrong is found here: the cheapest checks come first, and what leaves a
 * trace comes last. */
int launch_prepare(struct launch *launch)
{
	const char *why;
	int status;

	if (options_fill(&launch->given, &launch->options, &why))
		return tool_fail("%s", why);
	if (launch->no_overcommit)
		launch->options.overcommit = 0;
	status = find_program(launch);
	if (!status) {
		why = installed_find_preload(launch->preload);
		status = why ? tool_fail("%s", why) : 0;
	}
	if (!status)
		status = prepare_userfaultfd(launch);
	if (!status)
		status = prepare_cipher(launch);
	if (!status)
		status = prepare_swap(launch);
	if (!status)
		status = prepare_bell(launch);
	if (!status)
		status = prepare_budget(launch);
	if (!status)
		status = prepare_stats(launch);
	if (!status)
		set_environment(launch);
	return status;
}
