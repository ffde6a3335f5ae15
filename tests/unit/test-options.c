/* SPDX-License-Identifier: MIT */
/* test-options - options come from the caller, the environment and the machine
 * (options.h, probe.h) */
#include "pager/options.h"
#include "base/page.h"
#include "kernel/probe.h"
#include "unit.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define M (UINT64_C(1) << 20)

static struct options options;
static const char *why;

static void clear_environment(void)
{
	static const char *const names[] = { "SPILL_BUDGET",	   "SPILL_SWAP",
					     "SPILL_OVERCOMMIT",   "SPILL_HANDLERS",
					     "SPILL_DISABLE",	   "SPILL_QUIET",
					     "SPILL_STALL_WARNING" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	page_init();
}

START_TEST(without_anything_there_are_defaults)
{
	ck_assert_int_eq(options_fill(NULL, &options, &why), 0);
	ck_assert_uint_ge(options.budget, SPILL_BUDGET_MIN);
	ck_assert_uint_eq(options.budget % page_size(), 0);
	ck_assert_int_eq(options.swap[0], '/');
	ck_assert_uint_ge(options.handlers, 1);
	ck_assert_uint_le(options.handlers, HANDLERS_MAX);
	ck_assert_uint_eq(options.overcommit, 0);
	ck_assert_uint_eq(options.disable, 0);
	ck_assert_uint_eq(options.stall_warning, 10);
	ck_assert(!options.quiet);
}
END_TEST

START_TEST(the_environment_is_obeyed)
{
	setenv("SPILL_BUDGET", "64M", 1);
	setenv("SPILL_SWAP", "/a;/b,pri=1", 1);
	setenv("SPILL_OVERCOMMIT", "1M", 1);
	setenv("SPILL_HANDLERS", "3", 1);
	setenv("SPILL_DISABLE", "move,spin", 1);
	setenv("SPILL_QUIET", "1", 1);
	setenv("SPILL_STALL_WARNING", "0", 1);
	setenv("SPILL_USER_MODE", "1", 1);
	ck_assert_int_eq(options_fill(NULL, &options, &why), 0);
	ck_assert_uint_eq(options.budget, 64 * M);
	ck_assert_str_eq(options.swap, "/a;/b,pri=1");
	ck_assert_uint_eq(options.overcommit, M);
	ck_assert_uint_eq(options.handlers, 3);
	ck_assert_uint_eq(options.disable, SPILL_FEATURE_MOVE | SPILL_FEATURE_SPIN);
	ck_assert(options.quiet);
	ck_assert(options.user_mode);
	ck_assert_uint_eq(options.stall_warning, 0);
}
END_TEST

START_TEST(the_caller_comes_first)
{
	struct spill_options given = SPILL_OPTIONS_INIT;

	setenv("SPILL_BUDGET", "64M", 1);
	setenv("SPILL_SWAP", "/a", 1);
	setenv("SPILL_DISABLE", "uring", 1);
	given.budget = 16 * M + 1;
	given.swap = "/c";
	given.disable = SPILL_FEATURE_MOVE;
	given.stall_warning = 3;
	given.compress = "off";
	setenv("SPILL_COMPRESS", "lz4", 1);
	setenv("SPILL_STALL_WARNING", "5", 1);
	ck_assert_int_eq(options_fill(&given, &options, &why), 0);
	ck_assert_uint_eq(options.budget, 16 * M);
	ck_assert_str_eq(options.swap, "/c");
	ck_assert_uint_eq(options.stall_warning, 3);
	ck_assert(!options.compress);
	ck_assert_uint_eq(options.disable, SPILL_FEATURE_MOVE | SPILL_FEATURE_URING);
}
END_TEST

static const struct {
	const char *name, *value;
} bad[] = {
	{ "SPILL_BUDGET", "12Q" },
	{ "SPILL_BUDGET", "1M" },
	{ "SPILL_BUDGET", "101%" },
	{ "SPILL_SWAP", "/a,pri=" },
	{ "SPILL_SWAP", ";" },
	{ "SPILL_OVERCOMMIT", "x" },
	{ "SPILL_HANDLERS", "0" },
	{ "SPILL_HANDLERS", "-1" },
	{ "SPILL_HANDLERS", "2x" },
	{ "SPILL_HANDLERS", "9999" },
	{ "SPILL_DEBUG", "fault" },
	{ "SPILL_DISABLE", "moves" },
	{ "SPILL_DISABLE", "move uring" },
	{ "SPILL_STALL_WARNING", "soon" },
	{ "SPILL_COMPRESS", "1" },
	{ "SPILL_STALL_WARNING", "86401" },
};

START_TEST(what_is_wrong_in_the_environment_is_named)
{
	setenv(bad[_i].name, bad[_i].value, 1);
	ck_assert_int_eq(options_fill(NULL, &options, &why), -EINVAL);
	ck_assert_msg(strstr(why, bad[_i].name) == why, "%s", why);
	ck_assert_msg(strstr(why, bad[_i].value) != NULL, "%s", why);
}
END_TEST

START_TEST(what_is_wrong_with_the_caller_is_named)
{
	struct spill_options given = SPILL_OPTIONS_INIT;

	given.handlers = 5;
	ck_assert_int_eq(options_fill(&given, &options, &why), -EINVAL);
	ck_assert_msg(strstr(why, "handlers") == why, "%s", why);
	given.handlers = 0;
	given.disable = 1U << 31;
	ck_assert_int_eq(options_fill(&given, &options, &why), -EINVAL);
	ck_assert_msg(strstr(why, "disable") == why, "%s", why);
}
END_TEST

START_TEST(other_versions_are_understood)
{
	struct {
		struct spill_options options;
		uint64_t later;
	} newer = { .options = SPILL_OPTIONS_INIT, .later = 0 };

	newer.options.size = sizeof(newer);
	newer.options.handlers = 2;
	ck_assert_int_eq(options_fill(&newer.options, &options, &why), 0);
	newer.later = 1;
	ck_assert_int_eq(options_fill(&newer.options, &options, &why), -EINVAL);
	newer.options.size = 0;
	ck_assert_int_eq(options_fill(&newer.options, &options, &why), -EINVAL);
	newer.options.size = offsetof(struct spill_options, handlers);
	newer.options.handlers = 9999;
	ck_assert_int_eq(options_fill(&newer.options, &options, &why), 0);
}
END_TEST

START_TEST(empty_variables_are_none)
{
	setenv("SPILL_BUDGET", "", 1);
	setenv("SPILL_SWAP", "", 1);
	setenv("SPILL_QUIET", "0", 1);
	ck_assert_int_eq(options_fill(NULL, &options, &why), 0);
	ck_assert(!options.quiet);
}
END_TEST

/* -- cgroups, in a directory of our own ------------------------------------------ */

static char root[4096];

static void make_root(void)
{
	const char *base = getenv("TEST_TMP");

	clear_environment();
	snprintf(root, sizeof(root), "%s/options.XXXXXX", base ? base : "/var/tmp");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void remove_root(void)
{
	char command[sizeof(root) + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *name, const char *contents)
{
	char path[2 * sizeof(root)], command[3 * sizeof(root)];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s')\"", path);
	ck_assert_int_eq(system(command), 0);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(contents, file);
	fclose(file);
}

static uint64_t ask(uint64_t (*probe)(const char *list, const char *mount))
{
	char list[2 * sizeof(root)];

	snprintf(list, sizeof(list), "%s/list", root);
	return probe(list, root);
}

static uint64_t limit(void)
{
	return ask(probe_cgroup_limit_at);
}

START_TEST(the_lowest_limit_above_us_counts)
{
	put("list", "0::/a/b/c\n");
	put("a/memory.max", "max\n");
	put("a/b/memory.max", "1000000000\n");
	put("a/b/c/memory.max", "2000000000\n");
	ck_assert_uint_eq(limit(), 1000000000);
	put("a/b/c/memory.high", "500000000\n");
	ck_assert_uint_eq(limit(), 500000000);
}
END_TEST

START_TEST(without_a_limit_there_is_none)
{
	put("list", "0::/a\n");
	put("a/memory.max", "max\n");
	ck_assert_uint_eq(limit(), 0);
	put("list", "");
	ck_assert_uint_eq(limit(), 0);
}
END_TEST

START_TEST(the_old_hierarchy_is_read)
{
	put("list", "5:cpu,memoryx:/x\n4:cpuset,memory:/job\n0::/\n");
	put("memory/job/memory.limit_in_bytes", "300000000\n");
	put("memory/memory.limit_in_bytes", "9223372036854771712\n");
	ck_assert_uint_eq(limit(), 300000000);
}
END_TEST

/* A container without a cgroup namespace: the path is the host's. */
START_TEST(a_path_of_the_host_is_not_needed)
{
	put("list", "0::/docker/1234\n");
	put("memory.max", "700000000\n");
	ck_assert_uint_eq(limit(), 700000000);
	put("list", "0::/../../elsewhere\n");
	ck_assert_uint_eq(limit(), 700000000);
}
END_TEST

static uint64_t cpu(void)
{
	return ask(probe_cgroup_cpu_at);
}

START_TEST(a_quota_of_cpu_time)
{
	put("list", "0::/a/b\n");
	put("a/cpu.max", "150000 100000\n");
	put("a/b/cpu.max", "max 100000\n");
	ck_assert_uint_eq(cpu(), 1500);
	put("a/b/cpu.max", "25000 50000\n");
	ck_assert_uint_eq(cpu(), 500);
	ck_assert_uint_eq(limit(), 0);
	put("list", "7:cpuset:/job\n6:cpu,cpuacct:/job\n");
	put("cpu/job/cpu.cfs_quota_us", "-1\n");
	put("cpu/job/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(cpu(), 0);
	put("cpu/job/cpu.cfs_quota_us", "300000\n");
	ck_assert_uint_eq(cpu(), 3000);
}
END_TEST

START_TEST(the_machine_has_memory_and_cpus)
{
	ck_assert_uint_gt(probe_memory_total(), 16 * M);
	ck_assert_uint_gt(probe_memory_available(), M);
	ck_assert_uint_le(probe_memory_available(), probe_memory_total());
	ck_assert_uint_le(probe_memory_whole(), probe_memory_total());
	ck_assert_uint_ge(probe_cpus(), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *filling = unit_case(suite, "filling", 10);
	TCase *probing = unit_case(suite, "probing", 10);

	tcase_add_checked_fixture(filling, clear_environment, NULL);
	tcase_add_test(filling, without_anything_there_are_defaults);
	tcase_add_test(filling, the_environment_is_obeyed);
	tcase_add_test(filling, the_caller_comes_first);
	tcase_add_loop_test(filling, what_is_wrong_in_the_environment_is_named, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(filling, what_is_wrong_with_the_caller_is_named);
	tcase_add_test(filling, other_versions_are_understood);
	tcase_add_test(filling, empty_variables_are_none);
	tcase_add_checked_fixture(probing, make_root, remove_root);
	tcase_add_test(probing, the_lowest_limit_above_us_counts);
	tcase_add_test(probing, without_a_limit_there_is_none);
	tcase_add_test(probing, the_old_hierarchy_is_read);
	tcase_add_test(probing, a_quota_of_cpu_time);
	tcase_add_test(probing, a_path_of_the_host_is_not_needed);
	tcase_add_test(probing, the_machine_has_memory_and_cpus);
	return unit_main(suite, NULL);
}
