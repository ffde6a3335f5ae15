/* SPDX-License-Identifier: MIT */
/* model.c - what the address space should hold: see model.h */
#include "model.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Far below where the kernel puts mappings, far above where programs lie, and within
 * 39 bits of address. */
#define FIELD_ADDRESS UINT64_C(0x2000000000)

/* Large plots take half of the field. */
#define LARGE_PAGES_MIN 256
#define LARGE_PLOTS_MOST (FIELD_PAGES_MAX / LARGE_PAGES_MIN)
#define SMALL_PAGES_MAX 60

/* One small plot of so many is anybody's. */
#define ANYBODY_ONE_IN 12

size_t page_size;
struct plot plots[PLOTS_MAX];
unsigned plots_large, plots_floating, plot_count;
int model_file = -1;

static struct page pages[FIELD_PAGES_MAX + WORKERS_MAX * FLOATS_PER_WORKER * FLOAT_PAGES_MAX];
static size_t pages_taken;
static _Atomic unsigned locked;

/* -- contents ------------------------------------------------------------------- */

/* A content is, from the top: plot 13 bits, page 13, process 8, version 30. */
#define PLOT_SHIFT 51
#define PAGE_SHIFT 38
#define PROCESS_SHIFT 30
#define VERSION_MASK ((UINT64_C(1) << PROCESS_SHIFT) - 1)
#define FILE_PLOT (PLOTS_MAX + 1)

/* The word behind the content's number. */
#define MARK UINT64_C(0x6c6c6970736e6562)
#define HEAD_WORDS 2

static unsigned process;

void model_descend(void)
{
	process = (process * 5 + (unsigned)getpid()) & 0xff;
}

static uint64_t content_make(uint64_t plot, uint64_t i, uint32_t version)
{
	return plot << PLOT_SHIFT | i << PAGE_SHIFT | (uint64_t)process << PROCESS_SHIFT |
	       (version & VERSION_MASK);
}

uint64_t content_new(struct plot *plot, size_t i)
{
	return content_make(plot->number, i, ++plot->version);
}

uint64_t content_of_file(size_t i)
{
	return (uint64_t)FILE_PLOT << PLOT_SHIFT | (uint64_t)i << PAGE_SHIFT | 1;
}

void content_write(void *page, uint64_t content, size_t size)
{
	uint64_t word = mix(content), step = mix(word) | 1;
	uint64_t *to = page;

	if (!content) {
		memset(page, 0, size);
		return;
	}
	to[0] = content;
	to[1] = MARK ^ content;
	for (size_t k = HEAD_WORDS; k < size / sizeof(*to); k++)
		to[k] = word += step;
}

static bool holds_zeros(const uint64_t *word, size_t n)
{
	uint64_t any = 0;

	for (size_t k = 0; k < n; k++)
		any |= word[k];
	return any == 0;
}

bool content_holds(const void *page, uint64_t content, size_t size)
{
	uint64_t word = mix(content), step = mix(word) | 1, wrong;
	const uint64_t *from = page;

	if (!content)
		return holds_zeros(from, size / sizeof(*from));
	wrong = (from[0] ^ content) | (from[1] ^ MARK ^ content);
	for (size_t k = HEAD_WORDS; k < size / sizeof(*from); k++)
		wrong |= from[k] ^ (word += step);
	return wrong == 0;
}

void content_name(uint64_t content, char *text, size_t size)
{
	if (!content)
		snprintf(text, size, "zeros");
	else if (content >> PLOT_SHIFT == FILE_PLOT)
		snprintf(text, size, "page %u of the file",
			 (unsigned)(content >> PAGE_SHIFT) & 0x1fff);
	else
		snprintf(text, size, "plot %u page %u version %u process %u",
			 (unsigned)(content >> PLOT_SHIFT),
			 (unsigned)(content >> PAGE_SHIFT) & 0x1fff,
			 (unsigned)(content & VERSION_MASK),
			 (unsigned)(content >> PROCESS_SHIFT) & 0xff);
}

void content_explain(const void *page, char *text, size_t size)
{
	const uint64_t *word = page;
	char name[96];

	content_name(word[0], name, sizeof(name));
	if (content_holds(page, word[0], page_size))
		snprintf(text, size, "%s", name);
	else if (word[1] == (MARK ^ word[0]))
		snprintf(text, size, "part of %s", name);
	else
		snprintf(text, size, "%#llx %#llx ...", (unsigned long long)word[0],
			 (unsigned long long)word[1]);
}

/* -- pages ------------------------------------------------------------------------- */

bool page_readable(const struct page *page)
{
	return page->kind != HOLE && (page->prot & PROT_READ);
}

bool page_writable(const struct page *page)
{
	return page->kind != HOLE && (page->prot & PROT_WRITE);
}

void page_lock(struct page *page, bool lock)
{
	if (page->locked != lock)
		atomic_fetch_add(&locked, lock ? 1u : -1u);
	page->locked = lock;
}

unsigned pages_locked(void)
{
	return locked;
}

void page_reset(struct page *page, enum kind kind, int prot, uint64_t origin)
{
	page_lock(page, false);
	*page = (struct page){
		.content = origin,
		.origin = origin,
		.kind = (uint8_t)kind,
		.prot = (uint8_t)prot,
	};
}

void page_wrote(struct page *page, uint64_t content)
{
	page->content = content;
	page->freed = false;
}

/* What is shared stays with those who share it. */
void page_discarded(struct page *page)
{
	if (page->kind != SHARED)
		page_wrote(page, page->origin);
}

bool page_is_hole(const struct page *page)
{
	return page->kind == HOLE;
}

bool page_is_private(const struct page *page)
{
	return page->kind == PRIVATE;
}

bool page_is_locked(const struct page *page)
{
	return page->locked;
}

bool page_is_special(const struct page *page)
{
	return page->locked || page->wiped || page->withheld;
}

/* -- ranges ---------------------------------------------------------------------------- */

char *page_address(const struct plot *plot, size_t i)
{
	return plot->base + i * page_size;
}

char *range_address(const struct range *range)
{
	return page_address(range->plot, range->first);
}

size_t range_bytes(const struct range *range)
{
	return range->n * page_size;
}

struct page *range_page(const struct range *range, size_t i)
{
	return &range->plot->page[range->first + i];
}

bool range_all(const struct range *range, page_condition condition)
{
	for (size_t i = 0; i < range->n; i++)
		if (!condition(range_page(range, i)))
			return false;
	return true;
}

bool range_any(const struct range *range, page_condition condition)
{
	for (size_t i = 0; i < range->n; i++)
		if (condition(range_page(range, i)))
			return true;
	return false;
}

bool range_uniform(const struct range *range)
{
	for (size_t i = 0; i < range->n; i++)
		if (range_page(range, i)->prot != range_page(range, 0)->prot)
			return false;
	return range_all(range, page_is_private) && !range_any(range, page_is_special);
}

void range_reset(const struct range *range, enum kind kind, int prot)
{
	for (size_t i = 0; i < range->n; i++)
		page_reset(range_page(range, i), kind, prot, 0);
}

/* -- making it ------------------------------------------------------------------------- */

static struct plot *plot_add(unsigned owner, char *base, size_t room)
{
	struct plot *plot = &plots[plot_count];

	plot->number = ++plot_count;
	plot->owner = owner;
	plot->base = base;
	plot->pages = base ? room : 0;
	plot->room = room;
	plot->page = pages + pages_taken;
	pages_taken += room;
	pthread_mutex_init(&plot->lock, NULL);
	return plot;
}

static size_t plot_length(struct dice *dice, bool large)
{
	if (large)
		return LARGE_PAGES_MIN + dice_below(dice, PLOT_PAGES_MAX - LARGE_PAGES_MIN);
	/* Every other one has few pages. */
	return 1 + dice_below(dice, dice_once_in(dice, 2) ? 5 : SMALL_PAGES_MAX);
}

static void cut_field(struct dice *dice, char *base, size_t n, unsigned workers)
{
	size_t most = PLOTS_MAX - LARGE_PLOTS_MOST - (size_t)workers * FLOATS_PER_WORKER;
	bool large = false;
	struct range all;

	for (size_t at = 0; at < n; at += all.n) {
		unsigned owner = (unsigned)dice_below(dice, workers);

		if (!large && (at >= n / 2 || plot_count == most)) {
			large = true;
			plots_large = plot_count;
		}
		if (large)
			owner = plot_count % workers;
		else if (dice_once_in(dice, ANYBODY_ONE_IN))
			owner = ANYBODY;
		all = (struct range){ .n = plot_length(dice, large) };
		all.n = all.n < n - at ? all.n : n - at;
		all.plot = plot_add(owner, base + at * page_size, all.n);
		range_reset(&all, PRIVATE, PROT_READ | PROT_WRITE);
	}
	plots_floating = plot_count;
}

static void add_floats(unsigned workers)
{
	for (unsigned i = 0; i < workers * FLOATS_PER_WORKER; i++)
		plot_add(i % workers, NULL, FLOAT_PAGES_MAX)->floats = true;
}

static bool make_file(void)
{
	size_t size = FILE_PAGES * page_size;
	char *page;

	model_file = memfd_create("stress", MFD_CLOEXEC);
	if (model_file < 0 || ftruncate(model_file, (off_t)size) < 0)
		return false;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, model_file, 0);
	if (page == MAP_FAILED)
		return false;
	for (size_t i = 0; i < FILE_PAGES; i++)
		content_write(page + i * page_size, content_of_file(i), page_size);
	return munmap(page, size) == 0;
}

bool model_make(struct dice *dice, size_t n, unsigned workers)
{
	void *wanted = (void *)(uintptr_t)FIELD_ADDRESS;
	char *base;

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	base = mmap(wanted, n * page_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (base != wanted || !make_file())
		return false;
	cut_field(dice, base, n, workers);
	add_floats(workers);
	return true;
}
