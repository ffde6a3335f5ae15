/* SPDX-License-Identifier: MIT */
/* compressed.h - the compressed store: pages that are packed, in memory
 *
 * Pages that leave memory are packed (codec.h) and stay, as objects of a slab (slab.h), in frames
 * of the budget.  To bring one back takes some us instead of a read.  A page that does not pack to
 * three quarters is refused.  A page of one repeated word takes no room: the word is all that its
 * owner has to remember.
 *
 *	compressed_put ──▶ a place ──compressed_get──▶ the page
 *	                 └──compressed_free
 *
 * A place is four bytes, so a page can have one beside its place in swap space: then nothing needs
 * to be written when it leaves here.
 *
 * Locking: that of the slab.  Who holds the lock of a page's chunk may read its object.
 */
#ifndef SPILL_COMPRESSED_H
#define SPILL_COMPRESSED_H

#include "store/codec.h"
#include "store/slab.h"

/* A place in the compressed store; or none, or that of a page that is a word again and again. */
typedef uint32_t compressed_place;
#define COMPRESSED_NONE SLAB_NONE
#define COMPRESSED_WORD (SLAB_NONE - 1)

struct compressed {
	struct slab slab;
	_Atomic uint64_t pages; /* that are in it, */
	_Atomic uint64_t words; /* of these, those that take no room, */
	_Atomic uint64_t bytes; /* and what the others take, packed */
};

/* What a handler needs to pack and unpack. */
struct packer {
	char *state; /* codec.h */
	char *pages; /* room for PACKER_PAGES */
};

#define PACKER_PAGES 8

static inline char *packer_page(const struct packer *packer, unsigned i)
{
	return packer->pages + ((size_t)i << page_shift());
}

/* Room for so many frames at most, which the budget pays for as they are used.  0; -ENOSYS: spill
 * was built without LZ4; or -ENOMEM. */
int compressed_open(struct compressed *compressed, struct budget *budget, uint64_t frames);
void compressed_close(struct compressed *compressed);

static inline bool compressed_is_open(const struct compressed *compressed)
{
	return compressed->slab.base != NULL;
}

/* 0 or -ENOMEM.  packer_frames: what one takes. */
int packer_open(struct packer *packer);
void packer_close(struct packer *packer);
unsigned packer_frames(void);

/* Puts a page, which has this number.  grow: new frames may be taken of the budget.  COMPRESSED_WORD:
 * the page is *ret_word again and again.  COMPRESSED_NONE: it is refused; *ret_odd says whether it does
 * not pack, or there is no room. */
compressed_place compressed_put(struct compressed *compressed, struct packer *packer,
				const void *page, uint64_t number, bool grow, uint64_t *ret_word,
				bool *ret_odd);

/* Puts what is at this place, an object, a second time, without new frames. */
compressed_place compressed_copy(struct compressed *compressed, compressed_place place);

/* Makes the page again.  word: what compressed_put has given for COMPRESSED_WORD.  false: the object is not
 * what was put. */
bool compressed_get(const struct compressed *compressed, compressed_place place, uint64_t word,
		    void *page);

/* false: a fork is under way; nothing was done, and the caller keeps the place. */
bool compressed_free(struct compressed *compressed, compressed_place place);

#endif
