/* SPDX-License-Identifier: MIT */
/* pages.c - all pages of a pager: see pages.h */
#include "pages/pages.h"

int pages_init(struct pages *pages, struct budget *budget, struct store *store)
{
	pages->arena.budget = budget;
	pages->store = store;
	return pagetable_init(&pages->table);
}

void pages_free(struct pages *pages)
{
	arena_free(&pages->arena);
	pagetable_free(&pages->table);
}
