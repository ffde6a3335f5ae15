/* SPDX-License-Identifier: MIT */
/* prices.h - what the kernel's operations on pages cost on this machine
 *
 * They differ by an order of magnitude.  With page tables of its own a machine moves a run of pages
 * for next to nothing, but each call flushes the TLBs of other CPUs.  Where a hypervisor shadows the
 * page tables, the first touch of a page after its mapping has changed costs more than a copy.  So
 * each pager measures when it arms, in a few milliseconds; a fork's child has its parent's prices.
 * What can be done in two ways is then done in the cheaper one (ways.h).
 *
 * An operation on n pages in r calls costs r * call + n * page.
 *
 * Locking: none.  The table is filled before handlers start, and only read afterwards.
 */
#ifndef SPILL_PRICES_H
#define SPILL_PRICES_H

#include "kernel/uffd.h"

enum price_of {
	PRICE_COPY,    /* UFFDIO_COPY, the new frame included */
	PRICE_MOVE,    /* UFFDIO_MOVE of a run */
	PRICE_PROTECT, /* UFFDIO_WRITEPROTECT */
	PRICE_DISCARD, /* MADV_DONTNEED */
	PRICE_READ,    /* pread of /proc/self/mem, into frames that are there */
	PRICE_FRAME,   /* the kernel fills a page with zeros, when it is first touched */
	PRICE_TOUCH,   /* the first touch of a page after its mapping has changed */
	PRICES,
};

/* As it is called in what users see. */
extern const char *const price_names[PRICES];

struct price {
	uint32_t call, page; /* ns */
};

struct prices {
	struct price of[PRICES];
	bool known;
};

/* Which prices to go by. */
enum prices_set {
	PRICES_MEASURED,
	PRICES_HARDWARE, /* those of a machine with page tables of its own, */
	PRICES_SHADOWED, /* and of one whose hypervisor shadows them */
	PRICES_SETS,
};

/* As it is called in SPILL_CALIBRATION. */
extern const char *const prices_set_names[PRICES_SETS];

/* Fills the table in.  To measure, takes PRICES_FRAMES frames for a few milliseconds, and a thread that
 * keeps another CPU busy, if there is one.  memory: /proc/self/mem, or -1.  zeros: a chunk of the
 * kernel's zero page.  If something cannot be measured, takes PRICES_HARDWARE. */
#define PRICES_FRAMES 64
void prices_find(struct prices *prices, enum prices_set set, const struct uffd *uffd, int memory,
		 const void *zeros);

static inline uint64_t price(const struct prices *prices, enum price_of of, unsigned calls,
			     unsigned pages)
{
	return (uint64_t)prices->of[of].call * calls + (uint64_t)prices->of[of].page * pages;
}

#endif
