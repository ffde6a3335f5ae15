/* SPDX-License-Identifier: MIT */
/* zap.h - giving ranges of pages back to the kernel, with few TLB flushes
 *
 * Each call of MADV_DONTNEED flushes the TLB, and with a second thread running that flush costs
 * more than all the rest.  Since Linux 6.13 process_madvise(2) takes MADV_DONTNEED for the caller's
 * own memory, and since 6.16 one call flushes once for all its ranges (32 scattered pages, 2 vCPUs,
 * Linux 6.18: 22 to 90 us instead of 405).
 *
 * Locking: none.
 */
#ifndef SPILL_ZAP_H
#define SPILL_ZAP_H

#include "base/sys.h"

/* The most ranges in one call. */
#define ZAP_MAX 64

/* Discards up to ZAP_MAX ranges of our own memory, for which nothing is refused. */
void zap_ours(const struct iovec *ranges, unsigned n);

/* Discards up to ZAP_MAX ranges.  Returns how many of them, from the first on, are gone for sure:
 * fewer than n if one is refused (locked memory: EINVAL). */
unsigned zap(const struct iovec *ranges, unsigned n);

#endif
