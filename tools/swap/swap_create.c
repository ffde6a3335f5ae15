/* SPDX-License-Identifier: MIT */
/* swap_create.c - spill swap create: a swap file with its blocks, or a device, ready for use
 *
 * A new file is made empty and then opened as `spill run' opens it (target.h).  That checks whether
 * the file and its directory can be trusted and whether it is nobody's data, and locks it.  So
 * existing files are treated like new ones.  Then the file is given its blocks, and last the line
 * in its header that says how much it shall hold (target_head.h).  If anything goes wrong, a file
 * that was made is removed, and one that existed is as it was.
 */
#include "base/error.h"
#include "base/page.h"
#include "base/size.h"
#include "base/sys.h"
#include "common/tool.h"
#include "store/target.h"
#include "store/target_head.h"
#include "swap/place.h"
#include "swap/swap.h"
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Zeros to write at a time, where blocks cannot be had otherwise. */
#define ZEROS ((size_t)1 << 20)

struct creation {
	const char *path;
	uint64_t size; /* bytes of slots; 0: all that the device has */
	int directory; /* of the file that was made, to know its name by; -1: none was made */
	const char *name;
	struct target_file file;
	struct stat before;
	struct place place;
};

/* -- signals ------------------------------------------------------------------------------- */

/* The impatient get their way, but nothing is left half done. */
static const int held_signals[] = { SIGHUP, SIGINT, SIGTERM };

#define HELD_SIGNALS (sizeof(held_signals) / sizeof(held_signals[0]))

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void hold_signals(sigset_t *ret_before)
{
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < HELD_SIGNALS; i++)
		sigaddset(&held, held_signals[i]);
	sigprocmask(SIG_BLOCK, &held, ret_before);
	signal(SIGXFSZ, SIG_IGN); /* EFBIG says it */
}

/* A held signal is pending even if it will be ignored. */
static bool is_interrupted(void)
{
	sigset_t pending;

	sigpending(&pending);
	for (size_t i = 0; i < HELD_SIGNALS; i++)
		if (sigismember(&pending, held_signals[i]) && !is_ignored(held_signals[i]))
			return true;
	return false;
}

/* -- a file that is not there -------------------------------------------------------------- */

static int fail(const struct creation *creation, int err)
{
	return tool_fail("%s: %s", creation->path, error_name(err));
}

/* The directory stays the same whatever becomes of the path. */
static int open_directory(struct creation *creation)
{
	const char *slash = strrchr(creation->path, '/');
	char parent[PATH_MAX] = ".";

	creation->name = slash ? slash + 1 : creation->path;
	if (slash)
		snprintf(parent, sizeof(parent), "%.*s",
			 slash == creation->path ? 1 : (int)(slash - creation->path),
			 creation->path);
	creation->directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return creation->directory < 0 ? -errno : 0;
}

static int make_file(struct creation *creation)
{
	int err = open_directory(creation), fd;

	if (err)
		return fail(creation, err);
	fd = openat(creation->directory, creation->name,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
		close(creation->directory);
		creation->directory = -1;
		return fail(creation, err);
	}
	fchmod(fd, 0600); /* whatever the umask is */
	close(fd);
	return 0;
}

/* What exists may be a swap file, an empty file or a device; target_open will tell. */
static int find_or_make(struct creation *creation)
{
	struct stat st;

	if (lstat(creation->path, &st)) {
		if (errno != ENOENT)
			return fail(creation, errno);
		if (!creation->size)
			return tool_fail("%s: give a SIZE for it", creation->path);
		return make_file(creation);
	}
	if (stat(creation->path, &st) == 0 && S_ISDIR(st.st_mode))
		return tool_fail(
			"%s: is a directory, which needs no preparation; name a file in it",
			creation->path);
	return 0;
}

/* -- its blocks ---------------------------------------------------------------------------- */

static uint64_t end_of(const struct creation *creation)
{
	return creation->file.offset + creation->size;
}

static uint64_t room_of(const struct creation *creation)
{
	return creation->place.free + place_allocated(&creation->before);
}

static int fail_room(const struct creation *creation)
{
	char room[SIZE_TEXT], wanted[SIZE_TEXT];

	size_format(room, room_of(creation));
	size_format(wanted, end_of(creation));
	if (end_of(creation) > room_of(creation))
		return tool_fail("%s: has room for %s, not for %s", creation->path, room, wanted);
	return tool_fail("%s: the file system refuses %s, although it reported room for %s",
			 creation->path, wanted, room);
}

/* The slow way, for file systems that have no other. */
static int write_zeros(struct creation *creation)
{
	static const char zeros[ZEROS];
	uint64_t end = end_of(creation), at = creation->file.offset;

	while (at < end) {
		size_t n = end - at < ZEROS ? end - at : ZEROS;
		long written = sys_pwrite(creation->file.fd, zeros, n, at);

		if (written <= 0)
			return written ? (int)written : -ENOSPC;
		if (is_interrupted())
			return -EINTR;
		at += (uint64_t)written;
	}
	return 0;
}

/* XFS asks for room for the whole range, however much of it exists.  So the holes, if any, and the
 * new part are allocated separately. */
static int fill_holes(const struct creation *creation, uint64_t end)
{
	const struct stat *before = &creation->before;
	uint64_t size = (uint64_t)before->st_size;

	if (place_allocated(before) >= size)
		return 0;
	return sys_fallocate(creation->file.fd, 0, 0, size < end ? size : end);
}

static int allocate(struct creation *creation)
{
	uint64_t end = end_of(creation), size = (uint64_t)creation->before.st_size;
	int fd = creation->file.fd;
	int err = fill_holes(creation, end);

	if (!err && size < end)
		err = sys_fallocate(fd, 0, size, end - size);
	if (err == -EOPNOTSUPP)
		err = write_zeros(creation);
	if (!err)
		err = sys_ftruncate(fd, end);
	if (!err && is_interrupted())
		err = -EINTR;
	return err;
}

/* btrfs can be told not to copy a file on write only while the file is empty.  So the header of a
 * file without slots is removed and written again. */
static int begin_anew(struct creation *creation)
{
	int fd = creation->file.fd, err;

	if ((uint64_t)creation->before.st_size > TARGET_HEADER_SIZE)
		return 0;
	err = sys_ftruncate(fd, 0);
	if (err)
		return err;
	if (creation->place.kind == PLACE_COPIES)
		place_set_nocow(fd);
	err = target_head_write(fd, creation->file.wanted);
	if (!err && fstat(fd, &creation->before))
		err = -errno;
	return err;
}

static int give_blocks(struct creation *creation)
{
	int fd = creation->file.fd;
	int err = fstat(fd, &creation->before) ? -errno : place_look(fd, &creation->place);

	if (err)
		return fail(creation, err);
	if (end_of(creation) > room_of(creation))
		return fail_room(creation);
	err = begin_anew(creation);
	if (!err)
		err = allocate(creation);
	if (!err)
		err = target_head_write(fd, creation->size);
	if (!err && fsync(fd))
		err = -errno;
	if (!err)
		return 0;
	if (creation->directory < 0)
		sys_ftruncate(fd, (uint64_t)creation->before.st_size);
	if (err == -EINTR)
		return tool_fail("%s: interrupted", creation->path);
	if (err == -EFBIG)
		return tool_fail("%s: the file would be too large (ulimit -f, or the file system)",
				 creation->path);
	return err == -ENOSPC ? fail_room(creation) : fail(creation, err);
}

/* -- a device ------------------------------------------------------------------------------ */

static int prepare_device(struct creation *creation)
{
	char whole[SIZE_TEXT], wanted[SIZE_TEXT];
	int fd = creation->file.fd, err;
	uint64_t bytes = 0;

	err = sys_ioctl(fd, BLKGETSIZE64, &bytes);
	if (err)
		return fail(creation, err);
	if (end_of(creation) > bytes)
		return tool_fail("%s: has room for %s, not for %s", creation->path,
				 size_format(whole, bytes - creation->file.offset),
				 size_format(wanted, creation->size));
	err = target_head_write(fd, creation->size);
	if (!err && fsync(fd))
		err = -errno;
	if (!creation->size)
		creation->size = (bytes - creation->file.offset) & ~(page_size() - 1);
	return err ? fail(creation, err) : 0;
}

/* -- all of it ----------------------------------------------------------------------------- */

/* Says what could be better. */
static void warn(struct creation *creation)
{
	struct finding finding;
	struct stat st;

	if (creation->file.kind == TARGET_DEVICE)
		return;
	if (place_look(creation->file.fd, &creation->place) == 0) {
		place_judge(&creation->place, &finding);
		if (finding.verdict != FINE)
			tool_warn("%s: %s", creation->path, finding.text);
	}
	if (fstat(creation->file.fd, &st) == 0 && place_allocated(&st) < (uint64_t)st.st_size)
		tool_warn(
			"%s: the file system does not keep blocks for all of it: when it is full, "
			"writes fail",
			creation->path);
}

static int prepare(struct creation *creation)
{
	struct target target = { .priority = 0 };
	char size[SIZE_TEXT];
	const char *why;
	int status;

	strcpy(target.path, creation->path);
	if (target_open(&target, false, &creation->file, &why))
		return tool_fail("%s", why);
	if (creation->file.kind == TARGET_DEVICE)
		status = prepare_device(creation);
	else if (!creation->size)
		status = tool_fail("%s: give a SIZE for it", creation->path);
	else
		status = give_blocks(creation);
	if (!status) {
		warn(creation);
		printf("%s: swap space for %s\n", creation->path,
		       size_format(size, creation->size));
		if (fflush(stdout))
			status = tool_fail("stdout: %s", error_name(errno));
	}
	target_close(&creation->file);
	return status;
}

static int check_arguments(struct creation *creation, const char *size)
{
	if (!creation->path[0] || strlen(creation->path) >= sizeof(((struct target *)0)->path))
		return tool_fail("%s: is not a path", creation->path);
	if (strpbrk(creation->path, ",;"))
		return tool_fail("%s: `spill run -s' takes no path with a comma or a semicolon",
				 creation->path);
	if (!size)
		return 0;
	if (size_parse(size, 0, &creation->size) || creation->size > INT64_MAX / 2)
		return tool_fail("%s is not a size (such as 512M or 2G)", size);
	if (creation->size < TARGET_ROOM_MIN)
		return tool_fail("%s is less than the least swap space, 16M", size);
	creation->size = page_round_up(creation->size);
	return 0;
}

int swap_create(const char *path, const char *size)
{
	struct creation creation = { .path = path, .directory = -1 };
	int status = check_arguments(&creation, size);
	sigset_t before;

	if (status)
		return status;
	hold_signals(&before);
	status = find_or_make(&creation);
	if (!status)
		status = prepare(&creation);
	if (status && creation.directory >= 0)
		unlinkat(creation.directory, creation.name, 0);
	if (creation.directory >= 0)
		close(creation.directory);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
