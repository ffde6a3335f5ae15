/* SPDX-License-Identifier: MIT */
/* page.c - the page size: see page.h */
#include "page.h"
#include <unistd.h>

unsigned page_shift_value = 12;

void page_init(void)
{
	long size = sysconf(_SC_PAGESIZE);

	page_shift_value = (unsigned)__builtin_ctzl((unsigned long)size);
}
