/* SPDX-License-Identifier: MIT */
/* heap.c - malloc and its kin */
#include "worker.h"
#include <stdlib.h>
#include <string.h>

/* Sizes are as often between two powers of two as between the next two. */
#define SIZE_BITS_MIN 4
#define SIZE_BITS_MAX 21

#define WORD sizeof(uint64_t)

/* The tail that is no whole word stays as it is. */
static size_t words_of(size_t size)
{
	return size / WORD * WORD;
}

static size_t pick_size(struct worker *worker)
{
	unsigned bits =
		SIZE_BITS_MIN + (unsigned)dice_below(&worker->dice, SIZE_BITS_MAX - SIZE_BITS_MIN);

	return ((size_t)1 << bits) + dice_below(&worker->dice, (size_t)1 << bits);
}

static _Noreturn void block_is_wrong(const struct worker *worker, const struct block *block,
				     const char *when)
{
	fail(worker, NULL, "%s: the block of %zu bytes at %p, allocation %llu, is wrong", when,
	     block->size, (void *)block->memory, (unsigned long long)block->content);
}

static void block_check(const struct worker *worker, const struct block *block, size_t size,
			const char *when)
{
	if (!content_holds(block->memory, block->content, words_of(size)))
		block_is_wrong(worker, block, when);
}

static void block_fill(struct worker *worker, struct block *block)
{
	block->content = ((uint64_t)worker->number + 1) << 56 | ++worker->allocations;
	content_write(block->memory, block->content, words_of(block->size));
}

static void block_new(struct worker *worker, struct block *block)
{
	size_t size = pick_size(worker);
	size_t alignment = (size_t)16 << dice_below(&worker->dice, 12);

	block->size = size;
	block->content = 0;
	switch (dice_below(&worker->dice, 4)) {
	case 0:
		block->memory = calloc(1, size);
		if (block->memory)
			block_check(worker, block, size, "calloc");
		break;
	case 1:
		block->memory = aligned_alloc(alignment, size / alignment * alignment + alignment);
		if ((uintptr_t)block->memory % alignment)
			block_is_wrong(worker, block, "aligned_alloc");
		break;
	default:
		block->memory = malloc(size);
	}
	if (!block->memory)
		block_is_wrong(worker, block, "no memory");
	block_fill(worker, block);
}

static void block_resize(struct worker *worker, struct block *block)
{
	size_t before = block->size;
	size_t size = pick_size(worker);
	char *memory = realloc(block->memory, size);

	if (!memory)
		block_is_wrong(worker, block, "no memory");
	block->memory = memory;
	block->size = size;
	if (!content_holds(memory, block->content, words_of(before < size ? before : size)))
		block_is_wrong(worker, block, "realloc");
	block_fill(worker, block);
}

static void block_free(struct worker *worker, struct block *block)
{
	block_check(worker, block, block->size, "free");
	free(block->memory);
	*block = (struct block){ 0 };
}

void do_allocate(struct worker *worker, struct range *range)
{
	struct block *block = &worker->block[dice_below(&worker->dice, HEAP_BLOCKS)];

	call_result(worker, range, "allocate", 0, 0, MUST_WORK);
	if (!block->memory) {
		block_new(worker, block);
		return;
	}
	block_check(worker, block, block->size, "check");
	if (dice_once_in(&worker->dice, 2))
		block_resize(worker, block);
	else if (dice_once_in(&worker->dice, 2))
		block_fill(worker, block);
	else
		block_free(worker, block);
}

void heap_check_all(struct worker *worker)
{
	for (unsigned i = 0; i < HEAP_BLOCKS; i++)
		if (worker->block[i].memory)
			block_check(worker, &worker->block[i], worker->block[i].size, "the end");
}

void heap_free_all(struct worker *worker)
{
	for (unsigned i = 0; i < HEAP_BLOCKS; i++)
		if (worker->block[i].memory)
			block_free(worker, &worker->block[i]);
}
