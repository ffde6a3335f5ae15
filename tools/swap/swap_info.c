/* SPDX-License-Identifier: MIT */
/* swap_info.c - spill swap info: what swap targets are, and who uses them; writes nothing */
#include "base/error.h"
#include "base/size.h"
#include "common/table.h"
#include "common/tool.h"
#include "store/target.h"
#include "store/target_head.h"
#include "swap/place.h"
#include "swap/swap.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum holds { HOLDS_NOTHING, HOLDS_SWAP, HOLDS_DATA };

static const char *const holds_names[] = { "nothing", "swap", "data" };

struct about {
	const char *path;
	struct stat st;
	uint64_t size;	/* bytes; 0 for a directory */
	uint64_t limit; /* from the header, bytes; 0: none */
	enum holds holds;
	bool has_place; /* false for a device, which lies in no file system */
	struct place place;
	bool in_use;
	json_t *users; /* pid and command of each process that has it open, as far as we may see */
};

static bool is_directory(const struct about *about)
{
	return S_ISDIR(about->st.st_mode);
}

static const char *kind_name(const struct about *about)
{
	return is_directory(about) ? "directory" : S_ISBLK(about->st.st_mode) ? "device" : "file";
}

/* JSON cannot hold what is not UTF-8. */
static json_t *text_of(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : json_null();
}

/* -- who uses it --------------------------------------------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_locked(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
}

/* Is the device used by a command or a mount?  There is no lock to see. */
static bool is_claimed(const char *path)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

/* Does the process have it open? */
static bool has_open(const char *pid, const struct stat *wanted)
{
	char path[48];
	struct dirent *entry;
	struct stat st;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	directory = opendir(path);
	if (!directory) /* another user's, or gone */
		return false;
	while (!found && (entry = readdir(directory)))
		found = fstatat(dirfd(directory), entry->d_name, &st, 0) == 0 &&
			is_same(&st, wanted);
	closedir(directory);
	return found;
}

static void add_user(json_t *users, const char *pid)
{
	char path[48], name[64] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	json_array_append_new(users,
			      json_pack("{s:i, s:o}", "pid", atoi(pid), "command", text_of(name)));
}

static void find_users(struct about *about)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    atoi(entry->d_name) != getpid() && has_open(entry->d_name, &about->st))
			add_user(about->users, entry->d_name);
	if (directory)
		closedir(directory);
}

/* -- what it is ---------------------------------------------------------------------------- */

static int look_into(struct about *about, int fd)
{
	bool device = S_ISBLK(about->st.st_mode);
	int head;

	if (device && ioctl(fd, BLKGETSIZE64, &about->size))
		return -errno;
	if (!device)
		about->size = (uint64_t)about->st.st_size;
	head = device ? target_head_read_device(fd, about->size, &about->limit)
		      : target_head_read(fd, &about->limit);
	if (head < 0)
		return head;
	/* A file of zeros is somebody's data (target.h). */
	about->holds = head == TARGET_OURS				  ? HOLDS_SWAP
		       : head == TARGET_EMPTY && (device || !about->size) ? HOLDS_NOTHING
									  : HOLDS_DATA;
	about->in_use = device ? is_claimed(about->path) : is_locked(fd);
	if (about->in_use)
		find_users(about);
	return 0;
}

static int look(struct about *about, int fd)
{
	int err = 0;

	if (fstat(fd, &about->st))
		return -errno;
	about->has_place = !S_ISBLK(about->st.st_mode);
	if (about->has_place)
		err = place_look(fd, &about->place);
	if (err || is_directory(about))
		return err;
	if (!S_ISREG(about->st.st_mode) && !S_ISBLK(about->st.st_mode))
		return -EINVAL;
	return look_into(about, fd);
}

/* -- printing ------------------------------------------------------------------------------ */

static void print_users(const struct about *about)
{
	json_t *user;
	size_t i;

	printf("  in use       by ");
	json_array_foreach(about->users, i, user)
	{
		const char *command = json_string_value(json_object_get(user, "command"));

		printf("%s%d (%s)", i ? ", " : "",
		       (int)json_integer_value(json_object_get(user, "pid")),
		       command ? command : "?");
	}
	if (json_array_size(about->users))
		puts("");
	else if (S_ISBLK(about->st.st_mode))
		puts("the kernel (it may be mounted), or a process that you may not see");
	else
		puts("a process that you may not look at");
}

static void print_contents(const struct about *about)
{
	static const char *const texts[] = {
		[HOLDS_NOTHING] = "nothing yet: it may become swap space",
		[HOLDS_SWAP] = "swap space; whether what was paged out is encrypted cannot be told",
		[HOLDS_DATA] = "something other than swap space, which is left alone",
	};

	printf("  holds        %s\n", texts[about->holds]);
}

static void print_size(const struct about *about)
{
	char size[SIZE_TEXT], blocks[SIZE_TEXT], limit[SIZE_TEXT];

	size_format(size, about->size);
	if (S_ISBLK(about->st.st_mode))
		printf("  size         %s\n", size);
	else if (place_allocated(&about->st) < about->size)
		printf("  size         %s, and holes: only %s of it has blocks\n", size,
		       size_format(blocks, place_allocated(&about->st)));
	else
		printf("  size         %s, no holes\n", size);
	if (about->limit)
		printf("  limit        %s, as `spill swap create' was told\n",
		       size_format(limit, about->limit));
}

static void print_text(const struct about *about)
{
	char free[SIZE_TEXT];

	printf("%s: a %s\n", about->path, kind_name(about));
	if (is_directory(about)) {
		puts("  holds        a file without a name for each process that pages");
	} else {
		print_contents(about);
		print_size(about);
	}
	if (about->has_place)
		printf("  file system  %s, with %s free\n", about->place.type,
		       size_format(free, about->place.free));
	if (about->in_use)
		print_users(about);
}

static json_t *or_null(bool there, json_t *value)
{
	if (there)
		return value;
	json_decref(value);
	return json_null();
}

static json_t *object(const struct about *about)
{
	bool directory = is_directory(about), file = S_ISREG(about->st.st_mode);

	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:O}", "path",
			 text_of(about->path), "kind", kind_name(about), "holds",
			 or_null(!directory, json_string(holds_names[about->holds])), "size",
			 or_null(!directory, json_integer((json_int_t)about->size)), "allocated",
			 or_null(file, json_integer((json_int_t)place_allocated(&about->st))),
			 "limit", or_null(about->limit, json_integer((json_int_t)about->limit)),
			 "file_system", or_null(about->has_place, json_string(about->place.type)),
			 "free",
			 or_null(about->has_place, json_integer((json_int_t)about->place.free)),
			 "in_use", about->in_use, "processes", about->users);
}

/* -- all of them --------------------------------------------------------------------------- */

static int fail(const char *path, int err)
{
	if (err == -EINVAL)
		return tool_fail("%s: is not a directory, a file or a block device", path);
	if (err == -EACCES || err == -EPERM)
		return tool_fail("%s: you may not read it", path);
	return tool_fail("%s: %s", path, error_name(err));
}

static int describe(const char *path, json_t *list)
{
	struct about about = { .path = path, .users = json_array() };
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int err = fd < 0 ? -errno : look(&about, fd);

	if (!err && list)
		json_array_append_new(list, object(&about));
	else if (!err)
		print_text(&about);
	if (fd >= 0)
		close(fd);
	json_decref(about.users);
	return err ? fail(path, err) : 0;
}

/* Describes one -s, or all of SPILL_SWAP. */
static int describe_list(const char *text, json_t *list)
{
	struct target target;
	int status = 0, err;

	while ((err = target_next(&text, &target)) == 0) {
		int one = describe(target.path, list);

		status = one ? one : status;
	}
	return err < 0 ? tool_fail("%s is not TARGET[,pri=N][,limit=SIZE]", text) : status;
}

int swap_info(char **targets, bool json)
{
	json_t *list = json ? json_array() : NULL;
	int status = 0;

	if (!targets[0])
		status = describe_list(target_default(), list);
	for (; *targets; targets++) {
		int one = describe_list(*targets, list);

		status = one ? one : status;
	}
	if (json)
		table_print_json(list, false);
	return fflush(stdout) ? tool_fail("stdout: %s", strerror(errno)) : status;
}
