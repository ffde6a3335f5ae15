/* SPDX-License-Identifier: MIT */
/* doctor.c - spill doctor: is everything there that paging needs, what does it cost if not, and
 * which command mends it?
 *
 * Each check looks at one thing and gives a finding: it is fine, it costs something, or paging
 * cannot work with it.
 */
#include "config.h"
#include "doctor/doctor.h"
#include "base/error.h"
#include "base/page.h"
#include "base/size.h"
#include "base/sys.h"
#include "common/finding.h"
#include "common/table.h"
#include "common/tool.h"
#include "kernel/probe.h"
#include "kernel/prices.h"
#include "run/installed.h"
#include "store/target.h"
#include "swap/speed.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char help[] =
	"Usage: spill doctor [OPTION]...\n"
	"\n"
	"Checks everything that paging needs.  Says of each thing whether it works or what it costs,\n"
	"and prints the command that fixes it.  The exit status is 0 if `spill run' will work, and\n"
	"1 if not.\n"
	"\n"
	"  -s, --swap TARGET    check this swap target, written as for `spill run',\n"
	"                       instead of the default\n"
	"      --json           print JSON, for programs\n"
	"      --request        print a letter to the administrator who can allow it\n"
	"      --help           print this, and exit\n";

enum { OPTION_JSON = 256, OPTION_REQUEST, OPTION_HELP };

static const struct option long_options[] = {
	{ "swap", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "request", no_argument, NULL, OPTION_REQUEST },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/* The first line of a file in /proc or /sys; "" if it cannot be read. */
static const char *first_line(const char *path, char line[256])
{
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (!file)
		return line;
	if (!fgets(line, 256, file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return line;
}

/* -- the kernel ---------------------------------------------------------------------------- */

#define ALLOW_DEVICE                                                                           \
	"# echo 'KERNEL==\"userfaultfd\", GROUP=\"userfaultfd\", MODE=\"0660\"' "              \
	"> /etc/udev/rules.d/60-userfaultfd.rules; groupadd -rf userfaultfd; udevadm control " \
	"--reload; udevadm trigger --sysname-match=userfaultfd; usermod -aG userfaultfd YOU"
#define ALLOW_SYSCTL "# sysctl vm.unprivileged_userfaultfd=1"

static void check_userfaultfd(struct finding *finding)
{
	struct uffd uffd = { .fd = -1 };
	struct utsname name;
	int err = uffd_open(&uffd, 0, false);

	uname(&name);
	if (err == -ENOSYS) {
		found(finding, BROKEN,
		      "Linux %s has no userfaultfd with write protection; Linux 5.7 or later, built "
		      "with CONFIG_USERFAULTFD, has",
		      name.release);
	} else if (err == -EPERM) {
		found(finding, BROKEN, "you may not use it");
		finding->remedy = access("/dev/userfaultfd", F_OK) ? ALLOW_SYSCTL : ALLOW_DEVICE;
	} else if (err) {
		found(finding, BROKEN, "%s", error_name(err));
	} else {
		if (uffd.move)
			found(finding, FINE, "Linux %s, with MOVE%s", name.release,
			      uffd.poison ? " and POISON" : "");
		else
			found(finding, COSTS,
			      "Linux %s has no reliable MOVE (6.12 has): evicted pages are copied, "
			      "and a process that does direct I/O keeps its pages in memory",
			      name.release);
		uffd_close(&uffd);
	}
}

/* From this many ns on, to touch a page that was moved costs more than to copy it. */
#define TOUCH_DEAR 2000

static void measure_prices(const struct uffd *uffd, struct prices *ret)
{
	size_t size = chunk_size();
	void *zeros = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	if (zeros != MAP_FAILED) {
		madvise(zeros, size, MADV_NOHUGEPAGE);
		prices_find(ret, PRICES_MEASURED, uffd, memory, zeros);
		munmap(zeros, size);
	}
	if (memory >= 0)
		close(memory);
}

/* us for a call, and for each of its pages. */
static void check_prices(struct finding *finding)
{
	struct uffd uffd = { .fd = -1 };
	struct prices prices = { .known = false };
	char text[400] = "";
	size_t length = 0;

	if (uffd_open(&uffd, 0, true) == 0) {
		measure_prices(&uffd, &prices);
		uffd_close(&uffd);
	}
	if (!prices.known) {
		found(finding, FINE, "not measured, for want of userfaultfd");
		return;
	}
	for (unsigned i = 0; i < PRICES; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s %.1f + %.2f",
					   i ? ", " : "", price_names[i], prices.of[i].call / 1e3,
					   prices.of[i].page / 1e3);
	found(finding, prices.of[PRICE_TOUCH].page > TOUCH_DEAR ? COSTS : FINE,
	      "us for a call and for each page: %s%s", text,
	      prices.of[PRICE_TOUCH].page > TOUCH_DEAR
		      ? "; the hypervisor shadows page tables, so new mappings are dear"
		      : "");
}

static void check_io_uring(struct finding *finding)
{
	struct io_uring ring;
	char line[256];
	int err = io_uring_queue_init(8, &ring, 0);

	if (!err) {
		io_uring_queue_exit(&ring);
		found(finding, FINE, "it works");
		return;
	}
	first_line("/proc/sys/kernel/io_uring_disabled", line);
	found(finding, COSTS,
	      "refused (%s): threads read and write instead, which takes more CPU time",
	      error_name(err));
	if (err == -EPERM && (line[0] == '1' || line[0] == '2'))
		finding->remedy = "# sysctl kernel.io_uring_disabled=0";
}

static void check_huge_pages(struct finding *finding)
{
	char line[256];

	first_line("/sys/kernel/mm/transparent_hugepage/enabled", line);
	if (strstr(line, "[never]")) {
		found(finding, COSTS, "never: memory gets none, even while it fits the budget");
		finding->remedy = "# echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
	} else {
		found(finding, FINE, "%s", line[0] ? line : "this kernel has none");
	}
}

/* -- limits -------------------------------------------------------------------------------- */

static void check_mappings(struct finding *finding)
{
	unsigned long most;
	char line[256];

	most = strtoul(first_line("/proc/sys/vm/max_map_count", line), NULL, 10);
	if (most && most < 65530) {
		found(finding, COSTS,
		      "vm.max_map_count is %lu: a program that protects or unmaps many parts of its "
		      "memory soon gets ENOMEM",
		      most);
		finding->remedy = "# sysctl vm.max_map_count=262144";
	} else {
		found(finding, FINE, "vm.max_map_count is %s", line[0] ? line : "not known");
	}
}

/* We need some twenty, at the end of the table (fd.h). */
static void check_files(struct finding *finding)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 256) {
		found(finding, COSTS,
		      "a process may have %lu open; the pager takes about twenty of them",
		      (unsigned long)limit.rlim_cur);
		finding->remedy = "ulimit -n 1024";
	} else {
		found(finding, FINE, "a process may have %lu open", (unsigned long)limit.rlim_cur);
	}
}

static void check_locked(struct finding *finding)
{
	struct rlimit limit;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur < (64 << 10)) {
		found(finding, COSTS, "%lu KiB: --encrypt cannot lock its key",
		      (unsigned long)limit.rlim_cur >> 10);
		finding->remedy = "ulimit -l 64";
	} else {
		found(finding, FINE, "enough for the key of --encrypt");
	}
}

static void check_addresses(struct finding *finding)
{
	struct rlimit limit;
	char size[SIZE_TEXT];

	getrlimit(RLIMIT_AS, &limit);
	if (limit.rlim_cur == RLIM_INFINITY) {
		found(finding, FINE, "not limited");
		return;
	}
	size_format(size, limit.rlim_cur);
	found(finding, COSTS,
	      "ulimit -v is %s: the pager needs an address space of four times the budget, and "
	      "without it refuses memory beyond the budget",
	      size);
	finding->remedy = "ulimit -v unlimited";
}

static void check_memory(struct finding *finding)
{
	uint64_t limit = probe_cgroup_limit();
	char all[SIZE_TEXT], budget[SIZE_TEXT];

	size_format(budget, probe_default_budget());
	if (limit)
		found(finding, FINE, "the cgroup may have %s; without -m the budget is %s",
		      size_format(all, limit), budget);
	else
		found(finding, FINE, "the machine has %s; without -m the budget is %s",
		      size_format(all, probe_memory_total()), budget);
}

static void check_cpus(struct finding *finding)
{
	uint64_t quota = probe_cgroup_cpu();
	unsigned cpus = probe_cpus();

	if (quota)
		found(finding, COSTS,
		      "%u; the cgroup may use %.1f of them, the pager's threads included", cpus,
		      (double)quota / 1000);
	else
		found(finding, FINE, "%u", cpus);
}

/* -- where we are -------------------------------------------------------------------------- */

static void check_library(struct finding *finding)
{
	char path[PROGRAM_PATH];
	const char *why = installed_find_preload(path);

	if (why)
		found(finding, BROKEN, "%.400s", why);
	else
		found(finding, FINE, "%.400s", path);
}

static const char *container_of(void)
{
	if (access("/.dockerenv", F_OK) == 0)
		return "Docker";
	if (access("/run/.containerenv", F_OK) == 0)
		return "Podman";
	if (getenv("KUBERNETES_SERVICE_HOST"))
		return "Kubernetes";
	if (getenv("APPTAINER_CONTAINER") || getenv("SINGULARITY_CONTAINER"))
		return "Apptainer";
	return getenv("container");
}

static bool is_filtered(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	int mode = 0;

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		sscanf(line, "Seccomp: %d", &mode);
	fclose(file);
	return mode == 2;
}

/* The other checks find what a container or a filter takes away.  This one says whom to ask. */
static void check_container(struct finding *finding)
{
	const char *name = container_of();
	const char *filter = is_filtered() ? "with a seccomp filter" : "no seccomp filter";

	if (name)
		found(finding, FINE, "%s, %s", name, filter);
	else
		found(finding, FINE, "none, %s", filter);
}

/* -- swap space ---------------------------------------------------------------------------- */

#define MEASURED ((uint64_t)64 << 20)

static const char *swap_wanted; /* NULL: the default */

static void judge_speed(struct finding *finding, const struct target *target,
			const struct target_file *file)
{
	uint64_t size = file->limit < MEASURED ? TARGET_ROOM_MIN : MEASURED;
	char room[SIZE_TEXT], write[SIZE_TEXT], read[SIZE_TEXT];
	struct speed speed;
	int err = speed_measure(file, size, &speed);

	if (err) {
		found(finding, BROKEN, "%.200s: %s", target->path, error_name(err));
		return;
	}
	if (speed.wrong) {
		found(finding, BROKEN,
		      "%.200s: %lu of %lu pages came back different from what was written",
		      target->path, speed.wrong, size / page_size());
		return;
	}
	found(finding, file->tmpfs || speed.one < SPEED_SLOW ? COSTS : FINE,
	      "%.200s: room for %s; writes %s/s, reads %s/s; %.0f pages/s at random one by one, %.0f "
	      "with %d at once%s%s",
	      target->path, size_format(room, file->limit),
	      size_format(write, (uint64_t)speed.write), size_format(read, (uint64_t)speed.read),
	      speed.one, speed.many, SPEED_DEPTH, file->direct ? "" : "; no direct I/O",
	      file->tmpfs	       ? "; it lies in memory, so it saves none"
	      : speed.one < SPEED_SLOW ? "; slow: programs that access memory at random will crawl"
				       : "");
	if (file->tmpfs || speed.one < SPEED_SLOW)
		finding->remedy = "spill run -s DIRECTORY-ON-A-FAST-DISK ...";
}

static void check_swap(struct finding *finding)
{
	const char *list = swap_wanted ? swap_wanted : target_default();
	struct target target;
	struct target_file file;
	const char *why;

	if (target_next(&list, &target)) {
		found(finding, BROKEN, "%.200s is not TARGET[,pri=N][,limit=SIZE]", list);
		return;
	}
	if (target_open(&target, true, &file, &why)) {
		found(finding, BROKEN, "%.400s", why);
		finding->remedy = "spill run -s DIRECTORY ...";
		return;
	}
	judge_speed(finding, &target, &file);
	target_close(&file);
}

/* -- all of them --------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*look)(struct finding *finding);
} checks[] = {
	{ "userfaultfd", check_userfaultfd },
	{ "prices", check_prices },
	{ "library", check_library },
	{ "swap", check_swap },
	{ "io_uring", check_io_uring },
	{ "memory", check_memory },
	{ "cpus", check_cpus },
	{ "mappings", check_mappings },
	{ "files", check_files },
	{ "addresses", check_addresses },
	{ "locked", check_locked },
	{ "huge_pages", check_huge_pages },
	{ "container", check_container },
};

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static void print_text(const struct finding findings[CHECKS], bool works)
{
	findings_print(findings, CHECKS);
	puts(works ? "\n`spill run' will work." : "\n`spill run' will not work.");
}

static void print_json(const struct finding findings[CHECKS], bool works)
{
	json_t *object = json_object();

	json_object_set_new(object, "works", json_boolean(works));
	json_object_set_new(object, "checks", findings_object(findings, CHECKS));
	table_print_json(object, false);
}

static int examine(bool json)
{
	static struct finding findings[CHECKS];
	bool works;

	for (size_t i = 0; i < CHECKS; i++) {
		findings[i].name = checks[i].name;
		checks[i].look(&findings[i]);
	}
	works = findings_work(findings, CHECKS);
	if (json)
		print_json(findings, works);
	else
		print_text(findings, works);
	return fflush(stdout) ? tool_fail("stdout: %s", strerror(errno)) : works ? 0 : 1;
}

static const char letter[] =
	"Subject: permission for userfaultfd on this machine\n"
	"\n"
	"I would like to run programs that need more memory than my share of this machine.\n"
	"`spill' keeps such a program within a memory budget, and pages what does not fit to a\n"
	"file of mine.  It needs no root, no system swap, and no change to the kernel.  It does\n"
	"need one permission: to open a userfaultfd that also serves the page faults of system\n"
	"calls, for instance when read(2) fills a buffer that has been paged out.\n"
	"\n"
	"These commands, run once as root, give /dev/userfaultfd (Linux 6.1 and later) to a group:\n"
	"\n"
	"    groupadd --system --force userfaultfd\n"
	"    echo 'KERNEL==\"userfaultfd\", GROUP=\"userfaultfd\", MODE=\"0660\"' \\\n"
	"        > /etc/udev/rules.d/60-userfaultfd.rules\n"
	"    udevadm control --reload\n"
	"    udevadm trigger --sysname-match=userfaultfd\n"
	"    usermod --append --groups userfaultfd %s\n"
	"\n"
	"What it allows: members of the group can serve the page faults of their own\n"
	"processes, including those inside system calls.  They gain no access to the data of\n"
	"other users.\n"
	"\n"
	"The risk: such a process can make the kernel wait where it reads or writes the\n"
	"process's memory.  This gives no access by itself, but it makes some kernel bugs easier\n"
	"to exploit.  So please give it to people who work here, and not to network services.\n"
	"\n"
	"Kernels before 6.1 only have `sysctl vm.unprivileged_userfaultfd=1', which allows it to\n"
	"everybody.\n"
	"\n"
	"The manual, spill(7), has more under PERMISSION.\n";

static int print_letter(void)
{
	const char *user = getlogin();

	printf(letter, user ? user : "USER");
	return fflush(stdout) ? tool_fail("stdout: %s", strerror(errno)) : 0;
}

int doctor_main(int argc, char **argv)
{
	bool json = false, request = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":s:", long_options, NULL)) != -1) {
		if (c == OPTION_HELP)
			return tool_help(help);
		if (c == 's')
			swap_wanted = optarg;
		else if (c == OPTION_JSON)
			json = true;
		else if (c == OPTION_REQUEST)
			request = true;
		else
			return tool_bad_option(argv, c);
	}
	if (argv[optind])
		return tool_fail("%s: doctor takes no arguments; see `spill doctor --help'",
				 argv[optind]);
	return request ? print_letter() : examine(json);
}
