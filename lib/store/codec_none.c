/* SPDX-License-Identifier: MIT */
/* codec_none.c - in place of codec.c in a build --without-lz4: no page can be packed */
#include "store/codec.h"

bool codec_is_built(void)
{
	return false;
}

size_t codec_state_size(void)
{
	return 0;
}

unsigned codec_pack(void *state, const void *page, void *to, unsigned most)
{
	(void)state;
	(void)page;
	(void)to;
	(void)most;
	return 0;
}

bool codec_unpack(const void *from, unsigned length, void *page)
{
	(void)from;
	(void)length;
	(void)page;
	return false;
}
