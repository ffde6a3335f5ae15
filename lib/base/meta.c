/* SPDX-License-Identifier: MIT */
/* meta.c - memory for the pager's own tables: see meta.h */
#include "base/meta.h"
#include "base/page.h"

/* Large enough that new blocks are rare, small enough that RLIMIT_AS does not matter to a pager of
 * a few MiB. */
#define META_BLOCK ((size_t)1 << 20)
#define META_ALIGN 64

struct meta_block {
	struct meta_block *next;
};

void *meta_map(size_t size)
{
	void *addr = sys_mmap(NULL, page_round_up(size), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (sys_is_error(addr))
		return NULL;
	/* A huge page would make a sparse table dense. */
	sys_madvise(addr, page_round_up(size), MADV_NOHUGEPAGE);
	return addr;
}

void meta_unmap(void *addr, size_t size)
{
	if (addr)
		sys_munmap(addr, page_round_up(size));
}

/* Maps a new block; its first bytes link it to the others. */
static bool meta_grow(struct meta *meta)
{
	struct meta_block *block = meta_map(META_BLOCK);

	if (!block)
		return false;
	block->next = meta->blocks;
	meta->blocks = block;
	meta->next = (char *)block + META_ALIGN;
	meta->left = META_BLOCK - META_ALIGN;
	return true;
}

/* Skips to the next page if an object of size bytes would cross the end of this one. */
static void meta_skip_to_page(struct meta *meta, size_t size)
{
	size_t in_page = (uintptr_t)meta->next % page_size();
	size_t skip = page_size() - in_page;

	if (size > page_size() || in_page + size <= page_size())
		return;
	skip = skip < meta->left ? skip : meta->left;
	meta->next += skip;
	meta->left -= skip;
}

void *meta_alloc(struct meta *meta, size_t size)
{
	void *ret = NULL;

	size = (size + META_ALIGN - 1) & ~(size_t)(META_ALIGN - 1);
	lock_take(&meta->lock, LOCK_META);
	meta_skip_to_page(meta, size);
	if (meta->left >= size || (meta_grow(meta) && (meta_skip_to_page(meta, size), true))) {
		ret = meta->next;
		meta->next += size;
		meta->left -= size;
		atomic_fetch_add(&meta->bytes, size);
	}
	lock_drop(&meta->lock, LOCK_META);
	return ret;
}

void meta_fork_child(struct meta *meta)
{
	lock_reset(&meta->lock);
	meta->left = 0;
}

void meta_free(struct meta *meta)
{
	struct meta_block *next;

	for (struct meta_block *block = meta->blocks; block; block = next) {
		next = block->next;
		sys_munmap(block, META_BLOCK);
	}
	*meta = (struct meta){ 0 };
}
