/* SPDX-License-Identifier: MIT */
/* public.c - the functions of spill.h
 *
 * The public edge: arguments are checked here, and -errno becomes errno.
 */
#include "config.h"
#include "base/error.h"
#include "base/fd.h"
#include "pager/fork.h"
#include "base/guard.h"
#include "paging/handler.h"
#include "base/newer.h"
#include "pager/pager.h"
#include "paging/gauges.h"
#include "kernel/probe.h"
#include "observe/view.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The application's handle is the pager itself. */
static struct pager *pager_of(spill *s)
{
	return (struct pager *)s;
}

static int result_of(int err)
{
	if (err >= 0)
		return 0;
	errno = -err;
	return -1;
}

static bool is_page_aligned(const void *addr)
{
	return ((uintptr_t)addr & (page_size() - 1)) == 0;
}

/* Is [addr, addr + size) a range at all? */
static bool is_range(const void *addr, size_t size)
{
	uintptr_t end = (uintptr_t)addr + size;

	return end > (uintptr_t)addr && end <= UINTPTR_MAX - page_size();
}

struct means {
	const struct options *options;
	const char *why;
};

static long try_store(struct pager *none, void *argument)
{
	static struct store trial; /* static because it is large; (trial_lock) */
	static struct lock trial_lock;
	struct means *means = argument;
	struct target_list targets = options_targets(means->options);
	int err;

	(void)none;
	lock_take(&trial_lock, LOCK_FORK);
	memset(&trial, 0, sizeof(trial));
	err = store_open(&trial, &targets, means->options->strict, &means->why);
	store_close(&trial);
	lock_drop(&trial_lock, LOCK_FORK);
	return err;
}

/* Better to know now what would make arming fail. */
static int check_means(const struct options *options, const char **ret_why)
{
	struct means means = { options, *ret_why };
	bool kernel;
	int fd = probe_open_userfaultfd(options->user_mode, &kernel);
	int err;

	if (fd < 0)
		return fd;
	fd_close(fd);
	err = (int)guard_call(NULL, try_store, &means, sizeof(means));
	*ret_why = means.why;
	return err;
}

spill *spill_open(const struct spill_options *options)
{
	struct options filled;
	struct pager *pager = NULL;
	const char *why = NULL;
	int err;

	page_init();
	err = options_fill(options, &filled, &why);
	if (!err)
		err = check_means(&filled, &why);
	if (!err)
		err = pager_new(&filled, &pager, &why);
	if (err) {
		errno = -err;
		return NULL;
	}
	return (spill *)pager;
}

void spill_close(spill *s)
{
	int saved = errno;

	if (s)
		pager_free(pager_of(s));
	errno = saved;
}

void *spill_reserve(spill *s, size_t size)
{
	void *addr;
	int err;

	if (size == 0 || page_round_up(size) < size) {
		errno = size ? ENOMEM : EINVAL;
		return NULL;
	}
	size = page_round_up(size);
	addr = sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_is_error(addr)) {
		errno = -sys_error(addr);
		return NULL;
	}
	err = region_adopt(pager_of(s), addr, size, PROT_READ | PROT_WRITE);
	if (err) {
		sys_munmap(addr, size);
		errno = -err;
		return NULL;
	}
	return addr;
}

int spill_release(spill *s, void *addr, size_t size)
{
	if (!is_page_aligned(addr) || !is_range(addr, size))
		return result_of(-EINVAL);
	return result_of(region_release(pager_of(s), addr, size));
}

int spill_advise(spill *s, void *addr, size_t size, enum spill_advice advice)
{
	if (!is_range(addr, size) || advice < SPILL_NORMAL || advice > SPILL_COLD)
		return result_of(-EINVAL);
	if (advice == SPILL_DONT_NEED && (!is_page_aligned(addr) || size % page_size()))
		return result_of(-EINVAL);
	if (!region_covers(pager_of(s), addr, size))
		return result_of(-ENOMEM);
	return result_of(region_advise(pager_of(s), addr, size, advice));
}

int spill_pin(spill *s, void *addr, size_t size)
{
	if (!is_range(addr, size))
		return result_of(-ENOMEM);
	return result_of(region_pin(pager_of(s), addr, size));
}

int spill_unpin(spill *s, void *addr, size_t size)
{
	if (!is_range(addr, size))
		return result_of(-ENOMEM);
	return result_of(region_unpin(pager_of(s), addr, size));
}

int spill_set_budget(spill *s, size_t budget)
{
	if (budget < SPILL_BUDGET_MIN)
		return result_of(-EINVAL);
	return result_of(region_set_budget(pager_of(s), budget));
}

/* -- statistics ------------------------------------------------------------------------- */

static bool knows_size(const struct spill_stats *stats)
{
	return stats->size >= offsetof(struct spill_stats, budget) + sizeof(stats->budget) &&
	       stats->size <= sizeof(*stats);
}

/* Copies as much as the application has room for. */
static void copy_stats(struct spill_stats all, struct spill_stats *ret_stats)
{
	all.size = ret_stats->size;
	memcpy(ret_stats, &all, all.size);
}

int spill_get_stats(spill *s, struct spill_stats *ret_stats)
{
	struct spill_stats sum = { 0 };

	if (!knows_size(ret_stats))
		return result_of(-EINVAL);
	gauges_publish(&pager_of(s)->paging);
	stats_add_public(&sum, pager_of(s)->paging.stats);
	copy_stats(sum, ret_stats);
	return 0;
}

int spill_get_states(spill *s, void *addr, size_t size, unsigned char *ret_states)
{
	if (!is_page_aligned(addr))
		return result_of(-EINVAL);
	if (!is_range(addr, size))
		return result_of(-ENOMEM);
	if (!region_covers(pager_of(s), addr, size))
		return result_of(-ENOMEM);
	return result_of(region_states(pager_of(s), addr, size, ret_states));
}

const char *spill_version(void)
{
	return PACKAGE_VERSION;
}

/* -- other processes -------------------------------------------------------------------- */

struct spill_attached {
	struct view view;
	int pidfd; /* tells when the process has ended; reading /proc would hold it up a little */
};

static bool has_ended(const spill_attached *attached)
{
	struct pollfd fd = { .fd = attached->pidfd, .events = POLLIN };
	struct timespec now = { 0, 0 };

	return sys_poll(&fd, 1, &now) == 1;
}

spill_attached *spill_attach(pid_t pid)
{
	spill_attached *attached = calloc(1, sizeof(*attached));
	int err;

	if (!attached)
		return NULL;
	attached->pidfd = (int)sys_call2(SYS_pidfd_open, pid, 0);
	if (attached->pidfd == -EINVAL) /* not a positive number, or a thread's */
		attached->pidfd = -ESRCH;
	err = attached->pidfd < 0 ? attached->pidfd
				  : view_open(&attached->view, (uint32_t)pid, false);
	if (err) {
		spill_detach(attached);
		errno = -err;
		return NULL;
	}
	return attached;
}

void spill_detach(spill_attached *attached)
{
	int saved = errno;

	if (attached) {
		view_close(&attached->view);
		fd_close(attached->pidfd);
	}
	free(attached);
	errno = saved;
}

int spill_attached_stats(const spill_attached *attached, struct spill_stats *ret_stats)
{
	bool ended = has_ended(attached);
	struct spill_stats sum = { 0 };

	if (!knows_size(ret_stats))
		return result_of(-EINVAL);
	view_sum(&attached->view, &sum);
	copy_stats(sum, ret_stats);
	return result_of(ended ? -ESRCH : 0);
}
