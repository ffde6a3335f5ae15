/* SPDX-License-Identifier: MIT */
/* place.h - where swap space lies: in which file system, and what that means for it
 *
 * A file system may keep what it is given in memory, or behind a network; a program may have to
 * answer each read and write, which may need the memory itself; or it may copy on write: then each
 * page that is written takes a new place, with a sum of its own, and the file is soon in pieces.
 */
#ifndef SPILL_PLACE_H
#define SPILL_PLACE_H

#include "common/finding.h"
#include <stdint.h>
#include <sys/stat.h>

enum place_kind { PLACE_DISK, PLACE_MEMORY, PLACE_NETWORK, PLACE_PROGRAM, PLACE_COPIES };

struct place {
	enum place_kind kind;
	char type[32]; /* as mount(8) has it; "?" if that is not to be found */
	uint64_t free; /* bytes that who is not root may still take */
};

/* Of a file or directory that is open.  0 or -errno. */
int place_look(int fd, struct place *ret);

/* Is it fine for swap space, or what does it cost? */
void place_judge(const struct place *place, struct finding *finding);

/* How much room a file has in its file system, in bytes. */
static inline uint64_t place_allocated(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512;
}

/* Makes an empty file of btrfs one that is not copied on write. */
void place_set_nocow(int fd);

#endif
