/* SPDX-License-Identifier: MIT */
/* test-features - the pager uses the features that the kernel offers, and they do what it relies
 * on: MOVE from Linux 6.12 on, POISON where it exists; prints which.  If a self-test refused a
 * feature that works, nothing else would show it, since everything works without
 *
 * Time limit: 60
 * Variants: default
 */
#include "harness.h"
#include "base/page.h"
#include "kernel/pagemap.h"
#include "kernel/probe.h"
#include "kernel/uffd.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Debian 12's header is older than these. */
#define OFFERS_POISON (1 << 14)
#define OFFERS_MOVE (1 << 16)

#define PAGES 8
#define HOLE 5

static uint64_t offered(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	bool kernel;
	int fd = probe_open_userfaultfd(false, &kernel);

	if (fd < 0)
		test_skip("a userfaultfd in full mode");
	CHECK_OK(ioctl(fd, UFFDIO_API, &api));
	close(fd);
	return api.features;
}

static char *map_pages(void)
{
	char *pages = mmap(NULL, PAGES * test_page_size(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED, "mmap: %s", strerror(errno));
	CHECK_OK(madvise(pages, PAGES * test_page_size(), MADV_NOHUGEPAGE));
	return pages;
}

/* All but HOLE, each with bytes of its own. */
static void move_pages(const struct uffd *uffd)
{
	size_t size = test_page_size();
	char *from = map_pages(), *to = map_pages();
	int pagemap = pagemap_open();

	CHECK(pagemap >= 0, "pagemap_open: %d", pagemap);
	CHECK(uffd_register(uffd, to, PAGES * size, true) == 0, "uffd_register");
	for (int i = 0; i < PAGES; i++)
		if (i != HOLE)
			memset(from + i * size, 'a' + i, size);
	CHECK(uffd_move(uffd, pagemap, to, from, PAGES * size) == (long)(PAGES * size),
	      "uffd_move did not move all");
	CHECK(pagemap_present(pagemap, from, PAGES) == 0, "pages are left behind");
	CHECK(pagemap_present(pagemap, to, PAGES) == (mask_range(0, PAGES) & ~mask_range(HOLE, 1)),
	      "not those pages came that there were");
	for (size_t k = 0; k < PAGES * size; k++)
		CHECK(k / size == HOLE || to[k] == 'a' + (char)(k / size), "byte %zu is %d", k,
		      to[k]);
	close(pagemap);
	munmap(from, PAGES * size);
	munmap(to, PAGES * size);
}

static void touch(void *page)
{
	*(volatile char *)page = 1;
}

static void poison_page(const struct uffd *uffd)
{
	size_t size = test_page_size();
	char *pages = map_pages();

	CHECK(uffd_register(uffd, pages, PAGES * size, true) == 0, "uffd_register");
	CHECK(uffd_poison(uffd, pages, size) == 0, "uffd_poison");
	CHECK(!test_survives(touch, pages), "a poisoned page can be touched");
	munmap(pages, PAGES * size);
}

int main(void)
{
	struct uffd uffd = { .fd = -1 };
	uint64_t features;
	bool move, poison;

	test_begin("features", 60);
	case_begin("used where offered", 0);
	features = offered();
	move = (features & OFFERS_MOVE) && probe_linux_is(6, 12);
	poison = features & OFFERS_POISON;
	CHECK(uffd_open(&uffd, 0, false) == 0, "uffd_open");
	printf("MOVE is %s, POISON is %s\n",
	       move			? "used"
	       : features & OFFERS_MOVE ? "too old"
					: "not there",
	       poison ? "used" : "not there");
	CHECK(uffd.move == move, "MOVE is%s used", uffd.move ? "" : " not");
	CHECK(uffd.poison == poison, "POISON is%s used", uffd.poison ? "" : " not");
	if (move)
		move_pages(&uffd);
	if (poison)
		poison_page(&uffd);
	uffd_close(&uffd);
	uffd = (struct uffd){ .fd = -1 };
	CHECK(uffd_open(&uffd, SPILL_FEATURE_MOVE | SPILL_FEATURE_POISON, false) == 0, "uffd_open");
	CHECK(!uffd.move && !uffd.poison, "what is disabled is used");
	uffd_close(&uffd);
	case_end();
	return test_end();
}
