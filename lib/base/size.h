/* SPDX-License-Identifier: MIT */
/* size.h - sizes as people write them: 512M, 2G, 80%
 *
 * K, M, G, T, P, E are powers of 1024; a fraction is allowed (1.5G); "K", "KB" and
 * "KiB" are the same, in either case.  A percentage is of something that the
 * caller names.
 */
#ifndef SPILL_SIZE_H
#define SPILL_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* Parses all of text.  whole: what 100% is, or 0 if a percentage is not
 * allowed here.  0, or -EINVAL (malformed, negative, zero, above 100%) or
 * -ERANGE (does not fit). */
int size_parse(const char *text, uint64_t whole, uint64_t *ret_bytes);

/* Writes bytes for a person, at most four digits: "0", "812K", "1.5G".  buf holds SIZE_TEXT. */
#define SIZE_TEXT 16
const char *size_format(char *buf, uint64_t bytes);

#endif
