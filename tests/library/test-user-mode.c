/* SPDX-License-Identifier: MIT */
/* test-user-mode - without any permission, and with user_mode, a program's own accesses are served;
 * a system call that meets a paged-out page fails with EFAULT, and works once the page is pinned
 *
 * Time limit: 60
 */
#include "harness.h"
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NOBODY 65534
#define BUDGET SPILL_BUDGET_MIN

static spill *open_pager(unsigned user_mode)
{
	struct spill_options options = SPILL_OPTIONS_INIT;

	options.budget = BUDGET;
	options.swap = "/var/tmp";
	options.user_mode = user_mode;
	return spill_open(&options);
}

static void drop_privileges(void)
{
	if (getuid() != 0)
		return;
	CHECK_OK(setresgid(NOBODY, NOBODY, NOBODY));
	CHECK_OK(setresuid(NOBODY, NOBODY, NOBODY));
	/* Its files in /proc are its own again. */
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static size_t find_swapped(const struct area *area)
{
	for (size_t i = 0; i < area->pages; i++)
		if ((area_state(area, i) & SPILL_STATE_MASK) == SPILL_SWAPPED)
			return i;
	test_fail("no page is swapped");
}

static void try_system_calls(struct area *area)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	size_t i = find_swapped(area), size = test_page_size();

	CHECK(read(fd, area_page(area, i), size) < 0 && errno == EFAULT,
	      "a read into a page that is paged out: %s", strerror(errno));
	area_check(area, i);
	i = find_swapped(area);
	CHECK_OK(spill_pin(area->pager, area_page(area, i), size));
	CHECK(read(fd, area_page(area, i), size) == (ssize_t)size, "into a pinned page: %s",
	      strerror(errno));
	area_zeroed(area, i, 1);
	area_check(area, i);
	close(fd);
}

int main(void)
{
	struct area area;
	spill *s;

	test_begin("user-mode", 60);
	case_begin("ordinary user", M);
	drop_privileges();
	s = open_pager(0);
	if (s) {
		spill_close(s);
		test_skip("everybody may have a full userfaultfd here");
	}
	CHECK(errno == EPERM, "spill_open: %s", strerror(errno));
	s = open_pager(1);
	CHECK(s, "spill_open with user_mode: %s", strerror(errno));
	case_allow(BUDGET);
	area = area_reserve(s, 1, 3 * BUDGET);
	area_write_all(&area);
	area_check_all(&area);
	try_system_calls(&area);
	for (size_t i = 0; i < area.pages; i++)
		area_update(&area, i);
	area_check_all(&area);
	area_forget(&area);
	spill_close(s);
	case_end();
	return test_end();
}
