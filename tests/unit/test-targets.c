/* SPDX-License-Identifier: MIT */
/* test-targets - swap targets are parsed, checked and opened (target.h), and
 * handed to the processes of a command (command.h) */
#include "store/target.h"
#include "command/command.h"
#include "base/fd.h"
#include "pager/options.h"
#include "base/page.h"
#include "store/slot.h"
#include "store/target_head.h"
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define M (UINT64_C(1) << 20)

static char directory[4096]; /* an empty one for each test */

static void make_directory(void)
{
	const char *base = getenv("TEST_TMP");

	page_init();
	snprintf(directory, sizeof(directory), "%s/targets.XXXXXX", base ? base : "/var/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
	char command[sizeof(directory) + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	ck_assert_int_eq(system(command), 0);
}

/* The path of a file in the directory; static. */
static const char *in_directory(const char *name)
{
	static char path[sizeof(directory) + 64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static const char *make_file(const char *name, const char *contents)
{
	const char *path = in_directory(name);
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(contents, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	return path;
}

static struct target parsed(const char *text)
{
	struct target target;

	ck_assert_int_eq(target_next(&text, &target), 0);
	return target;
}

static int try_open(const char *text, struct target_file *ret_file)
{
	struct target target = parsed(text);
	const char *why = NULL;
	int err = target_open(&target, true, ret_file, &why);

	if (err) {
		ck_assert_ptr_nonnull(why);
		ck_assert_msg(strncmp(why, target.path, strlen(target.path)) == 0,
			      "does not name %s: %s", target.path, why);
	}
	return err;
}

static void refused(const char *text, int err)
{
	struct target_file file;

	ck_assert_int_eq(try_open(text, &file), err);
}

static struct target_file opened(const char *text)
{
	struct target_file file;

	ck_assert_int_eq(try_open(text, &file), 0);
	return file;
}

/* -- how they are written ------------------------------------------------------ */

START_TEST(a_list_is_taken_apart)
{
	const char *list = "/a;/b,pri=7;/c d,limit=1.5G,pri=-3;";
	struct target target;

	ck_assert_int_eq(target_next(&list, &target), 0);
	ck_assert_str_eq(target.path, "/a");
	ck_assert_int_eq(target.priority, 0);
	ck_assert_uint_eq(target.limit, 0);
	ck_assert_int_eq(target_next(&list, &target), 0);
	ck_assert_str_eq(target.path, "/b");
	ck_assert_int_eq(target.priority, 7);
	ck_assert_int_eq(target_next(&list, &target), 0);
	ck_assert_str_eq(target.path, "/c d");
	ck_assert_int_eq(target.priority, -3);
	ck_assert_uint_eq(target.limit, 1536 * M);
	ck_assert_int_eq(target_next(&list, &target), 1);
	ck_assert_int_eq(target_next(&list, &target), 1);
}
END_TEST

static const char *const malformed[] = {
	",pri=1",	"/a,",	     "/a,pri",	   "/a,pri=",	   "/a,pri=x",	 "/a,pri=1x",
	"/a,pri=99999", "/a,limit=", "/a,limit=0", "/a,limit=50%", "/a,size=1G", "/a,,pri=1",
};

START_TEST(what_is_malformed_is_refused)
{
	const char *list = malformed[_i];
	struct target target;

	ck_assert_int_eq(target_next(&list, &target), -EINVAL);
	ck_assert_ptr_eq(list, malformed[_i]);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
	static char text[5000];
	const char *list = text;
	struct target target;

	memset(text, 'a', sizeof(text) - 1);
	ck_assert_int_eq(target_next(&list, &target), -EINVAL);
}
END_TEST

START_TEST(relative_paths_become_absolute)
{
	char list[4096], expected[3 * 4096];

	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_int_eq(target_list_absolute(";a,pri=1;/b;;c,limit=1G", list, sizeof(list)), 0);
	snprintf(expected, sizeof(expected), "%s/a,pri=1;/b;%s/c,limit=1G", directory, directory);
	ck_assert_str_eq(list, expected);
	ck_assert_int_eq(target_list_absolute("a,pri=", list, sizeof(list)), -EINVAL);
	ck_assert_int_eq(target_list_absolute("/a;/b;/c", list, 8), -E2BIG);
	ck_assert_int_eq(target_list_absolute("/a;/b;/c", list, 9), 0);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* -- directories ----------------------------------------------------------------- */

static unsigned names_in(const char *path)
{
	char command[sizeof(directory) + 32];
	unsigned n = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", path);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_int_eq(fscanf(pipe, "%u", &n), 1);
	pclose(pipe);
	return n;
}

START_TEST(a_directory_gets_a_file_without_a_name)
{
	struct target_file file = opened(directory);
	struct stat st;

	ck_assert_int_eq(file.kind, TARGET_DIRECTORY);
	ck_assert_int_ge(file.owners_fd, 0);
	ck_assert_uint_eq(file.offset, 0);
	ck_assert_uint_ge(file.limit, TARGET_ROOM_MIN);
	ck_assert_int_eq(fstat(file.fd, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_uint_eq(names_in(directory), 0);
	target_close(&file);
}
END_TEST

START_TEST(descriptors_are_high_and_not_inherited)
{
	struct target_file file = opened(directory);

	ck_assert_int_ge(file.fd, fd_high());
	ck_assert_int_eq(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
	target_close(&file);
}
END_TEST

START_TEST(limits_hold)
{
	char text[sizeof(directory) + 64];
	struct target_file file;

	snprintf(text, sizeof(text), "%s,limit=32M,pri=5", directory);
	file = opened(text);
	ck_assert_uint_eq(file.limit, 32 * M);
	ck_assert_int_eq(file.priority, 5);
	target_close(&file);

	snprintf(text, sizeof(text), "%s,limit=8M", directory);
	refused(text, -ENOSPC);
}
END_TEST

START_TEST(what_is_free_is_not_all_taken)
{
	struct target_file file = opened(directory);
	struct statfs fs;
	uint64_t room;

	ck_assert_int_eq(statfs(directory, &fs), 0);
	room = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
	ck_assert_msg(file.limit < room * 96 / 100, "%lu of %lu", file.limit, room);
	target_close(&file);
}
END_TEST

START_TEST(what_is_not_there_is_not_made)
{
	char text[sizeof(directory) + 64];

	snprintf(text, sizeof(text), "%s/missing", directory);
	refused(text, -ENOENT);
	snprintf(text, sizeof(text), "%s/missing/too", directory);
	refused(text, -ENOENT);
	ck_assert_uint_eq(names_in(directory), 0);
}
END_TEST

START_TEST(memory_is_told)
{
	struct target_file file;
	struct statfs fs;

	if (statfs("/dev/shm", &fs) || fs.f_type != TMPFS_MAGIC)
		return; /* nothing here to tell */
	file = opened("/dev/shm,limit=16M");
	ck_assert(file.tmpfs);
	ck_assert(!file.direct);
	target_close(&file);
}
END_TEST

START_TEST(other_kinds_of_files_are_refused)
{
	refused("/dev/null", -EINVAL);
}
END_TEST

/* -- named files ------------------------------------------------------------------- */

START_TEST(an_empty_file_becomes_ours)
{
	struct target_file file = opened(make_file("swap", ""));
	char start[sizeof(TARGET_MAGIC)] = "";
	struct stat st;

	ck_assert_int_eq(file.kind, TARGET_FILE);
	ck_assert_uint_eq(file.offset, TARGET_HEADER_SIZE);
	ck_assert_int_eq(fstat(file.fd, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	target_close(&file);

	file = opened(in_directory("swap"));
	fcntl(file.fd, F_SETFL, 0);
	ck_assert_int_eq(pread(file.fd, start, sizeof(start) - 1, 0), sizeof(start) - 1);
	ck_assert_str_eq(start, TARGET_MAGIC);
	target_close(&file);
}
END_TEST

START_TEST(a_file_with_data_is_left_alone)
{
	char text[64] = "";
	FILE *file;

	refused(make_file("letter", "Dear Sir or Madam"), -EEXIST);
	file = fopen(in_directory("letter"), "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	ck_assert_str_eq(text, "Dear Sir or Madam");
	fclose(file);
}
END_TEST

START_TEST(zeros_are_data_too)
{
	const char *path = make_file("zeros", "");

	ck_assert_int_eq(truncate(path, 32 << 20), 0);
	refused(path, -EEXIST);
}
END_TEST

START_TEST(a_header_with_more_behind_it_is_not_ours)
{
	const char *path = make_file("almost", TARGET_MAGIC);
	FILE *file = fopen(path, "a");

	ck_assert_int_eq(truncate(path, 4096), 0);
	ck_assert_int_ge(fputs("data", file), 0);
	ck_assert_int_eq(fclose(file), 0);
	refused(path, -EEXIST);
}
END_TEST

/* What `spill swap create' leaves: a header with this text, and room behind it. */
static const char *make_swap(const char *text)
{
	const char *path = make_file("swap", text);

	ck_assert_int_eq(truncate(path, TARGET_HEADER_SIZE + 64 * (off_t)M), 0);
	return path;
}

START_TEST(a_limit_in_the_header_is_kept)
{
	char text[sizeof(directory) + 96];
	struct target_file file = opened(make_swap(TARGET_MAGIC "limit 50331648\n"));

	ck_assert_uint_eq(file.limit, 48 * M);
	ck_assert_uint_eq(file.wanted, 48 * M);
	ck_assert(file.kept);
	target_close(&file);

	snprintf(text, sizeof(text), "%s,limit=32M", in_directory("swap"));
	file = opened(text);
	ck_assert_uint_eq(file.limit, 32 * M);
	target_close(&file);
	snprintf(text, sizeof(text), "%s,limit=64M", in_directory("swap"));
	file = opened(text);
	ck_assert_uint_eq(file.limit, 48 * M);
	target_close(&file);

	file = opened(make_swap(TARGET_MAGIC));
	ck_assert_uint_gt(file.limit, 48 * M);
	ck_assert_uint_eq(file.wanted, 0);
	ck_assert(!file.kept);
	target_close(&file);
}
END_TEST

START_TEST(a_header_is_read_as_it_was_written)
{
	uint64_t limit = 1;
	int fd = open(make_file("swap", ""), O_RDWR);

	ck_assert_int_eq(target_head_read(fd, &limit), TARGET_EMPTY);
	ck_assert_int_eq(target_head_write(fd, UINT64_MAX), 0);
	ck_assert_int_eq(target_head_read(fd, &limit), TARGET_OURS);
	ck_assert_uint_eq(limit, UINT64_MAX);
	ck_assert_int_eq(target_head_write(fd, 0), 0);
	ck_assert_int_eq(target_head_read(fd, &limit), TARGET_OURS);
	ck_assert_uint_eq(limit, 0);
	close(fd);
}
END_TEST

static const char *const strange_heads[] = {
	TARGET_MAGIC "limit \n",
	TARGET_MAGIC "limit 0\n",
	TARGET_MAGIC "limit -5\n",
	TARGET_MAGIC "limit 050331648\n",
	TARGET_MAGIC "limit 50331648",
	TARGET_MAGIC "limit 50331648\n\n",
	TARGET_MAGIC "limit 50331648 \n",
	TARGET_MAGIC "colour 5\n",
	"spill swap 2\n",
};

START_TEST(a_strange_header_is_not_ours)
{
	refused(make_swap(strange_heads[_i]), -EEXIST);
}
END_TEST

START_TEST(a_file_serves_one_command)
{
	const char *path = make_file("swap", "");
	struct target_file file = opened(path);

	refused(path, -EBUSY);
	target_close(&file);
	file = opened(path);
	target_close(&file);
}
END_TEST

START_TEST(a_symbolic_link_is_not_followed_to_a_file)
{
	char to[sizeof(directory) + 64];

	strcpy(to, make_file("swap", ""));
	ck_assert_int_eq(symlink(to, in_directory("link")), 0);
	refused(in_directory("link"), -EINVAL);
}
END_TEST

START_TEST(a_place_where_everybody_renames_is_refused)
{
	struct target_file file;

	make_file("swap", "");
	ck_assert_int_eq(chmod(directory, 0777), 0);
	refused(directory, -EACCES);
	refused(in_directory("swap"), -EACCES);
	ck_assert_int_eq(chmod(directory, 01777), 0);
	file = opened(directory);
	target_close(&file);
	file = opened(in_directory("swap"));
	target_close(&file);
}
END_TEST

/* Ours may lead to a directory. */
START_TEST(a_link_of_another_user_is_refused)
{
	struct target_file file;

	ck_assert_int_eq(symlink(directory, in_directory("link")), 0);
	file = opened(in_directory("link"));
	target_close(&file);
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(lchown(in_directory("link"), 65534, 65534), 0);
	refused(in_directory("link"), -EACCES);
}
END_TEST

START_TEST(a_file_of_another_user_is_refused)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(make_file("swap", ""), 65534, 65534), 0);
	refused(in_directory("swap"), -EACCES);
}
END_TEST

/* -- lists --------------------------------------------------------------------------- */

static struct options options;

static void set_list(const char *priorities[3])
{
	int n = 0;

	memset(&options, 0, sizeof(options));
	for (int i = 0; i < 3; i++)
		n += snprintf(options.swap + n, sizeof(options.swap) - (size_t)n,
			      "%s%s,limit=32M%s", i ? ";" : "", directory, priorities[i]);
}

static int open_all(struct target_file files[], unsigned max, unsigned *ret_n, const char **ret_why)
{
	struct target_list list = options_targets(&options);

	return target_open_all(&list, files, max, ret_n, ret_why);
}

START_TEST(the_highest_priority_comes_first)
{
	const char *priorities[3] = { "", ",pri=-1", ",pri=9" };
	struct target_file files[4];
	const char *why;
	unsigned n = 0;

	set_list(priorities);
	ck_assert_int_eq(open_all(files, 4, &n, &why), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(files[0].priority, 9);
	ck_assert_int_eq(files[1].priority, 0);
	ck_assert_int_eq(files[2].priority, -1);
	while (n)
		target_close(&files[--n]);
	ck_assert_int_eq(open_all(files, 2, &n, &why), -EINVAL);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_limit_of_all_is_kept)
{
	const char *priorities[3] = { ",pri=1", ",pri=2", ",pri=3" };
	struct target_file files[4];
	const char *why;
	unsigned n = 0;

	set_list(priorities);
	options.swap_limit = 40 * M;
	ck_assert_int_eq(open_all(files, 4, &n, &why), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(files[0].limit, 32 * M);
	ck_assert_uint_eq(files[1].limit, 8 * M);
	while (n)
		target_close(&files[--n]);
}
END_TEST

/* -- what a command's processes share ------------------------------------------------ */

/* Does what the launcher does with a named file, but not by target_open: that
 * reads the environment, which is done once in a process.  Gives its descriptor. */
static int hand_over(const char *path)
{
	char text[2 * COMMAND_FD_TEXT + sizeof(directory) + 256];
	char fd_text[COMMAND_FD_TEXT], owners_text[COMMAND_FD_TEXT];
	int fd = fd_raise(open(path, O_RDWR | O_CLOEXEC));
	int owners = slot_owners_create(64 * M >> page_shift());

	ck_assert_int_ge(owners, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert_int_eq(command_hand(fd, fd_text), 0);
	ck_assert_int_eq(command_hand(owners, owners_text), 0);
	snprintf(text, sizeof(text), "%s:%s:%d:%lu:1:%d:%s", fd_text, owners_text,
		 TARGET_HEADER_SIZE, 64 * M, -2, path);
	ck_assert_int_eq(setenv(COMMAND_ENV_SWAP, text, 1), 0);
	return fd;
}

START_TEST(processes_share_a_named_file)
{
	const char *path = make_file("swap", "");
	int fd = hand_over(path);
	struct target_file file = opened(path); /* not by its name: it is locked */

	ck_assert_int_ne(file.fd, fd);
	ck_assert_int_eq(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFD), 0);
	ck_assert_int_eq(file.kind, TARGET_FILE);
	ck_assert_int_ge(file.owners_fd, 0);
	ck_assert_uint_eq(file.offset, TARGET_HEADER_SIZE);
	ck_assert_uint_eq(file.limit, 64 * M);
	ck_assert(file.kept);
	ck_assert_int_eq(file.priority, -2);
	ck_assert(fd_is_ours(fd));
	ck_assert(fd_is_ours(file.fd));
	target_close(&file);
}
END_TEST

START_TEST(a_closed_descriptor_is_told)
{
	const char *path = make_file("swap", "");
	int fd = hand_over(path);

	close(fd);
	refused(path, -EBADF);
}
END_TEST

START_TEST(a_reused_descriptor_is_not_taken)
{
	const char *path = make_file("swap", "");
	int fd = hand_over(path);
	int other = open("/dev/zero", O_RDWR);

	ck_assert_int_eq(dup2(other, fd), fd);
	refused(path, -EBADF);
}
END_TEST

START_TEST(nonsense_in_the_environment_is_ignored)
{
	setenv(COMMAND_ENV_USERFAULTFD, "1.2.3", 1);
	setenv(COMMAND_ENV_STATS, "0", 1);
	setenv(COMMAND_ENV_SWAP, "x;:;1.2.3.4:5:6;", 1);
	ck_assert_int_eq(command_open_userfaultfd(), -ENOENT);
	ck_assert_int_eq(command_open_stats(), -ENOENT);
	ck_assert(command_launched());
	refused(in_directory("missing"), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("targets");
	TCase *c = unit_case(suite, "targets", 10);

	tcase_add_checked_fixture(c, make_directory, remove_directory);
	tcase_add_test(c, a_list_is_taken_apart);
	tcase_add_loop_test(c, what_is_malformed_is_refused, 0,
			    sizeof(malformed) / sizeof(malformed[0]));
	tcase_add_test(c, a_path_that_is_too_long_is_refused);
	tcase_add_test(c, relative_paths_become_absolute);
	tcase_add_test(c, a_directory_gets_a_file_without_a_name);
	tcase_add_test(c, descriptors_are_high_and_not_inherited);
	tcase_add_test(c, limits_hold);
	tcase_add_test(c, what_is_free_is_not_all_taken);
	tcase_add_test(c, what_is_not_there_is_not_made);
	tcase_add_test(c, memory_is_told);
	tcase_add_test(c, other_kinds_of_files_are_refused);
	tcase_add_test(c, an_empty_file_becomes_ours);
	tcase_add_test(c, a_file_with_data_is_left_alone);
	tcase_add_test(c, zeros_are_data_too);
	tcase_add_test(c, a_header_with_more_behind_it_is_not_ours);
	tcase_add_test(c, a_limit_in_the_header_is_kept);
	tcase_add_test(c, a_header_is_read_as_it_was_written);
	tcase_add_loop_test(c, a_strange_header_is_not_ours, 0,
			    sizeof(strange_heads) / sizeof(strange_heads[0]));
	tcase_add_test(c, a_file_serves_one_command);
	tcase_add_test(c, a_symbolic_link_is_not_followed_to_a_file);
	tcase_add_test(c, a_place_where_everybody_renames_is_refused);
	tcase_add_test(c, a_link_of_another_user_is_refused);
	tcase_add_test(c, a_file_of_another_user_is_refused);
	tcase_add_test(c, the_highest_priority_comes_first);
	tcase_add_test(c, a_limit_of_all_is_kept);
	tcase_add_test(c, processes_share_a_named_file);
	tcase_add_test(c, a_closed_descriptor_is_told);
	tcase_add_test(c, a_reused_descriptor_is_not_taken);
	tcase_add_test(c, nonsense_in_the_environment_is_ignored);
	return unit_main(suite, NULL);
}
