/* SPDX-License-Identifier: MIT */
/* codec.c - pages are packed and unpacked: see codec.h */
#include "store/codec.h"
#include "base/page.h"
#include <lz4.h>

#define ACCELERATION 1

bool codec_is_built(void)
{
	return true;
}

size_t codec_state_size(void)
{
	return (size_t)LZ4_sizeofState();
}

unsigned codec_pack(void *state, const void *page, void *to, unsigned most)
{
	int length = LZ4_compress_fast_extState(state, page, to, (int)page_size(), (int)most,
						ACCELERATION);

	return length > 0 ? (unsigned)length : 0;
}

bool codec_unpack(const void *from, unsigned length, void *page)
{
	return LZ4_decompress_safe(from, page, (int)length, (int)page_size()) == (int)page_size();
}
