/* SPDX-License-Identifier: MIT */
/* probe.c - what this machine gives us: see probe.h
 *
 * No stdio: files in /proc are read with system calls, like everything else here.
 */
#include "kernel/probe.h"
#include "command/command.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/page.h"
#include "spill.h"
#include "base/sys.h"
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#define CGROUP_MOUNT "/sys/fs/cgroup"
#define PATH_SIZE 4096

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1 /* Linux 5.11 */
#endif
/* From the kernel's header, where it is since 6.1; Debian 12's lacks it. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

/* -- files --------------------------------------------------------------------- */

/* Reads the start of a file as a string; false if it cannot be read. */
static bool read_text(const char *path, char *buf, size_t size)
{
	int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	size_t length = 0;
	long n;

	if (fd < 0)
		return false;
	while ((n = sys_read(fd, buf + length, size - 1 - length)) > 0)
		length += (size_t)n;
	buf[length] = '\0';
	fd_close(fd);
	return n == 0;
}

/* -- /proc/meminfo ---------------------------------------------------------------- */

static uint64_t meminfo(const char *name)
{
	char text[2048]; /* the lines we want are the first and the third */
	const char *line;

	if (!read_text("/proc/meminfo", text, sizeof(text)))
		return 0;
	line = strstr(text, name);
	return line ? strtoull(line + strlen(name), NULL, 10) << 10 : 0;
}

uint64_t probe_memory_available(void)
{
	return meminfo("MemAvailable:");
}

uint64_t probe_memory_total(void)
{
	return meminfo("MemTotal:");
}

/* -- cgroups ----------------------------------------------------------------------- */

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The number in the file; UINT64_MAX for "max", or if there is no such file. */
static uint64_t read_limit(const char *directory, const char *name)
{
	char path[PATH_SIZE + 32], text[32];

	error_format(path, sizeof(path), "%s/%s", directory, name);
	if (!read_text(path, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return UINT64_MAX;
	return strtoull(text, NULL, 10);
}

/* What a cgroup may limit. */
struct resource {
	const char *controller;
	uint64_t (*limit)(const char *directory);
};

static uint64_t memory_limit(const char *directory)
{
	uint64_t limit = read_limit(directory, "memory.max");

	limit = lower(limit, read_limit(directory, "memory.high"));
	return lower(limit, read_limit(directory, "memory.limit_in_bytes"));
}

static const struct resource memory_resource = { "memory", memory_limit };

static uint64_t share_of(uint64_t quota, uint64_t period)
{
	if (quota == UINT64_MAX || period == UINT64_MAX || period == 0)
		return UINT64_MAX;
	return quota * 1000 / period;
}

/* In thousandths of a CPU. */
static uint64_t cpu_limit(const char *directory)
{
	char path[PATH_SIZE + 32], text[64];
	const char *period;

	error_format(path, sizeof(path), "%s/cpu.max", directory);
	if (!read_text(path, text, sizeof(text)))
		return share_of(read_limit(directory, "cpu.cfs_quota_us"),
				read_limit(directory, "cpu.cfs_period_us"));
	period = strchr(text, ' ');
	if (!period || text[0] < '0' || text[0] > '9')
		return UINT64_MAX;
	return share_of(strtoull(text, NULL, 10), strtoull(period, NULL, 10));
}

static const struct resource cpu_resource = { "cpu", cpu_limit };

/* The lowest limit from mount/path up to mount.  In a container that sees only its own part of the
 * hierarchy, path is the host's and does not exist here: then mount itself is the container's. */
static uint64_t hierarchy_limit(const struct resource *resource, const char *mount,
				const char *path)
{
	uint64_t limit = UINT64_MAX;
	char directory[PATH_SIZE];
	size_t root = strlen(mount);

	error_format(directory, sizeof(directory), "%s%s", mount, strstr(path, "/..") ? "" : path);
	for (;;) {
		char *slash = strrchr(directory, '/');

		limit = lower(limit, resource->limit(directory));
		if (!slash || slash < directory + root)
			return limit;
		*slash = '\0';
	}
}

/* Is name one of a list such as "cpu,memory"? */
static bool lists(const char *list, const char *end, const char *name)
{
	size_t length = strlen(name);

	while (list < end) {
		size_t n = strcspn(list, ",:");

		if (n == length && memcmp(list, name, n) == 0)
			return true;
		list += n + 1;
	}
	return false;
}

/* line, ended by a NUL, comes from /proc/self/cgroup: "0::/path" (v2) or "4:memory:/path" (v1). */
static uint64_t line_limit(const struct resource *resource, const char *line, const char *mount)
{
	const char *controllers = strchr(line, ':');
	const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	char below[PATH_SIZE];

	if (!path)
		return UINT64_MAX;
	path++;
	if (strncmp(line, "0::", 3) == 0)
		return hierarchy_limit(resource, mount, path);
	if (!lists(controllers + 1, path, resource->controller))
		return UINT64_MAX;
	error_format(below, sizeof(below), "%s/%s", mount, resource->controller);
	return hierarchy_limit(resource, below, path);
}

/* 0: none. */
static uint64_t limit_at(const struct resource *resource, const char *list, const char *mount)
{
	uint64_t limit = UINT64_MAX;
	char text[PATH_SIZE];
	char *next;

	if (!read_text(list, text, sizeof(text)))
		return 0;
	for (char *line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		limit = lower(limit, line_limit(resource, line, mount));
	}
	return limit == UINT64_MAX ? 0 : limit;
}

uint64_t probe_cgroup_limit_at(const char *list, const char *mount)
{
	return limit_at(&memory_resource, list, mount);
}

uint64_t probe_cgroup_limit(void)
{
	uint64_t limit = probe_cgroup_limit_at("/proc/self/cgroup", CGROUP_MOUNT);

	/* Without a limit, v1 says 2^63 less a page. */
	return limit < probe_memory_total() ? limit : 0;
}

uint64_t probe_cgroup_cpu_at(const char *list, const char *mount)
{
	return limit_at(&cpu_resource, list, mount);
}

uint64_t probe_cgroup_cpu(void)
{
	uint64_t limit = probe_cgroup_cpu_at("/proc/self/cgroup", CGROUP_MOUNT);

	return limit < 1000 * (uint64_t)probe_cpus() ? limit : 0;
}

/* -- budgets ----------------------------------------------------------------------- */

uint64_t probe_memory_whole(void)
{
	uint64_t limit = probe_cgroup_limit();

	return limit ? limit : probe_memory_total();
}

uint64_t probe_default_budget(void)
{
	uint64_t limit = probe_cgroup_limit();
	uint64_t budget = limit ? limit / 5 * 4 : probe_memory_available() / 2;

	return page_round_down(budget > SPILL_BUDGET_MIN ? budget : SPILL_BUDGET_MIN);
}

/* -- the kernel ---------------------------------------------------------------------- */

bool probe_linux_is(unsigned major, unsigned minor)
{
	struct utsname name;
	char *rest;
	unsigned long have;

	if (sys_call1(SYS_uname, &name) < 0)
		return false;
	have = strtoul(name.release, &rest, 10);
	if (have != major)
		return have > major;
	return *rest == '.' && strtoul(rest + 1, NULL, 10) >= minor;
}

/* -- CPUs ---------------------------------------------------------------------------- */

unsigned probe_cpus(void)
{
	uint64_t mask[128]; /* 8192 CPUs, the most that Linux can be built for */
	long bytes = sys_call3(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	unsigned cpus = 0;

	for (long i = 0; i < bytes / 8; i++)
		cpus += mask_count(mask[i]);
	return cpus ? cpus : 1;
}

/* -- userfaultfd ---------------------------------------------------------------------- */

int probe_open_userfaultfd_device(void)
{
	int fd = command_open_userfaultfd();

	return fd >= 0 ? fd : fd_raise(sys_open("/dev/userfaultfd", O_RDWR | O_CLOEXEC, 0));
}

static int userfaultfd_from_device(void)
{
	int device = probe_open_userfaultfd_device();
	int fd;

	if (device < 0)
		return device;
	fd = (int)sys_call3(SYS_ioctl, device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	fd_close(device);
	return fd;
}

int probe_open_userfaultfd(bool user_mode, bool *ret_kernel)
{
	int fd = userfaultfd_from_device();

	if (fd < 0)
		fd = (int)sys_call1(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	*ret_kernel = fd >= 0;
	if (fd == -EPERM && user_mode)
		fd = (int)sys_call1(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	return fd_raise(fd);
}
