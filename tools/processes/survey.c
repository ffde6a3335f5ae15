/* SPDX-License-Identifier: MIT */
/* survey.c - the processes that run under spill: see survey.h */
#define _GNU_SOURCE 1
#include "processes/survey.h"
#include "base/page.h"
#include "base/process.h"
#include "command/pool.h"
#include "observe/fd_search.h"
#include "observe/view.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- lists --------------------------------------------------------------------------------- */

/* Makes room for one more after count elements; returns that element, zeroed. */
static void *grow(void *list, size_t *count, size_t size)
{
	char *grown = realloc(*(void **)list, (*count + 1) * size);

	if (!grown)
		abort();
	*(void **)list = grown;
	return memset(grown + (*count)++ * size, 0, size);
}

/* -- what /proc tells ---------------------------------------------------------------------- */

static FILE *open_proc(uint32_t pid, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	return fopen(path, "re");
}

/* Bytes of the UTF-8 character there; 0: it is none, or a control character. */
static size_t character_length(const char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)text[0];
	size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	uint32_t c = n == 1 ? first : first & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c < least[n] || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000) || (n == 1 && c >= 0x7f))
		return 0;
	return n;
}

/* A process may call itself anything, and the kernel cuts that off after 15 bytes.  Replaces by '?'
 * what a terminal would obey or JSON cannot have. */
static void clean_name(char *name)
{
	while (*name) {
		size_t n = character_length(name);

		if (!n)
			*name = '?';
		name += n ? n : 1;
	}
}

/* Finds its name, user and mark.  false: it is gone. */
static bool identify(struct survey_process *process)
{
	struct view_identity identity;

	if (!view_identify(process->pid, &identity))
		return false;
	process->mark = identity.mark;
	process->user = identity.user;
	clean_name(identity.name);
	memcpy(process->name, identity.name, sizeof(process->name));
	return true;
}

static uint64_t thread_cpu(uint32_t pid, const char *tid)
{
	char path[64], name[16] = "";
	uint64_t ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "task/%.12s/comm", tid);
	file = open_proc(pid, path);
	if (!file)
		return 0;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	if (strncmp(name, "spill/", 6) != 0)
		return 0;
	snprintf(path, sizeof(path), "task/%.12s/schedstat", tid);
	file = open_proc(pid, path);
	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

uint64_t survey_cpu(const struct survey_process *process)
{
	char path[32];
	struct dirent *entry;
	uint64_t ns = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task", process->pid);
	tasks = opendir(path);
	if (!tasks)
		return 0;
	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			ns += thread_cpu(process->pid, entry->d_name);
	closedir(tasks);
	return ns;
}

/* -- commands ------------------------------------------------------------------------------ */

/* Under nested `spill run's a process has both pools open; the inner one has the higher number. */
int survey_open_pool(uint32_t pid, int flags)
{
	struct fd_search search, last = { .fd = -1 };
	int fd, err = fd_search_open(&search, pid);

	if (err)
		return err;
	while (fd_search_next(&search, POOL_NAME))
		if (search.fd > last.fd)
			last = search;
	fd = last.fd < 0 ? -ENOENT : fd_search_get(&last, flags);
	fd_search_close(&search);
	return fd;
}

/* Copies the pool up to the last entry in use.  false: it cannot be read. */
static bool read_pool(int fd, struct pool *pool)
{
	size_t head = offsetof(struct pool, entry), entries;

	if (pread(fd, pool, head, 0) != (ssize_t)head || !pool_total(pool))
		return false;
	entries = pool_entries(pool) * sizeof(pool->entry[0]);
	return pread(fd, pool->entry, entries, (off_t)head) == (ssize_t)entries;
}

struct survey_share survey_share(const struct survey_process *process)
{
	static struct pool pool; /* large */
	int fd = survey_open_pool(process->pid, O_RDONLY);
	bool there = fd >= 0 && read_pool(fd, &pool);

	if (fd >= 0)
		close(fd);
	if (!there)
		return (struct survey_share){ process->sum.budget, process->sum.held };
	return (struct survey_share){ (uint64_t)pool_total(&pool) << page_shift(),
				      (uint64_t)pool_held(&pool) << page_shift() };
}

/* Finds or adds the command; returns its index, or -1: it is of another version, or gone. */
static ssize_t find_command(struct survey *survey, const struct fd_search *search)
{
	struct survey_command *command;
	struct stats_table *table;
	int fd;

	for (size_t i = 0; i < survey->commands; i++)
		if (survey->command[i].device == search->device &&
		    survey->command[i].inode == search->inode)
			return (ssize_t)i;
	if (survey->only_these)
		return -1;
	fd = fd_search_get(search, O_RDONLY);
	table = fd < 0 ? NULL : stats_table_map(fd, false);
	if (fd >= 0)
		close(fd);
	if (!table)
		return -1;
	command = grow(&survey->command, &survey->commands, sizeof(*command));
	command->table = table;
	command->device = search->device;
	command->inode = search->inode;
	return (ssize_t)survey->commands - 1;
}

/* -- processes ----------------------------------------------------------------------------- */

/* 0 or -errno, as survey_take. */
static int look_at(struct survey *survey, uint32_t pid)
{
	struct survey_process process = { .pid = pid };
	struct fd_search search;
	bool found = false;
	int err = fd_search_open(&search, pid);

	if (err)
		return err;
	if (!identify(&process)) {
		fd_search_close(&search);
		return -ESRCH;
	}
	while (fd_search_next(&search, STATS_NAME)) {
		ssize_t command = find_command(survey, &search);
		bool counts;

		if (command < 0 || (found && (size_t)command == process.command))
			continue;
		/* If it counts in another table, that belongs to an outer `spill run'. */
		counts =
			stats_table_add(survey->command[command].table, process.mark, &process.sum);
		if (counts || !process.paged)
			process.command = (size_t)command;
		process.paged |= counts;
		found = true;
	}
	if (process.paged && !fd_search_has_pager(&search)) {
		process.paged = false;
		process.sum = (struct stats){ 0 };
	}
	fd_search_close(&search);
	if (!found) /* a process that is ending has nothing open */
		return process_is_ending(pid) ? -ESRCH : -ENOENT;
	if (!process.paged)
		process.sum.resident = (uint64_t)process_anonymous(pid) << page_shift();
	*(struct survey_process *)grow(&survey->process, &survey->processes, sizeof(process)) =
		process;
	return 0;
}

static int look_at_all(struct survey *survey)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	if (!processes)
		return -errno;
	while ((entry = readdir(processes))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (pid)
			look_at(survey, pid);
	}
	closedir(processes);
	return survey->processes ? 0 : -ENOENT;
}

static int by_pid(const void *a, const void *b)
{
	const struct survey_process *one = a, *other = b;

	return one->pid < other->pid ? -1 : one->pid > other->pid;
}

int survey_take(struct survey *survey, uint32_t pid)
{
	int err;

	survey->processes = 0;
	err = pid ? look_at(survey, pid) : look_at_all(survey);
	if (survey->processes)
		qsort(survey->process, survey->processes, sizeof(*survey->process), by_pid);
	return err;
}

const struct survey_process *survey_find(const struct survey *survey,
					 const struct survey_process *wanted)
{
	const struct survey_process *found;

	if (!survey->processes)
		return NULL;
	found = bsearch(wanted, survey->process, survey->processes, sizeof(*wanted), by_pid);
	return found && found->mark == wanted->mark ? found : NULL;
}

void survey_free(struct survey *survey)
{
	for (size_t i = 0; i < survey->commands; i++)
		stats_table_unmap((struct stats_table *)(uintptr_t)survey->command[i].table);
	free(survey->command);
	free(survey->process);
}

/* -- sums ---------------------------------------------------------------------------------- */

void survey_sum_command(const struct survey_command *command, struct stats *ret_sum)
{
	const struct stats_table *table = command->table;

	*ret_sum = (struct stats){ 0 };
	stats_add_counters(ret_sum, &table->gone);
	for (uint32_t i = 0; i < stats_table_taken(table); i++)
		if (atomic_load(&table->slot[i].mark))
			stats_add_counters(ret_sum, &table->slot[i].stats);
}

void survey_sum(const struct survey *survey, struct stats *ret_sum)
{
	struct stats sum;

	*ret_sum = (struct stats){ 0 };
	for (size_t i = 0; i < survey->commands; i++) {
		survey_sum_command(&survey->command[i], &sum);
		stats_add_counters(ret_sum, &sum);
	}
}
