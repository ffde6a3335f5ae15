/* SPDX-License-Identifier: MIT */
/* touch.c - pages are read and written by the program itself */
#include "worker.h"
#include <sys/mman.h>

bool worker_may_read(const struct worker *worker, const struct page *page)
{
	return page_readable(page) && !(worker->is_child && page->kind == SHARED);
}

bool worker_may_write(const struct worker *worker, const struct page *page)
{
	return page_writable(page) && !(worker->is_child && page->kind == SHARED);
}

static _Noreturn void page_is_wrong(const struct worker *worker, const struct range *range,
				    size_t i)
{
	char expected[96], found[128], again[128];
	const struct range page = { range->plot, range->first + i, 1 };
	const void *address = range_address(&page);

	content_name(range_page(&page, 0)->content, expected, sizeof(expected));
	content_explain(address, found, sizeof(found));
	content_explain(address, again, sizeof(again));
	fail(worker, &page, "page at %p: expected %s%s, found %s (again: %s)", address, expected,
	     range_page(&page, 0)->freed ? " (or discarded)" : "", found, again);
}

void page_check(struct worker *worker, const struct range *range, size_t i)
{
	struct page *page = range_page(range, i);
	const char *address = page_address(range->plot, range->first + i);

	worker->pages_checked++;
	if (content_holds(address, page->content, page_size))
		return;
	if (page->freed && content_holds(address, page->origin, page_size))
		page_wrote(page, page->origin);
	else
		page_is_wrong(worker, range, i);
}

void page_write(struct worker *worker, const struct range *range, size_t i)
{
	uint64_t content = content_new(range->plot, range->first + i);

	(void)worker;
	content_write(page_address(range->plot, range->first + i), content, page_size);
	page_wrote(range_page(range, i), content);
}

void range_check(struct worker *worker, const struct range *range)
{
	for (size_t i = 0; i < range->n; i++)
		if (worker_may_read(worker, range_page(range, i)))
			page_check(worker, range, i);
}

void range_write(struct worker *worker, const struct range *range)
{
	for (size_t i = 0; i < range->n; i++)
		if (worker_may_write(worker, range_page(range, i)))
			page_write(worker, range, i);
}

void do_check(struct worker *worker, struct range *range)
{
	range_check(worker, range);
	call_result(worker, range, "check", 0, 0, MUST_WORK);
}

void do_check_down(struct worker *worker, struct range *range)
{
	for (size_t i = range->n; i-- > 0;)
		if (worker_may_read(worker, range_page(range, i)))
			page_check(worker, range, i);
	call_result(worker, range, "check down", 0, 0, MUST_WORK);
}

void do_write(struct worker *worker, struct range *range)
{
	range_write(worker, range);
	call_result(worker, range, "write", 0, 0, MUST_WORK);
}

/* Scattered pages, each checked before. */
void do_write_some(struct worker *worker, struct range *range)
{
	for (size_t i = 0; i < range->n; i++) {
		const struct page *page = range_page(range, i);

		if (!dice_once_in(&worker->dice, 3) || !worker_may_read(worker, page))
			continue;
		page_check(worker, range, i);
		if (worker_may_write(worker, page))
			page_write(worker, range, i);
	}
	call_result(worker, range, "write some", 0, 0, MUST_WORK);
}

/* Zeros that the program wrote need no slot; they are contents all the same. */
void do_clear(struct worker *worker, struct range *range)
{
	for (size_t i = 0; i < range->n; i++) {
		struct page *page = range_page(range, i);

		if (!worker_may_write(worker, page) || dice_once_in(&worker->dice, 2))
			continue;
		content_write(page_address(range->plot, range->first + i), 0, page_size);
		page_wrote(page, 0);
	}
	call_result(worker, range, "clear", 0, 0, MUST_WORK);
}

static void trespass(struct worker *worker, const struct range *range, size_t i, bool write)
{
	char *address = page_address(range->plot, range->first + i);

	if (!page_faults(address, write))
		fail(worker, range, "%s of %p does not raise SIGSEGV", write ? "a write" : "a read",
		     (void *)address);
}

void do_trespass(struct worker *worker, struct range *range)
{
	for (size_t i = 0; i < range->n && i < 16; i++) {
		const struct page *page = range_page(range, i);

		if (!page_readable(page))
			trespass(worker, range, i, false);
		if (!page_writable(page))
			trespass(worker, range, i, true);
		if (worker_may_read(worker, page))
			page_check(worker, range, i);
	}
	call_result(worker, range, "trespass", 0, 0, MUST_WORK);
}

/* What other operations unmapped, shared, protected is data again. */
void do_renew(struct worker *worker, struct range *range)
{
	int prot = PROT_READ | PROT_WRITE;

	if (!range_all(range, page_is_private)) {
		range_map(worker, range, prot, MAP_NORESERVE);
	} else {
		long ret = mprotect(range_address(range), range_bytes(range), prot);

		call_result(worker, range, "mprotect", prot, ret, MUST_WORK);
		for (size_t i = 0; i < range->n; i++)
			range_page(range, i)->prot = (uint8_t)prot;
	}
	range_write(worker, range);
}
