/* SPDX-License-Identifier: MIT */
/* target_head.h - by what a swap file or device is known to be ours
 *
 * It begins with a text, and zeros follow to TARGET_HEADER_SIZE:
 *
 *	spill swap 1
 *	limit BYTES
 *
 * The second line is there if `spill swap create' has made it: that its owner wants so many bytes
 * of slots in it, and that a file has its blocks, which it keeps.
 */
#ifndef SPILL_TARGET_HEAD_H
#define SPILL_TARGET_HEAD_H

#include <stdint.h>

#define TARGET_MAGIC "spill swap 1\n"

/* The largest page size: slots stay aligned. */
#define TARGET_HEADER_SIZE 65536

enum target_head { TARGET_EMPTY, TARGET_OURS, TARGET_FOREIGN };

/* What is in the first TARGET_HEADER_SIZE bytes, as far as there are any (not by O_DIRECT); an enum
 * target_head or -errno.  *ret_limit is set if it is ours: bytes, 0: there is no such line. */
int target_head_read(int fd, uint64_t *ret_limit);

/* The same of a block device of that size, which is TARGET_FOREIGN also if there is anything where
 * file systems, volume managers and partition tables leave their signatures. */
int target_head_read_device(int fd, uint64_t size, uint64_t *ret_limit);

/* Over zeros, nothing, or a header of ours.  limit 0: without that line.  0 or -errno. */
int target_head_write(int fd, uint64_t limit);

#endif
