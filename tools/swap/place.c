/* SPDX-License-Identifier: MIT */
/* place.c - the file system that swap space lies in: see place.h */
#include "swap/place.h"
#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

/* Those that no header defines everywhere. */
#define BEEGFS_MAGIC 0x19830326
#define CEPH_MAGIC 0x00c36400
#define CIFS_MAGIC 0xff534d42
#define FUSE_MAGIC 0x65735546
#define LUSTRE_MAGIC 0x0bd00bd0
#define SMB2_MAGIC 0xfe534d42

static const struct {
	uint32_t magic;
	enum place_kind kind;
} file_systems[] = {
	{ TMPFS_MAGIC, PLACE_MEMORY },	     { RAMFS_MAGIC, PLACE_MEMORY },
	{ AFS_SUPER_MAGIC, PLACE_NETWORK },  { BEEGFS_MAGIC, PLACE_NETWORK },
	{ CEPH_MAGIC, PLACE_NETWORK },	     { CIFS_MAGIC, PLACE_NETWORK },
	{ CODA_SUPER_MAGIC, PLACE_NETWORK }, { LUSTRE_MAGIC, PLACE_NETWORK },
	{ NFS_SUPER_MAGIC, PLACE_NETWORK },  { SMB_SUPER_MAGIC, PLACE_NETWORK },
	{ SMB2_MAGIC, PLACE_NETWORK },	     { V9FS_MAGIC, PLACE_NETWORK },
	{ BTRFS_SUPER_MAGIC, PLACE_COPIES }, { FUSE_MAGIC, PLACE_PROGRAM },
};

static enum place_kind kind_of(uint32_t magic)
{
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++)
		if (file_systems[i].magic == magic)
			return file_systems[i].kind;
	return PLACE_DISK;
}

static bool has_nocow(int fd)
{
	int flags = 0;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_NOCOW_FL;
}

void place_set_nocow(int fd)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return;
	flags |= FS_NOCOW_FL;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* -- its type ------------------------------------------------------------------------------ */

/* The id of the mount by which the file was opened; -1: unknown. */
static int mount_of(int fd)
{
	char path[48], line[256];
	int mount = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (mount < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "mnt_id: %d", &mount);
	fclose(file);
	return mount;
}

/* Reads the type from a line of mountinfo: "36 35 98:0 / /mnt rw master:1 - ext3 /dev/root ...". */
static bool is_type_of(const char *line, int mount, char type[32])
{
	const char *rest = strstr(line, " - ");
	int number;

	return rest && sscanf(line, "%d", &number) == 1 && number == mount &&
	       sscanf(rest, " - %31s", type) == 1;
}

static void find_type(int fd, char type[32])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	int mount = mount_of(fd);
	char line[8192];

	strcpy(type, "?");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file) && !is_type_of(line, mount, type))
		;
	fclose(file);
}

/* -- all of it ----------------------------------------------------------------------------- */

int place_look(int fd, struct place *ret)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return -errno;
	ret->kind = kind_of((uint32_t)fs.f_type);
	if (ret->kind == PLACE_COPIES && has_nocow(fd))
		ret->kind = PLACE_DISK;
	ret->free = fs.f_bavail * (uint64_t)(fs.f_frsize ? fs.f_frsize : fs.f_bsize);
	find_type(fd, ret->type);
	return 0;
}

void place_judge(const struct place *place, struct finding *finding)
{
	const char *remedy = "spill run -s DIRECTORY-ON-A-DISK ...";

	switch (place->kind) {
	case PLACE_DISK:
		found(finding, FINE, "%s", place->type);
		return;
	case PLACE_MEMORY:
		found(finding, COSTS,
		      "%s lies in memory: what is paged out to it still takes memory", place->type);
		break;
	case PLACE_NETWORK:
		found(finding, COSTS,
		      "%s lies across a network: each page waits for it, and while the other side "
		      "does not answer, the command stands still",
		      place->type);
		break;
	case PLACE_PROGRAM:
		found(finding, COSTS,
		      "%s: a program or another machine answers each read and write; if that has "
		      "to wait for memory, the command waits for it",
		      place->type);
		break;
	case PLACE_COPIES:
		found(finding, COSTS,
		      "%s copies on write: each page that is written takes a new place, and a sum of "
		      "its contents",
		      place->type);
		remedy = "spill swap create NEW-FILE SIZE";
		break;
	}
	finding->remedy = remedy;
}
