/* SPDX-License-Identifier: MIT */
/* target_head.c - the header that marks a swap file or device as ours: see target_head.h */
#include "store/target_head.h"
#include "base/error.h"
#include "base/sys.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 4096

/* The longest text, and zeros after it. */
#define TEXT_SIZE 64

#define LIMIT_LINE "limit "

/* Signatures lie within this much of the start (btrfs: 64 KiB) or the end (ZFS: 512 KiB) of a
 * device. */
#define SIGNATURE_AREA ((uint64_t)1 << 20)

static bool all_zero(const char *bytes, size_t n)
{
	return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

/* Is [from, end) of the file all zeros, up to where the file ends?  1, 0 or -errno. */
static int is_zero(int fd, uint64_t from, uint64_t end)
{
	char block[BLOCK_SIZE];

	while (from < end) {
		size_t most = end - from < sizeof(block) ? end - from : sizeof(block);
		long n = sys_pread(fd, block, most, from);

		if (n < 0)
			return (int)n;
		if (n == 0) /* the file ends here */
			return 1;
		if (!all_zero(block, (size_t)n))
			return 0;
		from += (uint64_t)n;
	}
	return 1;
}

/* Writes the text into a zeroed buffer; returns its length. */
static size_t print(char *text, size_t size, uint64_t limit)
{
	if (limit)
		return error_format(text, size, TARGET_MAGIC LIMIT_LINE "%lu\n",
				    (unsigned long)limit);
	return error_format(text, size, TARGET_MAGIC);
}

/* A header is ours only if it is exactly what we would write. */
static bool parse(const char text[TEXT_SIZE], uint64_t *ret_limit)
{
	const char *line = text + sizeof(TARGET_MAGIC) - 1;
	char again[TEXT_SIZE] = { 0 };
	uint64_t limit = 0;

	if (strncmp(line, LIMIT_LINE, sizeof(LIMIT_LINE) - 1) == 0)
		limit = strtoull(line + sizeof(LIMIT_LINE) - 1, NULL, 10);
	print(again, sizeof(again), limit);
	if (memcmp(text, again, TEXT_SIZE) != 0)
		return false;
	*ret_limit = limit;
	return true;
}

int target_head_read(int fd, uint64_t *ret_limit)
{
	char text[TEXT_SIZE + 1] = { 0 };
	long n = sys_pread(fd, text, TEXT_SIZE, 0);
	int zero;

	if (n < 0)
		return (int)n;
	zero = is_zero(fd, TEXT_SIZE, TARGET_HEADER_SIZE);
	if (zero < 0)
		return zero;
	if (zero && parse(text, ret_limit))
		return TARGET_OURS;
	return zero && all_zero(text, TEXT_SIZE) ? TARGET_EMPTY : TARGET_FOREIGN;
}

int target_head_read_device(int fd, uint64_t size, uint64_t *ret_limit)
{
	uint64_t area = size < SIGNATURE_AREA ? size : SIGNATURE_AREA;
	int head = target_head_read(fd, ret_limit);
	int zero;

	if (head != TARGET_EMPTY)
		return head;
	zero = is_zero(fd, TARGET_HEADER_SIZE, area);
	if (zero == 1)
		zero = is_zero(fd, size - area, size);
	if (zero < 0)
		return zero;
	return zero ? TARGET_EMPTY : TARGET_FOREIGN;
}

int target_head_write(int fd, uint64_t limit)
{
	char block[BLOCK_SIZE] = { 0 };
	struct iovec iov = { block, sizeof(block) };
	long n;

	print(block, sizeof(block), limit);
	n = sys_pwritev(fd, &iov, 1, 0);
	if (n < 0)
		return (int)n;
	return n == (long)sizeof(block) ? 0 : -ENOSPC;
}
