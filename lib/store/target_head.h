/* SPDX-License-Identifier: MIT */
/* target_head.h - the header that marks a swap file or device as ours
 *
 * It begins with a text, followed by zeros up to TARGET_HEADER_SIZE:
 *
 *	spill swap 1
 *	limit BYTES
 *
 * `spill swap create' writes the second line.  It says that the owner wants this many bytes of
 * slots, and that a file has its blocks and keeps them.
 */
#ifndef SPILL_TARGET_HEAD_H
#define SPILL_TARGET_HEAD_H

#include <stdint.h>

#define TARGET_MAGIC "spill swap 1\n"

/* The largest page size, so that slots stay aligned. */
#define TARGET_HEADER_SIZE 65536

enum target_head { TARGET_EMPTY, TARGET_OURS, TARGET_FOREIGN };

/* Looks at the first TARGET_HEADER_SIZE bytes, or as many as there are; fd must not be O_DIRECT.
 * Returns an enum target_head or -errno.  For TARGET_OURS, *ret_limit is set: bytes, 0 without the
 * line. */
int target_head_read(int fd, uint64_t *ret_limit);

/* The same for a block device of this size.  It is TARGET_FOREIGN also if there is anything where
 * file systems, volume managers and partition tables leave their signatures. */
int target_head_read_device(int fd, uint64_t size, uint64_t *ret_limit);

/* Writes a header over zeros, nothing, or a header of ours.  limit 0: without the second line.  0
 * or -errno. */
int target_head_write(int fd, uint64_t limit);

#endif
