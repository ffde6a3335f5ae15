/* SPDX-License-Identifier: MIT */
/* codec.h - pages are packed and unpacked
 *
 * A page is packed by itself, as an LZ4 block (lz4.h), in memory that the caller has: nothing is
 * allocated.
 *
 * Invariant: codec_unpack makes the same page of what codec_pack has made of it.  Whatever else it
 * is given, it writes no byte beyond the page, and reads none beyond length.
 * Locking: none; a state belongs to one thread at a time.
 */
#ifndef SPILL_CODEC_H
#define SPILL_CODEC_H

#include <stdbool.h>
#include <stddef.h>

/* Was spill built with LZ4? */
bool codec_is_built(void);

/* Bytes of the state that codec_pack works in, aligned to 8. */
size_t codec_state_size(void);

/* Packs a page.  Returns how many bytes it takes, or 0 if these would be more than most. */
unsigned codec_pack(void *state, const void *page, void *to, unsigned most);
/* false: this is not what codec_pack makes. */
bool codec_unpack(const void *from, unsigned length, void *page);

#endif
