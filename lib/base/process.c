/* SPDX-License-Identifier: MIT */
/* process.c - other processes of the command: see process.h */
#include "base/process.h"
#include "base/error.h"
#include "base/page.h"
#include "base/proc_self.h"
#include "base/sys.h"
#include <string.h>

/* Fields of /proc/PID/stat, as proc(5) numbers them. */
enum {
	STAT_NAME = 2,
	STAT_STATE = 3,
	STAT_FLAGS = 9,
	STAT_MINFLT = 10,
	STAT_THREADS = 20,
	STAT_START = 22,
	STAT_EXIT_CODE = 52,
};

/* Flags (include/linux/sched.h): the process is ending; the thread is one of io_uring's. */
#define PF_EXITING 0x4
#define PF_IO_WORKER 0x10

/* A file of numbers, read whole. */
struct line {
	char text[1024]; /* stat is at most some 400 bytes, smaps_rollup some 800 */
	long size;	 /* or -errno */
};

static void read_line(uint32_t pid, const char *name, struct line *ret)
{
	char path[40];
	int fd;

	error_format(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) {
		ret->size = fd;
		return;
	}
	ret->size = sys_read(fd, ret->text, sizeof(ret->text));
	sys_close(fd);
}

/* The same for a file that is kept open if the process is our own. */
static void read_own_or(enum proc_self kept, uint32_t pid, const char *name, struct line *ret)
{
	int fd = pid == (uint32_t)sys_getpid() ? proc_self(kept) : -1;

	if (fd < 0)
		read_line(pid, name, ret);
	else
		ret->size = sys_pread(fd, ret->text, sizeof(ret->text), 0);
}

static void read_stat(uint32_t pid, struct line *ret)
{
	read_own_or(PROC_SELF_STAT, pid, "stat", ret);
}

/* Skips n blanks from p on, and returns the text after them. */
static const char *skip_fields(const struct line *line, const char *p, int n)
{
	const char *end = line->text + line->size;

	for (; p < end && n > 0; p++)
		n -= *p == ' ';
	return p;
}

static uint64_t number_at(const struct line *line, const char *p)
{
	uint64_t n = 0;

	for (; p < line->text + line->size && *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	return n;
}

/* The name, in parentheses, may contain anything, even blanks and parentheses; so we look for its
 * end from the back. */
static const char *stat_field(const struct line *line, int field)
{
	const char *p = line->text + line->size;

	while (p > line->text && p[-1] != ')')
		p--;
	return skip_fields(line, p, field - STAT_NAME);
}

/* The low half of the start time, in clock ticks. */
static uint32_t start_of(const struct line *stat)
{
	return (uint32_t)number_at(stat, stat_field(stat, STAT_START));
}

uint64_t process_mark(uint32_t pid)
{
	struct line stat;

	read_stat(pid, &stat);
	return stat.size > 0 ? (uint64_t)pid << 32 | start_of(&stat) : 0;
}

uint64_t process_mark_self(void)
{
	uint32_t pid = (uint32_t)sys_getpid();
	uint64_t mark = process_mark(pid);

	return mark ? mark : (uint64_t)pid << 32; /* without /proc */
}

void process_name_self(char name[16])
{
	int fd = sys_open("/proc/self/comm", O_RDONLY | O_CLOEXEC, 0);
	long n = fd < 0 ? 0 : sys_read(fd, name, 16);

	if (fd >= 0)
		sys_close(fd);
	name[n > 0 ? n - 1 : 0] = '\0'; /* in place of the newline */
}

/* Has the first thread ended? */
static bool is_gone(const struct line *stat)
{
	const char *state = stat_field(stat, STAT_STATE);

	return state < stat->text + stat->size && (*state == 'Z' || *state == 'X');
}

/* Counts the first thread, whether or not it has ended. */
static uint64_t threads_of(const struct line *stat)
{
	return number_at(stat, stat_field(stat, STAT_THREADS));
}

static uint64_t flags_of(const struct line *stat)
{
	return number_at(stat, stat_field(stat, STAT_FLAGS));
}

static bool is_worker(uint32_t pid, const char *thread)
{
	struct line stat;
	char name[32];

	error_format(name, sizeof(name), "task/%s/stat", thread);
	read_line(pid, name, &stat);
	return stat.size > 0 && (flags_of(&stat) & PF_IO_WORKER);
}

/* Counts the threads that the kernel has made for io_uring.  They count as the process's own and
 * may live as long as it does. */
static unsigned count_workers(uint32_t pid)
{
	_Alignas(struct sys_entry) char entries[1024];
	unsigned workers = 0;
	char path[32];
	long size;
	int fd;

	error_format(path, sizeof(path), "/proc/%u/task", pid);
	fd = sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	while (fd >= 0 && (size = sys_getdents(fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < size;) {
			const struct sys_entry *entry = (const void *)(entries + at);

			workers += entry->name[0] != '.' && is_worker(pid, entry->name);
			at += entry->size;
		}
	}
	if (fd >= 0)
		sys_close(fd);
	return workers;
}

/* The exit status as wait(2) reports it; a process may read its own. */
static int exit_status_of(const struct line *stat)
{
	return (int)(number_at(stat, stat_field(stat, STAT_EXIT_CODE)) >> 8 & 0xff);
}

bool process_has_only(unsigned threads, int *ret_status)
{
	uint32_t pid = (uint32_t)sys_getpid();
	struct line stat;

	read_stat(pid, &stat);
	if (stat.size <= 0 || !is_gone(&stat) ||
	    threads_of(&stat) > 1 + threads + count_workers(pid))
		return false;
	*ret_status = exit_status_of(&stat);
	return true;
}

bool process_is_ending(uint32_t pid)
{
	struct line stat;

	read_stat(pid, &stat);
	return stat.size <= 0 || is_gone(&stat) || (flags_of(&stat) & PF_EXITING);
}

bool process_is_alive(uint64_t mark)
{
	uint32_t pid = process_pid(mark), start_then = (uint32_t)mark, start_now;
	struct line stat;

	if (sys_kill((int)pid, 0) == -ESRCH)
		return false;
	read_stat(pid, &stat);
	if (stat.size <= 0)
		return stat.size != -ESRCH && stat.size != -ENOENT;
	start_now = start_of(&stat);
	if (start_then && start_now && start_then != start_now)
		return false;
	return !(is_gone(&stat) && threads_of(&stat) <= 1); /* a zombie */
}

/* The number of KiB that follows key, in pages; -1 if there is no such key. */
static int64_t pages_behind(const struct line *line, const char *key, size_t length)
{
	const char *p = line->size > 0 ? memmem(line->text, (size_t)line->size, key, length) : NULL;

	if (!p)
		return -1;
	for (p += length; p < line->text + line->size && (*p == ' ' || *p == '\t'); p++)
		;
	return (int64_t)(number_at(line, p) << 10 >> page_shift());
}

/* The number of pages that follows key in a file of /proc/PID. */
static int64_t pages_named(uint32_t pid, const char *name, const char *key)
{
	struct line line;

	read_line(pid, name, &line);
	return pages_behind(&line, key, strlen(key));
}

int64_t process_proportional(uint32_t pid)
{
	return pages_named(pid, "smaps_rollup", "\nPss_Anon:"); /* Linux 5.14 */
}

int64_t process_locked(uint32_t pid)
{
	return pages_named(pid, "status", "\nVmLck:");
}

/* The second field is what is resident; the third, which part of it is not private. */
int64_t process_anonymous(uint32_t pid)
{
	struct line statm;
	uint64_t resident, shared;

	read_own_or(PROC_SELF_STATM, pid, "statm", &statm);
	if (statm.size <= 0)
		return -1;
	resident = number_at(&statm, skip_fields(&statm, statm.text, 1));
	shared = number_at(&statm, skip_fields(&statm, statm.text, 2));
	return (int64_t)(resident - shared);
}

int64_t process_shared(uint32_t pid)
{
	return pages_named(pid, "status", "\nRssShmem:");
}

uint64_t process_minor_faults(uint64_t mark)
{
	struct line stat;

	read_stat(process_pid(mark), &stat);
	return stat.size > 0 ? number_at(&stat, stat_field(&stat, STAT_MINFLT)) : 0;
}
