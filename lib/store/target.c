/* SPDX-License-Identifier: MIT */
/* target.c - swap targets: see target.h */
#include "store/target.h"
#include "command/command.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/page.h"
#include "kernel/probe.h"
#include "base/size.h"
#include "store/slot.h"
#include "base/sys.h"
#include "store/target_head.h"
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TARGET_MODE 0600

/* When a process is killed, the kernel releases its ring, and the files that the ring reads, a
 * moment after the process is gone (Linux 6.18). */
#define LOCK_PATIENCE_NS 1000000000u
#define LOCK_PAUSE_NS 10000000

/* Attempts to find an unused name: more than chance can ever need. */
#define NAME_TRIES 16

/* -- saying no ---------------------------------------------------------------- */

static char why[4096 + 256];

static int refuse(const char **ret_why, int err, const char *path, const char *what)
{
	error_format(why, sizeof(why), "%s: %s", path, what);
	*ret_why = why;
	return err;
}

/* The same for an errno value, in plain words where that helps. */
static int refuse_error(const char **ret_why, int err, const char *path)
{
	switch (err) {
	case -ENOENT:
		return refuse(ret_why, err, path, "no such file or directory");
	case -EACCES:
	case -EPERM:
		return refuse(ret_why, -EACCES, path, "you may not read and write it");
	case -EROFS:
		return refuse(ret_why, err, path, "lies on a read-only file system");
	default:
		return refuse(ret_why, err, path, error_name(err));
	}
}

/* -- room --------------------------------------------------------------------- */

static bool lies_in_memory(const struct statfs *fs)
{
	return fs->f_type == TMPFS_MAGIC || fs->f_type == RAMFS_MAGIC;
}

/* Bytes that an ordinary user may still take, less 5 % for others who write there. */
static uint64_t free_room(const struct statfs *fs)
{
	uint64_t unit = (uint64_t)(fs->f_frsize ? fs->f_frsize : fs->f_bsize);
	uint64_t room = fs->f_bavail * unit;

	if (fs->f_blocks == 0 && lies_in_memory(fs)) /* no limit of its own */
		room = probe_memory_available();
	return room - room / 20;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Beyond RLIMIT_FSIZE every write fails, even to blocks that exist. */
static uint64_t file_size_limit(void)
{
	struct rlimit limit;

	if (sys_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) < 0)
		return UINT64_MAX;
	return limit.rlim_cur;
}

/* Sets how much the file may hold.  room: the bytes that there are, including the header; cause:
 * what limits them, if not the file system. */
static int set_limit(const struct target *target, uint64_t room, const char *cause,
		     struct target_file *file, const char **ret_why)
{
	char text[128], size[SIZE_TEXT];

	room = room > file->offset ? room - file->offset : 0;
	if (file->wanted && file->wanted <= room) {
		room = file->wanted;
		cause = " (spill swap create)";
	}
	if (target->limit && target->limit <= room) {
		room = target->limit;
		cause = " (limit=)";
	}
	file->limit = room;
	if (room >= TARGET_ROOM_MIN)
		return 0;
	error_format(text, sizeof(text), "has room for only %s; at least 16M is needed%s",
		     size_format(size, room), cause);
	return refuse(ret_why, -ENOSPC, target->path, text);
}

/* For a file in a file system.  taken: bytes that it already occupies. */
static int set_file_limit(const struct target *target, uint64_t taken, struct target_file *file,
			  const char **ret_why)
{
	uint64_t room, most = file_size_limit();
	struct statfs fs;
	int err = (int)sys_call2(SYS_fstatfs, file->fd, &fs);

	if (err)
		return refuse_error(ret_why, err, target->path);
	file->tmpfs = lies_in_memory(&fs);
	room = free_room(&fs) + taken;
	return most < room ? set_limit(target, most, " (RLIMIT_FSIZE, ulimit -f)", file, ret_why)
			   : set_limit(target, room, "", file, ret_why);
}

/* Turns O_DIRECT on if the file supports it.  Memory has no use for it. */
static void set_direct(struct target_file *file)
{
	if (!file->tmpfs)
		file->direct = sys_call3(SYS_fcntl, file->fd, F_SETFL, O_DIRECT) == 0;
}

/* -- whom to trust -------------------------------------------------------------- */

static int look_at(const char *path, int flags, struct stat *ret_st)
{
	return (int)sys_call4(SYS_newfstatat, AT_FDCWD, path, ret_st, flags);
}

static bool is_anothers(const struct stat *st)
{
	return st->st_uid != (uid_t)sys_call0(SYS_geteuid) && st->st_uid != 0;
}

/* Anybody may write there, and no sticky bit keeps them from renaming what others have there:
 * anyone can replace it. */
static bool anybody_renames(const struct stat *st)
{
	return (st->st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH;
}

static int check_directory(const struct target *target, const struct stat *st, const char **ret_why)
{
	if (!anybody_renames(st))
		return 0;
	return refuse(ret_why, -EACCES, target->path,
		      "everybody may write to it, and it has no sticky bit (chmod +t)");
}

static int check_parent(const struct target *target, const char **ret_why)
{
	char parent[sizeof(target->path)];
	struct stat st;
	char *slash;
	int err;

	strcpy(parent, target->path);
	slash = strrchr(parent, '/');
	strcpy(slash ? slash + 1 : parent, ".");
	err = look_at(parent, 0, &st);
	if (err)
		return refuse_error(ret_why, err, target->path);
	if (!anybody_renames(&st))
		return 0;
	return refuse(ret_why, -EACCES, target->path,
		      "everybody may write to its directory, which has no sticky bit (chmod +t)");
}

/* A link leads wherever its owner likes. */
static int check_link(const struct target *target, const char **ret_why)
{
	struct stat st;
	int err = look_at(target->path, AT_SYMLINK_NOFOLLOW, &st);

	if (err)
		return refuse_error(ret_why, err, target->path);
	if (S_ISLNK(st.st_mode) && is_anothers(&st))
		return refuse(ret_why, -EACCES, target->path, "is a symbolic link of another user");
	return 0;
}

/* The process may fork, and then both use the file. */
static int make_owners(const struct target *target, struct target_file *file, const char **ret_why)
{
	file->owners_fd = slot_owners_create(file->limit >> page_shift());
	return file->owners_fd < 0 ? refuse_error(ret_why, file->owners_fd, target->path) : 0;
}

/* -- a file without a name in a directory ------------------------------------- */

/* For file systems without O_TMPFILE (NFS, some overlays): the name exists only until it is
 * removed. */
static int open_and_unlink(const char *directory)
{
	char path[4096 + 64];
	int fd = -EEXIST;

	for (unsigned i = 0; i < NAME_TRIES && fd == -EEXIST; i++) {
		error_format(path, sizeof(path), "%s/.spill-%x-%lx", directory,
			     (unsigned)sys_getpid(), (unsigned long)sys_now());
		fd = sys_open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC,
			      TARGET_MODE);
	}
	if (fd >= 0)
		sys_call3(SYS_unlinkat, AT_FDCWD, path, 0);
	return fd;
}

static int open_unnamed(const char *directory)
{
	int fd = sys_open(directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, TARGET_MODE);

	if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -EINVAL)
		fd = open_and_unlink(directory);
	return fd_raise(fd);
}

/* The directory exists; creating a file in it failed. */
static int refuse_directory(const char **ret_why, int err, const char *path)
{
	char text[128];

	switch (err) {
	case -EACCES:
	case -EPERM:
		return refuse(ret_why, -EACCES, path, "you may not write to it");
	case -EROFS:
	case -ENOSPC:
		return refuse_error(ret_why, err, path);
	default:
		error_format(text, sizeof(text), "cannot make a file in it: %s", error_name(err));
		return refuse(ret_why, err, path, text);
	}
}

static int open_directory(const struct target *target, const struct stat *st,
			  struct target_file *file, const char **ret_why)
{
	int err = check_directory(target, st, ret_why);

	if (err)
		return err;
	file->kind = TARGET_DIRECTORY;
	file->fd = open_unnamed(target->path);
	if (file->fd < 0)
		return refuse_directory(ret_why, file->fd, target->path);
	err = set_file_limit(target, 0, file, ret_why);
	return err ? err : make_owners(target, file, ret_why);
}

/* -- a named file -------------------------------------------------------------- */

static int refuse_foreign(const struct target *target, const char **ret_why)
{
	return refuse(ret_why, -EEXIST, target->path,
		      "is not empty and is not a spill swap file; nothing was written to it");
}

/* How much the header says that the target shall hold. */
static void take_limit(struct target_file *file, uint64_t limit)
{
	file->wanted = limit;
	file->kept = limit != 0;
}

static int try_lock(int fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	uint64_t end = sys_now() + LOCK_PATIENCE_NS;
	int err;

	while ((err = (int)sys_call2(SYS_flock, fd, LOCK_EX | LOCK_NB)) == -EAGAIN &&
	       sys_now() < end)
		sys_call2(SYS_nanosleep, &pause, 0);
	return err;
}

static int lock_file(const struct target *target, int fd, const char **ret_why)
{
	int err = try_lock(fd);

	if (err == -EAGAIN)
		return refuse(ret_why, -EBUSY, target->path, "is in use by another command");
	return err ? refuse_error(ret_why, err, target->path) : 0;
}

/* Whoever owns the file can read what is paged out.  That must be us or root. */
static int check_owner(const struct target *target, int fd, const struct stat *st,
		       const char **ret_why)
{
	if (is_anothers(st))
		return refuse(ret_why, -EACCES, target->path, "belongs to another user");
	if (st->st_uid == (uid_t)sys_call0(SYS_geteuid) && (st->st_mode & 07777) != TARGET_MODE)
		sys_call2(SYS_fchmod, fd, TARGET_MODE);
	return 0;
}

/* With the lock held: looks at what the file contains, and makes it ours. */
static int claim_file(const struct target *target, struct target_file *file, struct stat *ret_st,
		      const char **ret_why)
{
	int err = (int)sys_call2(SYS_fstat, file->fd, ret_st);
	uint64_t limit = 0;
	int head;

	if (err)
		return refuse_error(ret_why, err, target->path);
	head = target_head_read(file->fd, &limit);
	if (head < 0)
		return refuse_error(ret_why, head, target->path);
	if (ret_st->st_size != 0 && head != TARGET_OURS)
		return refuse_foreign(target, ret_why);
	take_limit(file, limit);
	err = check_owner(target, file->fd, ret_st, ret_why);
	if (err || head == TARGET_OURS)
		return err;
	err = target_head_write(file->fd, 0);
	return err ? refuse_error(ret_why, err, target->path) : 0;
}

static int open_named(const struct target *target, int flags, const char **ret_why)
{
	int fd = sys_open(target->path, O_RDWR | O_CLOEXEC | flags, 0);

	if (fd == -ELOOP)
		return refuse(ret_why, -EINVAL, target->path,
			      "is a symbolic link: name the file that it points to");
	if (fd == -EBUSY)
		return refuse(ret_why, -EBUSY, target->path, "is mounted or in use");
	if (fd < 0)
		return refuse_error(ret_why, fd, target->path);
	return fd_raise(fd);
}

static int open_file(const struct target *target, struct target_file *file, const char **ret_why)
{
	struct stat st;
	int err;

	err = check_parent(target, ret_why);
	if (err)
		return err;
	file->kind = TARGET_FILE;
	file->offset = TARGET_HEADER_SIZE;
	file->fd = open_named(target, O_NOFOLLOW, ret_why);
	if (file->fd < 0)
		return file->fd;
	err = lock_file(target, file->fd, ret_why);
	if (!err)
		err = claim_file(target, file, &st, ret_why);
	if (!err)
		err = set_file_limit(target, (uint64_t)st.st_blocks * 512, file, ret_why);
	return err ? err : make_owners(target, file, ret_why);
}

/* -- a block device -------------------------------------------------------------- */

/* TARGET_EMPTY (no signature) or TARGET_OURS; else -errno. */
static int check_device(const struct target *target, struct target_file *file, uint64_t size,
			const char **ret_why)
{
	uint64_t limit = 0;
	int head = target_head_read_device(file->fd, size, &limit);

	take_limit(file, limit);
	if (head < 0)
		return refuse_error(ret_why, head, target->path);
	if (head == TARGET_FOREIGN)
		return refuse(ret_why, -EEXIST, target->path,
			      "holds data; nothing was written to it (if the data is of no use, "
			      "clear its first and last MiB)");
	return head;
}

static int claim_device(const struct target *target, struct target_file *file, uint64_t size,
			const char **ret_why)
{
	int head = check_device(target, file, size, ret_why);
	int err = head < 0 ? head : set_limit(target, size, "", file, ret_why);

	if (err || head == TARGET_OURS)
		return err;
	err = target_head_write(file->fd, 0);
	return err ? refuse_error(ret_why, err, target->path) : 0;
}

static int open_device(const struct target *target, struct target_file *file, const char **ret_why)
{
	uint64_t size = 0;
	int err;

	file->kind = TARGET_DEVICE;
	file->offset = TARGET_HEADER_SIZE;
	file->fd = open_named(target, O_EXCL, ret_why); /* O_EXCL: fails if it is mounted */
	if (file->fd < 0)
		return file->fd;
	err = sys_ioctl(file->fd, BLKGETSIZE64, &size);
	if (err)
		return refuse_error(ret_why, err, target->path);
	err = claim_device(target, file, size, ret_why);
	return err ? err : make_owners(target, file, ret_why);
}

/* -- opening ----------------------------------------------------------------------- */

static int open_kind(const struct target *target, struct target_file *file, const char **ret_why)
{
	struct stat st;
	int err = look_at(target->path, 0, &st);

	if (err)
		return refuse_error(ret_why, err, target->path);
	err = check_link(target, ret_why);
	if (err)
		return err;
	if (S_ISDIR(st.st_mode))
		return open_directory(target, &st, file, ret_why);
	if (S_ISREG(st.st_mode))
		return open_file(target, file, ret_why);
	if (S_ISBLK(st.st_mode))
		return open_device(target, file, ret_why);
	return refuse(ret_why, -EINVAL, target->path,
		      "is not a directory, a file or a block device");
}

static int open_afresh(const struct target *target, bool direct, struct target_file *ret_file,
		       const char **ret_why)
{
	struct target_file file = { .fd = -1, .owners_fd = -1, .priority = target->priority };
	int err = open_kind(target, &file, ret_why);

	if (err) {
		target_close(&file);
		return err;
	}
	if (direct)
		set_direct(&file);
	*ret_file = file;
	return 0;
}

/* The one that the launcher has open. */
static int open_handed(const struct target *target, struct target_file *ret_file)
{
	struct command_swap swap;
	int err = command_open_swap(target->path, &swap);

	if (err)
		return err;
	*ret_file = (struct target_file){
		.kind = swap.device ? TARGET_DEVICE : TARGET_FILE,
		.fd = swap.fd,
		.owners_fd = swap.owners_fd,
		.direct = swap.direct,
		.offset = swap.offset,
		.limit = swap.limit,
		.kept = swap.kept,
		.priority = swap.priority,
	};
	return 0;
}

int target_open(const struct target *target, bool direct, struct target_file *ret_file,
		const char **ret_why)
{
	const char *ignored;
	int err = open_handed(target, ret_file);

	ret_why = ret_why ? ret_why : &ignored;
	if (err == -EBADF)
		return refuse(
			ret_why, err, target->path,
			"is no longer open: `spill run` left it open, and a program closed it or "
			"changed its user");
	if (err == -ENOENT)
		err = open_afresh(target, direct, ret_file, ret_why);
	else if (err)
		return refuse_error(ret_why, err, target->path);
	if (!err && command_launched())
		ret_file->tmpfs = false;
	return err;
}

void target_close(const struct target_file *file)
{
	fd_close(file->fd);
	fd_close(file->owners_fd);
}

/* -- all of a list ------------------------------------------------------------------- */

/* Inserts file among n files, which are sorted by priority, highest first. */
static void insert_file(struct target_file files[], unsigned n, const struct target_file *file)
{
	while (n > 0 && files[n - 1].priority < file->priority) {
		files[n] = files[n - 1];
		n--;
	}
	files[n] = *file;
}

/* Spreads limit bytes over n files in order and closes those that get none.  Returns how many are
 * left. */
static unsigned cap_files(struct target_file files[], unsigned n, uint64_t limit)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		files[i].limit = least(files[i].limit, limit);
		limit -= files[i].limit;
		if (files[i].limit)
			kept++;
		else
			target_close(&files[i]);
	}
	return kept;
}

static int open_list(const struct target_list *targets, struct target_file files[], unsigned max,
		     unsigned *n, const char **ret_why)
{
	const char *list = targets->text;
	struct target target;
	int err, closed = 0;

	while ((err = target_next(&list, &target)) == 0) {
		struct target_file file;

		if (*n == max)
			return refuse(ret_why, -EINVAL, target.path, "too many swap targets");
		err = target_open(&target, targets->direct, &file, ret_why);
		if (err == -EBADF) { /* not handed to this process; there may be others */
			closed = err;
			continue;
		}
		if (err)
			return err;
		if (file.tmpfs)
			error_report(EVENT_TMPFS,
				     "%s lies in memory (tmpfs): what is paged out to it still "
				     "takes memory",
				     target.path);
		insert_file(files, (*n)++, &file);
	}
	if (err < 0)
		return refuse(ret_why, err, list, "is not a swap target");
	return *n ? 0 : closed;
}

int target_open_all(const struct target_list *list, struct target_file files[], unsigned max,
		    unsigned *ret_n, const char **ret_why)
{
	const char *ignored;
	unsigned n = 0;
	int err = open_list(list, files, max, &n, ret_why ? ret_why : &ignored);

	if (err) {
		while (n)
			target_close(&files[--n]);
		return err;
	}
	*ret_n = list->limit ? cap_files(files, n, list->limit) : n;
	return 0;
}

/* -- the default ----------------------------------------------------------------------- */

/* A writable directory on a disk, with room, in which nobody else can tamper with our files. */
static bool suits(const char *path)
{
	struct statfs fs;
	struct stat st;

	if (!path || path[0] != '/' || strpbrk(path, ",;") || look_at(path, 0, &st))
		return false;
	return S_ISDIR(st.st_mode) && !anybody_renames(&st) &&
	       sys_call3(SYS_faccessat, AT_FDCWD, path, W_OK | X_OK) == 0 &&
	       sys_call2(SYS_statfs, path, &fs) == 0 && !lies_in_memory(&fs) &&
	       free_room(&fs) >= TARGET_ROOM_MIN;
}

const char *target_default(void)
{
	const char *tmpdir = secure_getenv("TMPDIR");

	return suits(tmpdir) ? tmpdir : "/var/tmp";
}
