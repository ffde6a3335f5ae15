/* SPDX-License-Identifier: MIT */
/* probe.h - what this machine gives us
 *
 * Limits and permissions, found by looking: cgroup v1 and v2 (the lowest limit
 * up the hierarchy counts), /proc/meminfo, the CPUs of our affinity mask, and
 * the way to a userfaultfd in full mode.
 */
#ifndef SPILL_PROBE_H
#define SPILL_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* The memory limit of our cgroup in bytes, or 0 if there is none below the
 * machine's memory.  v2: the lower of memory.max and memory.high, beyond which
 * a process is slowed down. */
uint64_t probe_cgroup_limit(void);

/* The same, with other places in the stead of /proc/self/cgroup and
 * /sys/fs/cgroup, and whatever the machine has; for the tests. */
uint64_t probe_cgroup_limit_at(const char *list, const char *mount);

/* MemAvailable, MemTotal in bytes. */
uint64_t probe_memory_available(void);
uint64_t probe_memory_total(void);

/* What 100% means for a budget: the cgroup's limit, else MemTotal. */
uint64_t probe_memory_whole(void);

/* The default budget: 80 % of the cgroup's limit, else half of what is
 * available; at least SPILL_BUDGET_MIN; whole pages. */
uint64_t probe_default_budget(void);

/* Is the kernel Linux major.minor or later?  What uname says. */
bool probe_linux_is(unsigned major, unsigned minor);

/* How many CPUs this process may run on; at least 1. */
unsigned probe_cpus(void);

/* An open descriptor of /dev/userfaultfd, close-on-exec: a duplicate of the one
 * that the launcher left open for us (command.h), else one opened now; or
 * -errno. */
int probe_open_userfaultfd_device(void);

/* A userfaultfd in full mode (kernel faults are served too), O_CLOEXEC and
 * O_NONBLOCK, before its UFFDIO_API call: from the device, else by the system
 * call; at a high number (command.h).  Where that is refused, user_mode takes one without
 * kernel faults (Linux 5.11), which anybody may have.  -EPERM: every way is closed; -ENOSYS: the
 * kernel has none. */
int probe_open_userfaultfd(bool user_mode, bool *ret_kernel);

#endif
