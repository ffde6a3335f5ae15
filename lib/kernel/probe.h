/* SPDX-License-Identifier: MIT */
/* probe.h - what this machine gives us
 *
 * Limits and permissions, found by looking: cgroup v1 and v2 (the lowest limit up the hierarchy
 * counts), /proc/meminfo, the CPUs of our affinity mask, and the way to a userfaultfd in full mode.
 */
#ifndef SPILL_PROBE_H
#define SPILL_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* The memory limit of our cgroup in bytes, or 0 if there is none below the machine's memory.  With
 * v2, the lower of memory.max and memory.high: beyond the latter the kernel slows a process
 * down. */
uint64_t probe_cgroup_limit(void);

/* The CPU time that our cgroup may use, in thousandths of a CPU, or 0 if that is not less than the
 * CPUs that this process may run on. */
uint64_t probe_cgroup_cpu(void);

/* The same for other files in place of /proc/self/cgroup and /sys/fs/cgroup, whatever the machine
 * has; for tests. */
uint64_t probe_cgroup_limit_at(const char *list, const char *mount);
uint64_t probe_cgroup_cpu_at(const char *list, const char *mount);

/* MemAvailable and MemTotal, in bytes. */
uint64_t probe_memory_available(void);
uint64_t probe_memory_total(void);

/* What 100% means for a budget: the cgroup's limit, or MemTotal without one. */
uint64_t probe_memory_whole(void);

/* The default budget: 80 % of the cgroup's limit, or half of MemAvailable without one; whole pages,
 * at least SPILL_BUDGET_MIN. */
uint64_t probe_default_budget(void);

/* Is the kernel Linux major.minor or later, by what uname says? */
bool probe_linux_is(unsigned major, unsigned minor);

/* How many CPUs this process may run on; at least 1. */
unsigned probe_cpus(void);

/* A descriptor of /dev/userfaultfd, close-on-exec: a duplicate of the one that the launcher left
 * open for us (command.h), or else opened now; or -errno. */
int probe_open_userfaultfd_device(void);

/* A userfaultfd in full mode (it serves the kernel's faults too), O_CLOEXEC and O_NONBLOCK, at a
 * high number (fd.h), before its UFFDIO_API call: from the device, or else by the system call.  If
 * both refuse, user_mode takes one without kernel faults (Linux 5.11), which anybody may have.
 * -EPERM: every way is closed; -ENOSYS: the kernel has none. */
int probe_open_userfaultfd(bool user_mode, bool *ret_kernel);

#endif
