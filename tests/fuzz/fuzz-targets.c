/* SPDX-License-Identifier: MIT */
/* fuzz-targets.c - any list of swap targets is taken apart or refused, and a list that was made
 * absolute says the same */
#include "fuzz.h"
#include "pager/options.h"
#include "store/target.h"
#include <errno.h>

/* The number of targets, or -EINVAL. */
static int count_targets(const char *list)
{
	struct target target;
	int n = 0, err;

	while ((err = target_next(&list, &target)) == 0) {
		CHECK(target.path[0]);
		CHECK(!strpbrk(target.path, ",;"));
		n++;
	}
	CHECK(err == 1 || err == -EINVAL);
	return err < 0 ? err : n;
}

static void check_same(const char *list, const char *absolute)
{
	struct target a, b;

	while (target_next(&list, &a) == 0) {
		size_t skipped;

		CHECK(target_next(&absolute, &b) == 0);
		CHECK(b.path[0] == '/');
		CHECK(a.priority == b.priority && a.limit == b.limit);
		skipped = strlen(b.path) - strlen(a.path);
		CHECK(strcmp(b.path + skipped, a.path) == 0);
	}
	CHECK(target_next(&absolute, &b) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char absolute[16384], small[64];
	char *list = fuzz_text(data, size);
	unsigned number;
	int n, err;

	n = count_targets(list);
	absolute[0] = '\0';
	err = target_list_absolute(list, absolute, sizeof(absolute));
	CHECK((n < 0) == (err == -EINVAL) || err == -E2BIG);
	/* A path that only fits as it was is refused by the next who reads the list. */
	if (err == 0 && n > 0 && count_targets(absolute) >= 0)
		check_same(list, absolute);
	target_list_absolute(list, small, sizeof(small));
	options_parse_disable(list, &number);
	options_parse_handlers(list, &number);
	options_parse_stall_warning(list, &number);
	free(list);
	return 0;
}
