/* SPDX-License-Identifier: MIT */
/* size.h - sizes as people write them: 512M, 2G, 80%
 *
 * K, M, G, T, P and E are powers of 1024.  A fraction is allowed (1.5G); "K", "KB" and "KiB" mean
 * the same, in either case.  A percentage refers to whatever the caller names.
 */
#ifndef SPILL_SIZE_H
#define SPILL_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* Parses all of text.  whole is what 100% means, or 0 if percentages are not allowed here.  Returns
 * 0, -EINVAL (malformed, negative, zero, above 100%) or -ERANGE (does not fit). */
int size_parse(const char *text, uint64_t whole, uint64_t *ret_bytes);

/* Writes bytes for people to read, in at most four digits: "0", "812K", "1.5G".  buf holds
 * SIZE_TEXT. */
#define SIZE_TEXT 16
const char *size_format(char *buf, uint64_t bytes);

#endif
