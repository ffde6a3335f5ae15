/* SPDX-License-Identifier: MIT */
/* contents.h - pages that can be told from one another
 *
 * A page's bytes are a function of its number and its version: two words that
 * name it, then noise that no compressor makes smaller.  Of compressible data, most words are the
 * same, so that LZ4 makes 1741 bytes or so of a page.  Versions are kept beside
 * the memory, a byte for each page, so that a page that is lost, stale, torn or in
 * the wrong place is found when it is read.
 *
 * Threads: a page is written by one thread at a time, and not read meanwhile.
 */
#ifndef CONTENTS_H
#define CONTENTS_H

#include "memory.h"

struct contents {
	struct memory memory;
	uint8_t *version; /* of each page; 0: zeros */
	bool compressible;
};

void contents_open(struct contents *contents, const struct options *options);
void contents_close(struct contents *contents);

/* Writes the page's next version. */
void contents_write(struct contents *contents, size_t i);
/* Reads all of the page; anything wrong ends the program. */
void contents_check(const struct contents *contents, size_t i);
/* Writes every page, in order. */
void contents_fill(struct contents *contents);

/* Reads a word of it: the access that may fault. */
static inline void contents_touch(const struct contents *contents, size_t i)
{
	(void)*(volatile const char *)memory_page(&contents->memory, i);
}

#endif /* CONTENTS_H */
