/* SPDX-License-Identifier: MIT */
/* page.c - the page size: see page.h */
#include "base/page.h"
#include <unistd.h>

unsigned page_shift_value = 12;

void page_init(void)
{
	unsigned shift = (unsigned)__builtin_ctzl((unsigned long)sysconf(_SC_PAGESIZE));

	/* Write only once: handlers of another pager may be reading it. */
	if (__atomic_load_n(&page_shift_value, __ATOMIC_RELAXED) != shift)
		__atomic_store_n(&page_shift_value, shift, __ATOMIC_RELAXED);
}
