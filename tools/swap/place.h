/* SPDX-License-Identifier: MIT */
/* place.h - the file system that swap space lies in, and what that means for it
 *
 * A file system may keep its contents in memory, or across a network.  A program may have to answer
 * each read and write, and may need the memory itself.  Or the file system copies on write: then
 * each page written takes a new place, with a checksum of its own, and the file is soon in pieces.
 */
#ifndef SPILL_PLACE_H
#define SPILL_PLACE_H

#include "common/finding.h"
#include <stdint.h>
#include <sys/stat.h>

enum place_kind { PLACE_DISK, PLACE_MEMORY, PLACE_NETWORK, PLACE_PROGRAM, PLACE_COPIES };

struct place {
	enum place_kind kind;
	char type[32]; /* as mount(8) has it; "?" if unknown */
	uint64_t free; /* bytes that an ordinary user may still take */
};

/* For an open file or directory.  0 or -errno. */
int place_look(int fd, struct place *ret);

/* Is this fine for swap space, or what does it cost? */
void place_judge(const struct place *place, struct finding *finding);

/* Bytes that a file occupies in its file system. */
static inline uint64_t place_allocated(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512;
}

/* Keeps btrfs from copying on write in a file that is still empty. */
void place_set_nocow(int fd);

#endif
