/* SPDX-License-Identifier: MIT */
/* test-arguments - invalid arguments are refused with the errno that spill.h promises, and change
 * nothing, before the pager arms and afterwards
 *
 * Time limit: 60
 */
#include "harness.h"
#include <stdint.h>

#define BUDGET (16 * M)

/* So large that a sum with it is behind the end of the address space. */
#define TOO_LARGE (SIZE_MAX - 100)

static void refuse_reservations(spill *s)
{
	errno = 0;
	CHECK(!spill_reserve(s, 0) && errno == EINVAL, "0 bytes: errno %d", errno);
	errno = 0;
	CHECK(!spill_reserve(s, TOO_LARGE) && errno == ENOMEM, "too many bytes: errno %d", errno);
	errno = 0;
	CHECK(!spill_reserve(s, SIZE_MAX / 2) && errno == ENOMEM,
	      "more than the address space: errno %d", errno);
}

static void refuse_ranges(spill *s, char *base, char *outside)
{
	size_t page = test_page_size();
	unsigned char states[2];

	CHECK_ERRNO(spill_release(s, base + 1, page), EINVAL);
	CHECK_ERRNO(spill_release(s, base, 0), EINVAL);
	CHECK_ERRNO(spill_release(s, base, TOO_LARGE), EINVAL);

	CHECK_ERRNO(spill_pin(s, base, 0), ENOMEM);
	CHECK_ERRNO(spill_pin(s, base, TOO_LARGE), ENOMEM);
	CHECK_ERRNO(spill_pin(s, outside, page), ENOMEM);
	CHECK_ERRNO(spill_unpin(s, base, TOO_LARGE), ENOMEM);
	CHECK_ERRNO(spill_unpin(s, outside, page), ENOMEM);

	CHECK_ERRNO(spill_get_states(s, base + 1, page, states), EINVAL);
	CHECK_ERRNO(spill_get_states(s, base, 0, states), ENOMEM);
	CHECK_ERRNO(spill_get_states(s, outside - page, 2 * page, states), ENOMEM);
}

static void refuse_advice(spill *s, char *base, char *outside)
{
	size_t page = test_page_size();

	CHECK_ERRNO(spill_advise(s, base, page, (enum spill_advice)(SPILL_NORMAL - 1)), EINVAL);
	CHECK_ERRNO(spill_advise(s, base, page, (enum spill_advice)(SPILL_COLD + 1)), EINVAL);
	CHECK_ERRNO(spill_advise(s, base, 0, SPILL_COLD), EINVAL);
	CHECK_ERRNO(spill_advise(s, base, TOO_LARGE, SPILL_COLD), EINVAL);
	CHECK_ERRNO(spill_advise(s, base + 1, page, SPILL_DONT_NEED), EINVAL);
	CHECK_ERRNO(spill_advise(s, base, page - 1, SPILL_DONT_NEED), EINVAL);
	CHECK_ERRNO(spill_advise(s, outside - page, 2 * page, SPILL_WILL_NEED), ENOMEM);
}

/* A program that was compiled with an older header has a shorter struct. */
static void try_stats(spill *s)
{
	struct spill_stats stats = { .size = sizeof(stats.size) }, part;

	CHECK_ERRNO(spill_get_stats(s, &stats), EINVAL);
	CHECK(stats.size == sizeof(stats.size) && !stats.budget, "a refused struct was written");
	memset(&part, 0xa5, sizeof(part));
	part.size = offsetof(struct spill_stats, armed);
	CHECK(spill_get_stats(s, &part) == 0, "a shorter struct: %s", strerror(errno));
	CHECK(part.budget == BUDGET && part.armed == UINT64_C(0xa5a5a5a5a5a5a5a5),
	      "a shorter struct was not filled up to its end");
}

static void refuse_all(const struct area *area)
{
	spill *s = area->pager;
	char *outside = area->base + area->pages * test_page_size();

	refuse_reservations(s);
	refuse_ranges(s, area->base, outside);
	refuse_advice(s, area->base, outside);
	try_stats(s);
	CHECK_ERRNO(spill_set_budget(s, SPILL_BUDGET_MIN - 1), EINVAL);
	area_check_all(area);
	CHECK(pager_stats(s).reserved == area->pages * test_page_size(),
	      "what is reserved changed");
}

static void try_arguments(bool arm)
{
	struct area area;
	spill *s;

	case_begin(arm ? "armed" : "not armed", 0);
	s = pager_open(BUDGET);
	area = area_reserve(s, 1, arm ? 2 * BUDGET : BUDGET / 2);
	/* The page behind it is not ours. */
	area.pages--;
	CHECK(spill_release(s, area_page(&area, area.pages), test_page_size()) == 0,
	      "spill_release");
	area_write_all(&area);
	CHECK(pager_stats(s).armed == arm, "it is armed, or not, otherwise than meant");
	refuse_all(&area);
	area_forget(&area);
	pager_close(s);
	case_end();
}

int main(void)
{
	test_begin("arguments", 55);
	try_arguments(false);
	try_arguments(true);
	return test_end();
}
