/* SPDX-License-Identifier: MIT */
/* packed.c - the compressed store: see packed.h */
#include "store/packed.h"
#include "base/hash.h"
#include "base/meta.h"
#include <string.h>

/* What takes more than this part of a page is refused. */
#define WORTH_NUMERATOR 3
#define WORTH_DENOMINATOR 4

static unsigned worthwhile(void)
{
	return (unsigned)(page_size() / WORTH_DENOMINATOR * WORTH_NUMERATOR);
}

int packed_open(struct packed *packed, struct budget *budget, uint64_t frames)
{
	if (!codec_is_built())
		return -ENOSYS;
	return slab_init(&packed->slab, budget, frames);
}

void packed_close(struct packed *packed)
{
	slab_free_all(&packed->slab);
	packed->pages = packed->words = packed->bytes = 0;
}

static size_t packer_size(void)
{
	return page_round_up(codec_state_size()) + page_size();
}

unsigned packer_frames(void)
{
	return (unsigned)(packer_size() >> page_shift());
}

int packer_open(struct packer *packer)
{
	packer->page = meta_map(packer_size());
	if (!packer->page)
		return -ENOMEM;
	packer->state = packer->page + page_size();
	return 0;
}

void packer_close(struct packer *packer)
{
	meta_unmap(packer->page, packer_size());
	packer->page = packer->state = NULL;
}

/* -- put, get and free -------------------------------------------------------------------- */

static packed_place put_object(struct packed *packed, struct packer *packer, unsigned length,
			       uint64_t number, bool grow)
{
	uint32_t slot = slab_alloc(&packed->slab, length, number, grow);
	uint64_t owner;

	if (slot == SLAB_NONE)
		return PACKED_NONE;
	memcpy(slab_object(&packed->slab, slot, &length, &owner), packer->page, length);
	atomic_fetch_add(&packed->pages, 1);
	atomic_fetch_add(&packed->bytes, length);
	return slot;
}

packed_place packed_put(struct packed *packed, struct packer *packer, const void *page,
			uint64_t number, bool grow, uint64_t *ret_word, bool *ret_odd)
{
	unsigned length;

	*ret_odd = false;
	if (page_is_word(page, ret_word)) {
		atomic_fetch_add(&packed->pages, 1);
		atomic_fetch_add(&packed->words, 1);
		return PACKED_WORD;
	}
	length = codec_pack(packer->state, page, packer->page, worthwhile());
	if (!length) {
		*ret_odd = true;
		return PACKED_NONE;
	}
	return put_object(packed, packer, length, number, grow);
}

bool packed_get(const struct packed *packed, packed_place place, uint64_t word, void *page)
{
	uint64_t number;
	unsigned length;
	const char *object;

	if (place == PACKED_WORD) {
		page_fill(page, word);
		return true;
	}
	object = slab_object(&packed->slab, place, &length, &number);
	return length <= worthwhile() && codec_unpack(object, length, page);
}

bool packed_free(struct packed *packed, packed_place place)
{
	uint64_t number;
	unsigned length;

	if (place == PACKED_WORD) {
		atomic_fetch_sub(&packed->words, 1);
	} else {
		slab_object(&packed->slab, place, &length, &number);
		if (!slab_free(&packed->slab, place))
			return false;
		atomic_fetch_sub(&packed->bytes, length);
	}
	atomic_fetch_sub(&packed->pages, 1);
	return true;
}
