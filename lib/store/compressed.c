/* SPDX-License-Identifier: MIT */
/* compressed.c - the compressed store: see compressed.h */
#include "store/compressed.h"
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

int compressed_open(struct compressed *compressed, struct budget *budget, uint64_t frames)
{
	if (!codec_is_built())
		return -ENOSYS;
	return slab_init(&compressed->slab, budget, frames);
}

void compressed_close(struct compressed *compressed)
{
	if (!compressed_is_open(compressed))
		return;
	slab_free_all(&compressed->slab);
	compressed->pages = compressed->words = compressed->bytes = 0;
}

static size_t packer_size(void)
{
	return page_round_up(codec_state_size()) + PACKER_PAGES * page_size();
}

unsigned packer_frames(void)
{
	return (unsigned)(packer_size() >> page_shift());
}

int packer_open(struct packer *packer)
{
	packer->pages = meta_map(packer_size());
	if (!packer->pages)
		return -ENOMEM;
	packer->state = packer_page(packer, PACKER_PAGES);
	return 0;
}

void packer_close(struct packer *packer)
{
	meta_unmap(packer->pages, packer_size());
	packer->pages = packer->state = NULL;
}

/* -- put, get and free -------------------------------------------------------------------- */

/* Enters an object that is packed already. */
static compressed_place enter(struct compressed *compressed, const char *packed, unsigned length,
			      uint64_t number, bool grow)
{
	uint32_t slot = slab_alloc(&compressed->slab, length, number, grow);

	if (slot == SLAB_NONE)
		return COMPRESSED_NONE;
	memcpy(slab_object(&compressed->slab, slot, &length, &number), packed, length);
	atomic_fetch_add(&compressed->pages, 1);
	atomic_fetch_add(&compressed->bytes, length);
	return slot;
}

compressed_place compressed_put(struct compressed *compressed, struct packer *packer,
				const void *page, uint64_t number, bool grow, uint64_t *ret_word,
				bool *ret_odd)
{
	unsigned length;

	*ret_odd = false;
	if (page_is_word(page, ret_word)) {
		atomic_fetch_add(&compressed->pages, 1);
		atomic_fetch_add(&compressed->words, 1);
		return COMPRESSED_WORD;
	}
	length = codec_pack(packer->state, page, packer->pages, worthwhile());
	if (!length) {
		*ret_odd = true;
		return COMPRESSED_NONE;
	}
	return enter(compressed, packer->pages, length, number, grow);
}

compressed_place compressed_copy(struct compressed *compressed, compressed_place place)
{
	uint64_t number;
	unsigned length;
	const char *packed = slab_object(&compressed->slab, place, &length, &number);

	return enter(compressed, packed, length, number, false);
}

bool compressed_get(const struct compressed *compressed, compressed_place place, uint64_t word,
		    void *page)
{
	uint64_t number;
	unsigned length;
	const char *object;

	if (place == COMPRESSED_WORD) {
		page_fill(page, word);
		return true;
	}
	object = slab_object(&compressed->slab, place, &length, &number);
	return length <= worthwhile() && codec_unpack(object, length, page);
}

bool compressed_free(struct compressed *compressed, compressed_place place)
{
	uint64_t number;
	unsigned length;

	if (place == COMPRESSED_WORD) {
		atomic_fetch_sub(&compressed->words, 1);
	} else {
		slab_object(&compressed->slab, place, &length, &number);
		if (!slab_free(&compressed->slab, place))
			return false;
		atomic_fetch_sub(&compressed->bytes, length);
	}
	atomic_fetch_sub(&compressed->pages, 1);
	return true;
}
