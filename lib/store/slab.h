/* SPDX-License-Identifier: MIT */
/* slab.h - memory for packed pages: pieces of any size below a page, out of whole frames
 *
 * Memory comes in blocks of SLAB_PAGES pages.  A block is cut into equal slots, for one class of
 * sizes, and a bit for each says whether it is taken:
 *
 *	block  [ slot 0 | slot 1 | ... | slot n - 1 ]	n = 10 ... 64
 *
 * A block is full; partial, in the list of its class; empty, with its frames, for any class; or
 * bare, without frames.  What is freed is used again by the next of its class, so as long as sizes
 * stay alike nothing is copied.  (zsmalloc in the kernel does the same; here a block is contiguous,
 * since addresses cost nothing.)  Where they do not, blocks with few objects are drained.
 *
 * Each object begins with the number of the page that it belongs to, so whoever compacts can find
 * out whose it is.
 *
 * Invariant: the frames of blocks that are not bare are counted by the budget (budget.h), before
 * they exist and until they are gone.
 * Locking: (Z) the lists and bits, a leaf held for some hundred ns.  Contents are their owner's: a
 * page's by its chunk's lock.  Frames are given back without it.
 */
#ifndef SPILL_SLAB_H
#define SPILL_SLAB_H

#include "base/lock.h"
#include "base/page.h"
#include "command/budget.h"
#include <stdint.h>

#define SLAB_PAGES 8
#define SLAB_SLOTS 64 /* most in a block */
#define SLAB_CLASSES 25

/* A slot's name: its block and its number there. */
#define SLAB_NONE UINT32_MAX

struct slab_block {
	uint64_t taken;	     /* (Z) a bit for each slot */
	uint32_t next, prev; /* (Z) in its list */
	uint32_t size_class; /* (Z) */
	bool draining;	     /* (Z) in no list: its objects move elsewhere */
};

/* Blocks that are linked by next and prev. */
struct slab_list {
	uint32_t first, last;
	_Atomic uint32_t count; /* (Z) */
};

struct slab {
	struct budget *budget; /* which pays for the frames */
	struct lock lock;
	char *base; /* NULL: there is none */
	uint32_t block_count;
	struct slab_block *block;
	struct slab_list partial[SLAB_CLASSES]; /* (Z) */
	struct slab_list empty;			/* (Z) */
	struct slab_list bare;			/* (Z) */
	uint32_t fresh;				/* (Z) blocks from here on were never used */
	_Atomic uint32_t held;			/* blocks that are not bare */
	_Atomic uint64_t used;			/* bytes of slots that are taken */
	uint32_t vacant[SLAB_CLASSES];		/* (Z) free slots in partial blocks */
	_Atomic bool frozen;			/* (Z) a fork is under way */
};

/* Addresses for so many frames.  0 or -ENOMEM. */
int slab_init(struct slab *slab, struct budget *budget, uint64_t frames);
/* Gives everything back, whatever is in it. */
void slab_free_all(struct slab *slab);

/* A slot for an object of this many bytes, which belongs to the page with this number.  grow: a
 * new block's frames may be taken of the budget.  SLAB_NONE: there is none. */
uint32_t slab_alloc(struct slab *slab, unsigned bytes, uint64_t page, bool grow);
/* false: a fork is under way, and nothing was done. */
bool slab_free(struct slab *slab, uint32_t slot);

/* What is in a slot: its bytes, and whose it is. */
char *slab_object(const struct slab *slab, uint32_t slot, unsigned *ret_bytes, uint64_t *ret_page);

/* Gives the frames of empty blocks back, all but keep of them.  Returns how many frames. */
unsigned slab_trim(struct slab *slab, unsigned keep);
/* Takes frames for empty blocks, until there are so many or the budget has no more. */
void slab_stock(struct slab *slab, unsigned blocks);

/* Takes a block with few objects out of use, if its class has room for them elsewhere, so that no
 * object comes to it.  SLAB_NONE: there is none.  Who holds the lock of an object's page may then
 * move it, by slab_alloc and slab_free. */
uint32_t slab_drain(struct slab *slab);
/* The block's first object after *slot, which becomes it; at first that is SLAB_NONE.  false: there is
 * none. */
bool slab_next(struct slab *slab, uint32_t number, uint32_t *slot);
/* No more is moved. */
void slab_drained(struct slab *slab, uint32_t number);

/* Frames in blocks. */
static inline uint64_t slab_frames(const struct slab *slab)
{
	return (uint64_t)slab->held * SLAB_PAGES;
}

/* Around a fork: nothing changes between the two.  The child has all that the parent had, and its own
 * budget has to count it. */
void slab_fork(struct slab *slab);
void slab_fork_parent(struct slab *slab);
void slab_fork_child(struct slab *slab);

/* Checks the invariants; aborts by assert.  For tests and debug builds. */
void slab_check(struct slab *slab);

#endif
