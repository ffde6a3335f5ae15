/* SPDX-License-Identifier: MIT */
/* pagemap.c - which pages of this process the kernel has: see pagemap.h */
#include "kernel/pagemap.h"
#include "base/page.h"
#include "base/sys.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)

int pagemap_open(void)
{
	return sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
}

static uint64_t by_mincore(const void *addr, unsigned n)
{
	unsigned char vec[CHUNK_PAGES] = { 0 };
	uint64_t ret = 0;

	if (sys_mincore((void *)(uintptr_t)addr, (size_t)n << page_shift(), vec) < 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (vec[i] & 1)
			ret |= mask_bit(i);
	return ret;
}

uint64_t pagemap_present(int fd, const void *addr, unsigned n)
{
	uint64_t entry[CHUNK_PAGES];
	uint64_t first = (uintptr_t)addr >> page_shift();
	uint64_t ret = 0;

	if (fd < 0 || sys_pread(fd, entry, n * sizeof(entry[0]), first * sizeof(entry[0])) !=
			      (long)(n * sizeof(entry[0])))
		return by_mincore(addr, n);
	for (unsigned i = 0; i < n; i++)
		if (entry[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED))
			ret |= mask_bit(i);
	return ret;
}
