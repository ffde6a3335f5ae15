/* SPDX-License-Identifier: MIT */
/* model.h - what the address space should hold, page by page
 *
 * The field is one stretch of addresses, far from where the kernel puts
 * mappings by itself, so that holes in it stay holes.  It is cut into plots of
 * a page to some thousands; a plot belongs to one thread, or to whoever takes
 * its lock.  Small plots of several threads share chunks of the pager.
 *
 * Floating plots are mappings at addresses of the kernel's choice.  They have
 * no holes, since another thread's mapping may come to lie in one.
 *
 * Contents are a number: 0 for zeros, else it tells who wrote the page, and
 * all words of the page follow from it.
 *
 * The model lies in static memory, which no pager manages.
 */
#ifndef MODEL_H
#define MODEL_H

#include "dice.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLOTS_MAX 4096
#define PLOT_PAGES_MAX 4096
#define FIELD_PAGES_MAX 131072
#define FLOATS_PER_WORKER 6
#define FLOAT_PAGES_MAX 512
#define WORKERS_MAX 16

/* The owner of plots that anybody may use who locks them. */
#define ANYBODY WORKERS_MAX

/* The last calls on a plot, kept to be shown. */
#define RECORDS 24

enum kind {
	HOLE,
	PRIVATE, /* private and anonymous: what the pager takes */
	COPY,	 /* private, of the model's file */
	SHARED,	 /* anonymous, shared with children */
};

struct page {
	uint64_t content;
	uint64_t origin; /* what it holds when it has been discarded */
	uint8_t kind;
	uint8_t prot;
	bool freed;    /* its origin at any moment, until it is written (MADV_FREE) */
	bool locked;   /* by mlock */
	bool wiped;    /* MADV_WIPEONFORK */
	bool withheld; /* MADV_DONTFORK */
};

struct record {
	const char *call;
	uint64_t step;
	size_t first, n;
	long argument, result;
	unsigned worker;
};

struct plot {
	unsigned number;
	unsigned owner;
	bool floats;
	uint32_t version;     /* of what was written to it last */
	char *base;	      /* NULL: a floating plot that is not mapped */
	size_t pages;	      /* now */
	size_t room;	      /* at most */
	struct page *page;    /* room of them */
	pthread_mutex_t lock; /* if anybody's */
	struct record record[RECORDS];
	size_t records;
};

/* Pages [first, first + n) of a plot. */
struct range {
	struct plot *plot;
	size_t first, n;
};

extern size_t page_size;
/* Small plots, then large ones (in the order of their addresses), then floating ones. */
extern struct plot plots[PLOTS_MAX];
extern unsigned plots_large, plots_floating, plot_count; /* where these begin, and end */
extern int model_file; /* FILE_PAGES long: page i holds content_of_file(i) */

#define FILE_PAGES 64

/* Makes the model's file, and maps the field: writable zeros.  false: no memory. */
bool model_make(struct dice *dice, size_t pages, unsigned workers);

/* In the child of a fork: contents that it writes differ from its parent's. */
void model_descend(void);

/* -- pages --------------------------------------------------------------------- */

/* A number for what is about to be written to the page. */
uint64_t content_new(struct plot *plot, size_t i);
uint64_t content_of_file(size_t i);
void content_write(void *page, uint64_t content, size_t size);
bool content_holds(const void *page, uint64_t content, size_t size);
/* What a page or its number says about who wrote it, into text. */
void content_explain(const void *page, char *text, size_t size);
void content_name(uint64_t content, char *text, size_t size);

bool page_readable(const struct page *page);
bool page_writable(const struct page *page);

/* The page was mapped anew (or, with HOLE, unmapped). */
void page_reset(struct page *page, enum kind kind, int prot, uint64_t origin);
/* The page was written. */
void page_wrote(struct page *page, uint64_t content);
void page_discarded(struct page *page);
void page_lock(struct page *page, bool lock);
/* How many pages are locked now. */
unsigned pages_locked(void);

/* -- ranges -------------------------------------------------------------------- */

char *page_address(const struct plot *plot, size_t i);
char *range_address(const struct range *range);
size_t range_bytes(const struct range *range);
struct page *range_page(const struct range *range, size_t i);

/* Do all pages, does any page satisfy the condition? */
typedef bool (*page_condition)(const struct page *page);
bool range_all(const struct range *range, page_condition condition);
bool range_any(const struct range *range, page_condition condition);

bool page_is_hole(const struct page *page);
bool page_is_private(const struct page *page);
bool page_is_locked(const struct page *page);
bool page_is_special(const struct page *page); /* locked, or advised about forks */

/* Private memory of one protection, and not special. */
bool range_uniform(const struct range *range);
void range_reset(const struct range *range, enum kind kind, int prot);

#endif
