/* SPDX-License-Identifier: MIT */
/* pins.c - may a device be writing to this process's memory?  See pins.h */
#include "kernel/pins.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/proc_self.h"
#include "base/sys.h"
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The kernel gives out the lowest free number, so a new one rarely lies beyond this many free ones.
 * Now and then we list all of them. */
#define GAP 16
#define LIST_NS 100000000
/* How long the price of a look holds. */
#define PRICE_NS 100000000
/* With more descriptors than this, looking costs more than it saves. */
#define FD_MOST 512
/* How long a yes is remembered. */
#define EXPECTED_NS 100000000

static _Atomic uint64_t known[FD_MOST / 64]; /* numbers in use that are not ours */
static _Atomic bool too_many;
static _Atomic uint64_t listed;	     /* ns: when all were last listed */
static _Atomic uint32_t lister;	     /* the process in which a thread lists them, or 0 */
static _Atomic uint64_t possible_at; /* ns: when the answer was last yes */
static _Atomic uint64_t looked_at;   /* ns: when last all were looked at, */
static _Atomic uint32_t look_ns;     /* and how long that took */

/* -- which there are ------------------------------------------------------------------ */

static int number_of(const char *name)
{
	int n = 0;

	for (; *name >= '0' && *name <= '9'; name++)
		n = n * 10 + (*name - '0');
	return n;
}

static bool is_known(int fd)
{
	return atomic_load_explicit(&known[fd / 64], memory_order_relaxed) >> fd % 64 & 1;
}

/* Notes that the number is in use.  false: it is too high. */
static bool know(int fd)
{
	if (fd_is_ours(fd))
		return true;
	if (fd >= FD_MOST)
		return false;
	atomic_fetch_or(&known[fd / 64], UINT64_C(1) << fd % 64);
	return true;
}

/* Notes all numbers in use.  Those closed since stay noted, at little cost.  false: too many. */
static bool list_all(int dir)
{
	_Alignas(struct sys_entry) char entries[2048];
	bool all = dir >= 0 && sys_rewind(dir) == 0;
	long n;

	while (all && (n = sys_getdents(dir, entries, sizeof(entries))) > 0)
		for (long at = 0; at < n && all;) {
			const struct sys_entry *entry = (const void *)(entries + at);

			all = know(number_of(entry->name));
			at += entry->size;
		}
	return all;
}

/* One thread at a time; in a fork's child, the parent's does not count. */
static bool begin_listing(void)
{
	uint32_t us = (uint32_t)sys_getpid(), other = lister;

	return other != us && atomic_compare_exchange_strong(&lister, &other, us);
}

static bool list_now_and_then(uint64_t now)
{
	if (now - listed >= LIST_NS && begin_listing()) {
		int kept = proc_self(PROC_SELF_FD);
		int dir = kept < 0 ? proc_self_open(PROC_SELF_FD) : kept;

		too_many = !list_all(dir);
		if (kept < 0)
			fd_close(dir);
		listed = now;
		lister = 0;
	}
	return !too_many;
}

/* -- one of them ------------------------------------------------------------------- */

/* Does its link in /proc begin with one of names?  Returns otherwise if the link cannot be read. */
static bool link_begins_with(int fd, const char *const *names, bool otherwise)
{
	char path[40], target[64];
	long n;

	error_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = sys_call4(SYS_readlinkat, AT_FDCWD, path, target, sizeof(target) - 1);
	if (n < 0)
		return otherwise;
	target[n] = 0;
	for (; *names; names++)
		if (strncmp(target, *names, strlen(*names)) == 0)
			return true;
	return false;
}

/* Rings, and what other interfaces of that kind hand out for a device. */
static bool is_suspect_inode(int fd)
{
	static const char *const names[] = { "anon_inode:[io_uring]", "anon_inode:[vfio",
					     "anon_inode:[iommufd",   "anon_inode:[infiniband",
					     "anon_inode:dmabuf",     NULL };

	return link_begins_with(fd, names, true);
}

/* Documentation/admin-guide/devices.txt: devices that are read and written by copying, or that keep
 * their memory to themselves. */
static bool has_harmless_number(dev_t device)
{
	static const unsigned char misc[] = { 130 /* watchdog */,
					      135 /* rtc */,
					      183 /* hwrng */,
					      200 /* net/tun */,
					      223 /* uinput */,
					      228 /* hpet */,
					      232 /* kvm */,
					      234 /* btrfs-control */,
					      235 /* autofs */,
					      237 /* loop-control */,
					      242 /* rfkill */ };

	switch (major(device)) {
	case 1:		  /* null, zero, full, random, kmsg */
	case 4:		  /* tty0, ttyS0 */
	case 5:		  /* tty, console, ptmx */
	case 13:	  /* input */
	case 116:	  /* snd */
	case 136 ... 143: /* pts */
	case 202:	  /* cpu/0/msr */
	case 203:	  /* cpu/0/cpuid */
		return true;
	case 10:
		return minor(device) < 255 &&
		       memchr(misc, (int)minor(device), sizeof(misc)) != NULL;
	default:
		return false;
	}
}

/* Any unknown device: cameras (V4L2), SCSI commands (sg), RDMA, GPUs, VFIO, iommufd. */
static bool is_suspect_device(int fd, dev_t device)
{
	/* The kernel assigns their numbers dynamically. */
	static const char *const names[] = { "/dev/userfaultfd", "/dev/vsock", "/dev/rtc", NULL };

	return !has_harmless_number(device) && !link_begins_with(fd, names, false);
}

/* The socket's memory is registered with the network device. */
static bool is_xdp(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return sys_call5(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       domain == AF_XDP;
}

static bool is_suspect(int fd, long flags)
{
	struct stat st;

	if (flags & O_DIRECT)
		return true;
	if (sys_call2(SYS_fstat, fd, &st) < 0)
		return false;
	switch (st.st_mode & S_IFMT) {
	case S_IFCHR:
		return is_suspect_device(fd, st.st_rdev);
	case S_IFBLK:
		return true; /* SCSI commands (SG_IO) */
	case S_IFSOCK:
		return is_xdp(fd);
	case 0: /* anonymous inodes have no type */
		return (flags & O_ACCMODE) == O_RDWR && is_suspect_inode(fd);
	default:
		return false;
	}
}

/* -- all of them ------------------------------------------------------------------- */

enum look {
	LOOK_FREE,
	LOOK_HARMLESS,
	LOOK_SUSPECT,
};

static enum look look_at(int fd)
{
	long flags = sys_call3(SYS_fcntl, fd, F_GETFL, 0);

	if (flags < 0)
		return LOOK_FREE;
	return is_suspect(fd, flags) ? LOOK_SUSPECT : LOOK_HARMLESS;
}

static bool look_at_known(void)
{
	for (unsigned i = 0; i < FD_MOST / 64; i++) {
		uint64_t word = atomic_load_explicit(&known[i], memory_order_relaxed);

		for (; word; word &= word - 1)
			if (look_at((int)(i * 64) + __builtin_ctzll(word)) == LOOK_SUSPECT)
				return true;
	}
	return false;
}

/* From 0 up until GAP in a row are free.  One poll(2) would find these, but of those that are open it
 * asks whoever serves them. */
static bool look_at_unknown(void)
{
	unsigned free = 0;

	for (int fd = 0; fd < FD_MOST && free < GAP; fd++) {
		enum look look;

		if (is_known(fd) || fd_is_ours(fd))
			continue;
		look = look_at(fd);
		if (look == LOOK_SUSPECT)
			return true;
		free = look == LOOK_FREE ? free + 1 : 0;
	}
	return false;
}

/* A single look that took long, since the thread lost its CPU, says little. */
static void note_price(uint64_t began)
{
	uint64_t now = sys_now();
	uint64_t price = now - began, most = 2 * (uint64_t)pins_price();

	look_ns = (uint32_t)(most && price > most ? most : price);
	looked_at = now;
}

static bool look(void)
{
	uint64_t began = sys_now();
	bool ret = look_at_known() || look_at_unknown();

	if (!ret)
		note_price(began);
	return ret;
}

bool pins_possible(bool in_doubt)
{
	uint64_t now = sys_now();
	bool all = list_now_and_then(now);
	bool ret = all ? look() : in_doubt;

	if (ret)
		possible_at = now;
	return ret;
}

uint32_t pins_price(void)
{
	return sys_now() - looked_at < PRICE_NS ? look_ns : 0;
}

bool pins_expected(void)
{
	return possible_at && sys_now() - possible_at < EXPECTED_NS;
}
