/* SPDX-License-Identifier: MIT */
/* family.c - the children that read our slots: see family.h */
#include "store/family.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"

void family_init(struct family *family)
{
	for (unsigned g = 0; g < GENERATIONS; g++)
		family->lifeline[g] = -1;
	family->writer = -1;
}

static void close_lifelines(struct family *family)
{
	for (unsigned g = 0; g < GENERATIONS; g++) {
		fd_close(family->lifeline[g]);
		family->lifeline[g] = -1;
	}
}

void family_leave(struct family *family)
{
	close_lifelines(family);
	while (family->ancestors)
		fd_close(family->ancestor[--family->ancestors]);
}

/* Counts the generations that exist.  *ret_free: an unused number, or GENERATIONS. */
static unsigned count_generations(const struct family *family, unsigned *ret_free)
{
	unsigned living = 0;

	*ret_free = GENERATIONS;
	for (unsigned g = GENERATIONS; g-- > 0;) {
		if (family->lifeline[g] == -1)
			*ret_free = g;
		else
			living++;
	}
	return living;
}

/* Forks that share a generation when this many live: 4 have one child each, 4 two, 4 four ... */
static unsigned forks_wanted(unsigned living)
{
	return 1u << living / 4;
}

/* Adds a child to the newest generation.  Fails without /proc. */
static bool join_newest(struct family *family)
{
	char path[32];

	error_format(path, sizeof(path), "/proc/self/fd/%d", family->lifeline[family->newest]);
	family->writer = fd_raise(sys_open(path, O_WRONLY | O_CLOEXEC, 0));
	return family->writer >= 0;
}

static void begin_generation(struct family *family, unsigned g)
{
	int ends[2];

	family->newest = g;
	family->forks = 0;
	if (family->ancestors == ANCESTORS_MAX ||
	    sys_call2(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		family->lifeline[g] = LIFELINE_UNSEEN;
		return;
	}
	family->lifeline[g] = fd_raise(ends[0]);
	family->writer = fd_raise(ends[1]);
}

unsigned family_join(struct family *family)
{
	unsigned free, living = count_generations(family, &free);
	int newest = family->lifeline[family->newest];

	family->writer = -1;
	if (newest >= 0 && (free == GENERATIONS || family->forks < forks_wanted(living)) &&
	    join_newest(family)) {
		family->forks++;
		return family->newest;
	}
	if (free < GENERATIONS) {
		begin_generation(family, free);
	} else if (newest >= 0) {
		fd_close(newest);
		family->lifeline[family->newest] = LIFELINE_UNSEEN;
	}
	family->forks++;
	return family->newest;
}

bool family_has_children(const struct family *family)
{
	for (unsigned g = 0; g < GENERATIONS; g++)
		if (family->lifeline[g] >= 0)
			return true;
	return false;
}

void family_check_children(struct family *family, struct swap *swap)
{
	struct pollfd fds[GENERATIONS];
	struct timespec now = { 0, 0 };

	for (unsigned g = 0; g < GENERATIONS; g++)
		fds[g] = (struct pollfd){ .fd = family->lifeline[g], .events = POLLIN };
	if (!family_has_children(family) || sys_poll(fds, GENERATIONS, &now) <= 0)
		return;
	for (unsigned g = 0; g < GENERATIONS; g++) {
		int lifeline = fds[g].fd;

		/* One handler takes this on. */
		if (!(fds[g].revents & POLLHUP) ||
		    !atomic_compare_exchange_strong(&family->lifeline[g], &lifeline, -1))
			continue;
		fd_close(fds[g].fd);
		swap_generation_gone(swap, g);
	}
}

/* Closes the lifelines of ancestors that no longer read the other end: they are gone, or do not
 * care. */
static void forget_ancestors(struct family *family)
{
	struct pollfd fds[ANCESTORS_MAX];
	struct timespec now = { 0, 0 };
	unsigned n = family->ancestors;

	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = family->ancestor[i] };
	if (n == 0 || sys_poll(fds, n, &now) <= 0)
		return;
	family->ancestors = 0;
	for (unsigned i = 0; i < n; i++) {
		if (fds[i].revents & POLLERR)
			fd_close(fds[i].fd);
		else
			family->ancestor[family->ancestors++] = fds[i].fd;
	}
}

/* The child keeps only its own lifeline open: that is what the lifeline is for. */
void family_fork_child(struct family *family)
{
	close_lifelines(family);
	forget_ancestors(family);
	if (family->writer >= 0)
		family->ancestor[family->ancestors++] = family->writer;
	family->writer = -1;
	family->newest = family->forks = 0;
}
