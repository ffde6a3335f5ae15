/* SPDX-License-Identifier: MIT */
/* text.h - a copy of a text that is somebody else's
 *
 * The environment may be pageable memory, and the program may change it: what we go on reading is
 * copied.
 *
 * Locking: none; the copy is the caller's.
 */
#ifndef SPILL_TEXT_H
#define SPILL_TEXT_H

#include <stddef.h>

/* Copies text to `to`, which has this size; nothing ("") if text is NULL or does not fit. */
void text_copy(char *to, size_t size, const char *text);

#endif
