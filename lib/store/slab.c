/* SPDX-License-Identifier: MIT */
/* slab.c - memory for packed pages: see slab.h */
#include "store/slab.h"
#include "base/meta.h"
#include "kernel/zap.h"

/* Slots of a block, by class: from four fifths of a page to an eighth, each at most an eighth smaller
 * than the one before it, and most by less. */
static const uint8_t slots_of[SLAB_CLASSES] = {
	10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
	23, 24, 26, 28, 30, 33, 36, 40, 44, 49, 56, 64,
};

#define NO_BLOCK UINT32_MAX
/* Slots are aligned to this. */
#define SLOT_ALIGN 8

/* An object begins with its page's number and its length. */
#define LENGTH_BITS 16
#define HEADER sizeof(uint64_t)

/* Blocks that are compared before one is drained. */
#define DRAIN_LOOKS 8

/* Blocks whose frames are given back in one call. */
#define TRIM_BATCH 16

static size_t block_size(void)
{
	return (size_t)SLAB_PAGES << page_shift();
}

static size_t slot_size(unsigned size_class)
{
	return block_size() / slots_of[size_class] / SLOT_ALIGN * SLOT_ALIGN;
}

static uint64_t all_slots(unsigned size_class)
{
	return mask_range(0, slots_of[size_class]);
}

/* The last class whose slots are large enough. */
static unsigned class_for(unsigned bytes)
{
	unsigned size_class = SLAB_CLASSES - 1;

	while (size_class && slot_size(size_class) < bytes + HEADER)
		size_class--;
	return size_class;
}

/* -- lists ----------------------------------------------------------------------------- */

static void push(struct slab *slab, struct slab_list *list, uint32_t number)
{
	struct slab_block *block = &slab->block[number];

	block->prev = NO_BLOCK;
	block->next = list->count ? list->first : NO_BLOCK;
	if (list->count)
		slab->block[list->first].prev = number;
	else
		list->last = number;
	list->first = number;
	list->count++;
}

static void unlink_block(struct slab *slab, struct slab_list *list, uint32_t number)
{
	struct slab_block *block = &slab->block[number];

	if (block->prev != NO_BLOCK)
		slab->block[block->prev].next = block->next;
	else
		list->first = block->next;
	if (block->next != NO_BLOCK)
		slab->block[block->next].prev = block->prev;
	else
		list->last = block->prev;
	list->count--;
}

static uint32_t pop(struct slab *slab, struct slab_list *list)
{
	uint32_t number = list->first;

	if (!list->count)
		return NO_BLOCK;
	unlink_block(slab, list, number);
	return number;
}

/* -- slots ------------------------------------------------------------------------------- */

int slab_init(struct slab *slab, struct budget *budget, uint64_t frames)
{
	uint64_t count = frames / SLAB_PAGES;

	slab->budget = budget;
	slab->block_count = count < UINT32_MAX / SLAB_SLOTS ? (uint32_t)count
							    : UINT32_MAX / SLAB_SLOTS;
	slab->block = meta_map(slab->block_count * sizeof(struct slab_block));
	slab->base = meta_map(slab->block_count * block_size());
	if (!slab->block || !slab->base) {
		slab_free_all(slab);
		return -ENOMEM;
	}
	return 0;
}

void slab_free_all(struct slab *slab)
{
	credit_give(slab->budget, slab_frames(slab));
	slab->budget->compressed = 0;
	meta_unmap(slab->block, slab->block_count * sizeof(struct slab_block));
	meta_unmap(slab->base, slab->block_count * block_size());
	*slab = (struct slab){ 0 };
}

/* So many blocks more have frames.  (Z) */
static void note_held(struct slab *slab, int blocks)
{
	slab->held += (uint32_t)blocks;
	atomic_store(&slab->budget->compressed, (int64_t)slab_frames(slab));
}

/* A block without frames, or NO_BLOCK.  (Z) */
static uint32_t bare_block(struct slab *slab)
{
	if (slab->bare.count)
		return pop(slab, &slab->bare);
	return slab->fresh < slab->block_count ? slab->fresh++ : NO_BLOCK;
}

/* A block with frames, newly taken of the budget; or NO_BLOCK.  (Z) */
static uint32_t new_block(struct slab *slab)
{
	uint32_t number;

	if (!credit_take(slab->budget, SLAB_PAGES))
		return NO_BLOCK;
	number = bare_block(slab);
	if (number == NO_BLOCK)
		credit_give(slab->budget, SLAB_PAGES);
	else
		note_held(slab, 1);
	return number;
}

/* A block with a free slot of this class, at the head of its list.  (Z) */
static uint32_t partial_block(struct slab *slab, unsigned size_class, bool grow)
{
	struct slab_list *list = &slab->partial[size_class];
	uint32_t number;

	if (list->count)
		return list->first;
	number = pop(slab, &slab->empty);
	if (number == NO_BLOCK && grow)
		number = new_block(slab);
	if (number == NO_BLOCK)
		return NO_BLOCK;
	slab->block[number].size_class = size_class;
	slab->block[number].taken = 0;
	slab->vacant[size_class] += slots_of[size_class];
	push(slab, list, number);
	return number;
}

static uint32_t take_slot(struct slab *slab, uint32_t number)
{
	struct slab_block *block = &slab->block[number];
	unsigned i = mask_first(~block->taken);

	block->taken |= mask_bit(i);
	slab->used += slot_size(block->size_class);
	slab->vacant[block->size_class]--;
	if (block->taken == all_slots(block->size_class))
		unlink_block(slab, &slab->partial[block->size_class], number);
	return number * SLAB_SLOTS + i;
}

static char *address_of(const struct slab *slab, uint32_t slot)
{
	uint32_t number = slot / SLAB_SLOTS;

	return slab->base + number * block_size() +
	       slot % SLAB_SLOTS * slot_size(slab->block[number].size_class);
}

uint32_t slab_alloc(struct slab *slab, unsigned bytes, uint64_t page, bool grow)
{
	uint32_t slot = SLAB_NONE, number;

	lock_take(&slab->lock, LOCK_SLAB);
	number = slab->frozen ? NO_BLOCK : partial_block(slab, class_for(bytes), grow);
	if (number != NO_BLOCK) {
		slot = take_slot(slab, number);
		/* Before anybody who drains the block can see the slot. */
		*(uint64_t *)address_of(slab, slot) = page << LENGTH_BITS | bytes;
	}
	lock_drop(&slab->lock, LOCK_SLAB);
	return slot;
}

static unsigned vacancy(const struct slab_block *block)
{
	return slots_of[block->size_class] - mask_count(block->taken);
}

/* (Z) */
static void free_slot(struct slab *slab, uint32_t slot)
{
	uint32_t number = slot / SLAB_SLOTS;
	struct slab_block *block = &slab->block[number];
	bool was_full = block->taken == all_slots(block->size_class);

	assert(block->taken & mask_bit(slot % SLAB_SLOTS));
	block->taken &= ~mask_bit(slot % SLAB_SLOTS);
	slab->used -= slot_size(block->size_class);
	if (block->draining)
		return;
	slab->vacant[block->size_class]++;
	if (was_full) {
		push(slab, &slab->partial[block->size_class], number);
	} else if (!block->taken) {
		slab->vacant[block->size_class] -= vacancy(block);
		unlink_block(slab, &slab->partial[block->size_class], number);
		push(slab, &slab->empty, number);
	}
}

bool slab_free(struct slab *slab, uint32_t slot)
{
	bool frozen;

	lock_take(&slab->lock, LOCK_SLAB);
	frozen = slab->frozen;
	if (!frozen)
		free_slot(slab, slot);
	lock_drop(&slab->lock, LOCK_SLAB);
	return !frozen;
}

char *slab_object(const struct slab *slab, uint32_t slot, unsigned *ret_bytes, uint64_t *ret_page)
{
	char *address = address_of(slab, slot);
	uint64_t header = *(const uint64_t *)address;

	*ret_bytes = (unsigned)(header & ((1u << LENGTH_BITS) - 1));
	*ret_page = header >> LENGTH_BITS;
	return address + HEADER;
}

/* -- drained --------------------------------------------------------------------------- */

/* The class with the most room that nobody uses.  (Z) */
static unsigned emptiest_class(const struct slab *slab)
{
	unsigned ret = 0;

	for (unsigned i = 1; i < SLAB_CLASSES; i++)
		if (slab->vacant[i] * slot_size(i) > slab->vacant[ret] * slot_size(ret))
			ret = i;
	return ret;
}

/* Of the blocks that became partial first, the one with the fewest objects.  (Z) */
static uint32_t thinnest(const struct slab *slab, const struct slab_list *list)
{
	uint32_t ret = list->last, number = ret;

	for (unsigned n = 0; n < DRAIN_LOOKS && number != NO_BLOCK; n++) {
		if (vacancy(&slab->block[number]) > vacancy(&slab->block[ret]))
			ret = number;
		number = slab->block[number].prev;
	}
	return ret;
}

/* (Z) */
static uint32_t begin_draining(struct slab *slab, unsigned size_class)
{
	struct slab_list *list = &slab->partial[size_class];
	uint32_t number;

	/* The others must have room for all that it has. */
	if (slab->frozen || list->count < 2 || slab->vacant[size_class] < slots_of[size_class])
		return SLAB_NONE;
	number = thinnest(slab, list);
	unlink_block(slab, list, number);
	slab->vacant[size_class] -= vacancy(&slab->block[number]);
	slab->block[number].draining = true;
	return number;
}

uint32_t slab_drain(struct slab *slab)
{
	uint32_t ret;

	lock_take(&slab->lock, LOCK_SLAB);
	ret = begin_draining(slab, emptiest_class(slab));
	lock_drop(&slab->lock, LOCK_SLAB);
	return ret;
}

bool slab_next(struct slab *slab, uint32_t number, uint32_t *slot)
{
	unsigned i = *slot == SLAB_NONE ? 0 : *slot % SLAB_SLOTS + 1;
	uint64_t left;

	lock_take(&slab->lock, LOCK_SLAB);
	left = i < SLAB_SLOTS ? slab->block[number].taken & ~mask_range(0, i) : 0;
	lock_drop(&slab->lock, LOCK_SLAB);
	if (left)
		*slot = number * SLAB_SLOTS + mask_first(left);
	return left != 0;
}

void slab_drained(struct slab *slab, uint32_t number)
{
	struct slab_block *block = &slab->block[number];

	lock_take(&slab->lock, LOCK_SLAB);
	block->draining = false;
	if (!block->taken) {
		push(slab, &slab->empty, number);
	} else {
		slab->vacant[block->size_class] += vacancy(block);
		push(slab, &slab->partial[block->size_class], number);
	}
	lock_drop(&slab->lock, LOCK_SLAB);
}

/* -- frames ------------------------------------------------------------------------------ */

/* Takes empty blocks out, beyond keep of them. */
static unsigned take_empty(struct slab *slab, unsigned keep, uint32_t numbers[TRIM_BATCH])
{
	unsigned n = 0;

	lock_take(&slab->lock, LOCK_SLAB);
	while (n < TRIM_BATCH && slab->empty.count > keep && !slab->frozen)
		numbers[n++] = pop(slab, &slab->empty);
	lock_drop(&slab->lock, LOCK_SLAB);
	return n;
}

unsigned slab_trim(struct slab *slab, unsigned keep)
{
	struct iovec ranges[TRIM_BATCH];
	uint32_t numbers[TRIM_BATCH];
	unsigned n, total = 0;

	while (slab->empty.count > keep && (n = take_empty(slab, keep, numbers)) > 0) {
		for (unsigned i = 0; i < n; i++)
			ranges[i] = (struct iovec){ slab->base + numbers[i] * block_size(),
						    block_size() };
		zap_ours(ranges, n);
		lock_take(&slab->lock, LOCK_SLAB);
		for (unsigned i = 0; i < n; i++)
			push(slab, &slab->bare, numbers[i]);
		note_held(slab, -(int)n);
		lock_drop(&slab->lock, LOCK_SLAB);
		credit_give(slab->budget, (uint64_t)n * SLAB_PAGES);
		total += n * SLAB_PAGES;
	}
	return total;
}

void slab_stock(struct slab *slab, unsigned blocks)
{
	uint32_t number = 0;

	while (slab->empty.count < blocks && number != NO_BLOCK) {
		lock_take(&slab->lock, LOCK_SLAB);
		number = slab->frozen ? NO_BLOCK : new_block(slab);
		if (number != NO_BLOCK) {
			slab->block[number].taken = 0;
			push(slab, &slab->empty, number);
		}
		lock_drop(&slab->lock, LOCK_SLAB);
	}
}

/* -- forks ------------------------------------------------------------------------------- */

void slab_fork(struct slab *slab)
{
	lock_take(&slab->lock, LOCK_SLAB);
	slab->frozen = true;
	lock_drop(&slab->lock, LOCK_SLAB);
}

void slab_fork_parent(struct slab *slab)
{
	slab->frozen = false;
}

void slab_fork_child(struct slab *slab)
{
	lock_reset(&slab->lock);
	slab->frozen = false;
}

/* -- checks ------------------------------------------------------------------------------- */

/* Blocks of the list; each has to have so many slots taken. */
static uint32_t check_list(const struct slab *slab, const struct slab_list *list,
			   unsigned size_class, bool partial)
{
	uint32_t n = 0, prev = NO_BLOCK, vacant = 0;

	for (uint32_t i = list->count ? list->first : NO_BLOCK; i != NO_BLOCK;
	     i = slab->block[i].next) {
		const struct slab_block *block = &slab->block[i];

		assert(block->prev == prev);
		assert(partial == (block->taken != 0));
		assert(!partial ||
		       (block->size_class == size_class && block->taken != all_slots(size_class)));
		vacant += partial ? vacancy(block) : 0;
		prev = i;
		n++;
	}
	assert(n == list->count && (!n || list->last == prev));
	assert(!partial || vacant == slab->vacant[size_class]);
	return n;
}

void slab_check(struct slab *slab)
{
	uint32_t others, full = 0;

	lock_take(&slab->lock, LOCK_SLAB);
	others = check_list(slab, &slab->bare, 0, false);
	assert(slab->fresh - others == slab->held);
	others += check_list(slab, &slab->empty, 0, false);
	for (unsigned size_class = 0; size_class < SLAB_CLASSES; size_class++)
		others += check_list(slab, &slab->partial[size_class], size_class, true);
	for (uint32_t i = 0; i < slab->fresh; i++)
		full += slab->block[i].taken &&
			slab->block[i].taken == all_slots(slab->block[i].size_class);
	assert(others + full == slab->fresh);
	lock_drop(&slab->lock, LOCK_SLAB);
}
