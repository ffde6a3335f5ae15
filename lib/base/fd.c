/* SPDX-License-Identifier: MIT */
/* fd.c - our own descriptors: see fd.h */
#include "base/fd.h"
#include "base/error.h"
#include "base/sys.h"
#include <linux/memfd.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Higher numbers are not noted: a program with this many descriptors open closes what it opened,
 * not everything there is. */
#define FD_NOTED_MAX 65536

/* Nobody can shrink it or grow it. */
#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static _Atomic uint64_t noted[FD_NOTED_MAX / 64];

static uint64_t bit_of(unsigned fd)
{
	return UINT64_C(1) << fd % 64;
}

void fd_note(int fd)
{
	if (fd >= 0 && fd < FD_NOTED_MAX)
		atomic_fetch_or(&noted[fd / 64], bit_of((unsigned)fd));
}

void fd_forget(int fd)
{
	if (fd >= 0 && fd < FD_NOTED_MAX)
		atomic_fetch_and(&noted[fd / 64], ~bit_of((unsigned)fd));
}

int fd_next(unsigned first, unsigned last)
{
	for (unsigned word = first / 64; word < FD_NOTED_MAX / 64 && word <= last / 64; word++) {
		uint64_t bits = atomic_load_explicit(&noted[word], memory_order_relaxed);

		if (word == first / 64)
			bits &= ~UINT64_C(0) << first % 64;
		if (bits) {
			unsigned fd = word * 64 + (unsigned)__builtin_ctzll(bits);

			return fd <= last ? (int)fd : -1;
		}
	}
	return -1;
}

/* The end of the table, as far as we use it.  The usual limit is 1024.  A table of FD_END_MAX
 * entries takes 32 KiB in the kernel, and a fork copies it; one of a million takes 8 MiB. */
#define FD_END_MAX 4096

static unsigned table_end(void)
{
	struct rlimit limit = { 1024, 1024 };

	sys_call4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	return limit.rlim_cur < FD_END_MAX ? (unsigned)limit.rlim_cur : FD_END_MAX;
}

/* A process has some twenty of ours. */
#define FD_ROOM 64

static unsigned room(unsigned end)
{
	return end / 4 < FD_ROOM ? end / 4 : FD_ROOM;
}

int fd_high(void)
{
	unsigned end = table_end();

	return (int)(end - room(end));
}

/* Looks further down while all higher numbers are taken. */
static int duplicate_below(int fd, unsigned end)
{
	int high = -EMFILE;
	unsigned least;

	for (unsigned below = room(end); high == -EMFILE && below < end; below = 2 * below + 1) {
		least = end - below;
		high = (int)sys_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least);
	}
	if (high < 0)
		high = (int)sys_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	fd_note(high);
	return high;
}

int fd_duplicate(int fd)
{
	return duplicate_below(fd, table_end());
}

static int open_again(int fd)
{
	char path[40];

	error_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	return sys_open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);
}

int fd_open_anew(int fd)
{
	return fd_raise(open_again(fd));
}

int fd_reopen(int fd)
{
	int again = fd_open_anew(fd);

	return again < 0 ? fd_duplicate(fd) : again;
}

int fd_raise(int fd)
{
	unsigned end = fd < 0 ? 0 : table_end();
	int high = -1;

	if (fd >= 0 && (unsigned)fd < end - room(end))
		high = duplicate_below(fd, end);
	if (high < 0) {
		fd_note(fd);
		return fd;
	}
	sys_close(fd);
	return high;
}

int fd_memory(const char *name, uint64_t size)
{
	int fd = (int)sys_call2(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err = fd < 0 ? fd : sys_ftruncate(fd, size);

	if (!err)
		err = (int)sys_call3(SYS_fcntl, fd, F_ADD_SEALS, SIZE_SEALS | F_SEAL_SEAL);
	if (!err)
		return fd_raise(fd);
	if (fd >= 0)
		sys_close(fd);
	return err;
}

bool fd_is_memory(int fd, uint64_t size)
{
	long seals = sys_call2(SYS_fcntl, fd, F_GET_SEALS);
	struct stat st;

	return seals >= 0 && (seals & SIZE_SEALS) == SIZE_SEALS &&
	       sys_call2(SYS_fstat, fd, &st) == 0 && (uint64_t)st.st_size >= size;
}

int fd_pipe(void)
{
	int ends[2], both;
	int err = (int)sys_call2(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);

	if (err)
		return err;
	both = open_again(ends[0]);
	sys_close(ends[0]);
	sys_close(ends[1]);
	return fd_raise(both);
}

uint64_t fd_inode(int fd)
{
	struct stat st = { 0 };

	sys_call2(SYS_fstat, fd, &st);
	return st.st_ino;
}

void fd_close(int fd)
{
	if (fd < 0)
		return;
	fd_forget(fd);
	sys_close(fd);
}
